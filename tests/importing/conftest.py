"""Files for the tests of what reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.extraction import Limits, extract

Read = Callable[..., Extracted]
Fail = Callable[..., str]
Outcome = Callable[..., str]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file's bytes as the application does, in a process of its own."""

    def read(data: bytes, name: str = "upload", limits: Limits | None = None) -> Extracted:
        path = tmp_path / "stored-under-a-generated-name"
        path.write_bytes(data)
        return extract(path, name=name, limits=limits or Limits())

    return read


@pytest.fixture
def fail(read: Read) -> Fail:
    """Reads a file that cannot be read, and gives the code of the reason."""

    def fail(data: bytes, name: str = "upload", limits: Limits | None = None) -> str:
        with pytest.raises(ImportFailure) as caught:
            read(data, name, limits)
        return caught.value.code

    return fail


@pytest.fixture
def outcome(read: Read) -> Outcome:
    """The text of a file that may be readable, or the code of why it is not."""

    def outcome(data: bytes, name: str = "upload", limits: Limits | None = None) -> str:
        try:
            return read(data, name, limits).text
        except ImportFailure as failure:
            return failure.code

    return outcome
