"""What the tests of pages set up alike."""

import pytest
from flask import Flask

from tests.conftest import PASSWORD
from tests.support.browser import Browser
from webapp.models import Member


@pytest.fixture
def browser(app: Flask, alice: Member) -> Browser:
    """Alice's, where she is signed in."""
    return Browser(app).sign_in(alice.email, PASSWORD)
