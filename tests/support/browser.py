"""A browser without JavaScript, over Flask's test client: it follows links, fills forms and reads pages as trees."""

import contextvars
from typing import Any
from urllib.parse import urljoin

from flask import Flask, has_app_context
from flask.testing import FlaskClient
from lxml import html
from lxml.cssselect import CSSSelector
from werkzeug.test import TestResponse

from webapp.extensions import db

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


class Client(FlaskClient):
    """Each request in a context of its own, as in a server: nothing of the test's `g` or session leaks into it."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if has_app_context():
            db.session.commit()  # the test's next look is at what the request left behind
        return contextvars.Context().run(super().open, *args, **kwargs)


class Browser:
    """One person's browser."""

    def __init__(self, app: Flask) -> None:
        self.client = Client(app, app.response_class)
        self.response: TestResponse | None = None
        self.path = "/"

    @property
    def page(self) -> html.HtmlElement:
        """The tree of the last page."""
        assert self.response is not None
        return html.document_fromstring(self.response.text)

    @property
    def status(self) -> int:
        assert self.response is not None
        return self.response.status_code

    def find(self, selector: str) -> list[html.HtmlElement]:
        return list(CSSSelector(selector)(self.page))

    def one(self, selector: str) -> html.HtmlElement:
        found = self.find(selector)
        assert len(found) == 1, f"{len(found)} of {selector} in {self.path}: {self.status}"
        return found[0]

    def text(self, selector: str) -> str:
        return " ".join(self.one(selector).text_content().split())

    def open(self, path: str, **kwargs: Any) -> "Browser":
        self.response = self.client.get(path, follow_redirects=True, **kwargs)
        self.path = self.response.request.path
        return self

    def fragment(self, path: str) -> "Browser":
        """Ask as HTMX does."""
        self.response = self.client.get(path, headers=HTMX)
        self.path = path
        return self

    def submit(
        self, selector: str, follow: bool = True, htmx: bool = False, press: str = "", **fields: Any
    ) -> "Browser":
        """Fill and send the form that matches `selector`, with its hidden fields as they are; by the button `press`."""
        form = self.one(selector)
        data = {name: self._typed(form, name, value) for name, value in form.form_values()}
        if press:
            button = self.one(f"{selector} {press}")
            data[button.get("name")] = button.get("value")
        unknown = set(fields) - set(form.fields.keys())
        assert not unknown, f"the form has no {unknown}"
        self.response = self.client.open(
            urljoin(self.path, form.get("action") or self.path),
            method=form.method,
            **{"query_string" if form.method == "GET" else "data": {**data, **fields}},
            headers=HTMX if htmx else {},
            follow_redirects=follow,
        )
        self.path = self.response.request.path
        return self

    @staticmethod
    def _typed(form: html.FormElement, name: str, value: str) -> str:
        """A text area's value as browsers send it: without the line end after its tag, and with CRLF."""
        is_area = isinstance(form.inputs[name], html.TextareaElement)
        return value.removeprefix("\n").replace("\n", "\r\n") if is_area else value

    def sign_in(self, email: str, password: str) -> "Browser":
        self.open("/session/new")
        return self.submit('form[action="/session"]', email=email, password=password)

    def token(self) -> str:
        """A CSRF token of this browser's session."""
        return str(self.open("/documents/new").find('input[name="csrf_token"]')[0].get("value"))

    def post(self, path: str, htmx: bool = False, **fields: Any) -> "Browser":
        """Send a form that no page need show."""
        data = {"csrf_token": self.token(), **fields}
        self.response = self.client.post(path, data=data, headers=HTMX if htmx else {})
        self.path = path
        return self

    def write(self, title: str, text: str) -> int:
        """Save a new document. Returns its id."""
        self.open("/documents/new").submit('form[action="/documents"]', title=title, text=text)
        assert self.status == 200, self.response
        return int(self.path.rsplit("/", 1)[1])
