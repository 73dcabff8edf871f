"""A person without a browser: an HTTP client that signs in, saves, reads and clicks on a running Precis."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2

from tests.support.precis import PATIENCE_SECONDS, Account

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
STATUS = re.compile(r'id="document-\d+-summary" data-status="(\w+)"( data-stale="true")?')


class Visitor:
    """One signed-in person. Connections are not kept, so that a restarted server is just there again."""

    def __init__(self, address: str, account: Account) -> None:
        self.address = address
        self.client = httpx2.Client(base_url=address, timeout=PATIENCE_SECONDS, trust_env=False)
        answer = self.client.get("/session/new")
        form = {"csrf_token": _token(answer), "email": account.email, "password": account.password}
        assert self.client.post("/session", data=form).status_code == 303
        self.token = _token(self.client.get("/documents/new"))

    def close(self) -> None:
        self.client.close()

    def save(self, title: str, text: str) -> int:
        """Save a new document. Returns its id."""
        return self._sent("/documents", title=title, text=text)

    def edit(self, document_id: int, title: str, text: str) -> None:
        self._sent(f"/documents/{document_id}", title=title, text=text)

    def click(self, document_id: int) -> None:
        """Press the button of the summary area."""
        answer = self.client.post(f"/documents/{document_id}/summary", data={"csrf_token": self.token})
        assert answer.status_code == 303, answer.text

    def page(self, document_id: int) -> str:
        """The HTML of the document's page."""
        answer = self.client.get(f"/documents/{document_id}")
        assert answer.status_code == 200, answer.text
        return answer.text

    def status(self, document_id: int) -> str:
        """The status on the page, with "stale " before it while an earlier version's summary is shown."""
        found = STATUS.search(self.page(document_id))
        assert found
        return ("stale " if found[2] else "") + found[1]

    def pages_until(self, document_id: int, status: str, seconds: float = PATIENCE_SECONDS) -> list[str]:
        """Read the page again and again until it has this status. Returns all that was seen."""
        pages = [self.page(document_id)]
        end = time.monotonic() + seconds
        while f'data-status="{status}"' not in pages[-1]:
            assert time.monotonic() < end, f"not {status} in {seconds} s: {STATUS.search(pages[-1])}"
            time.sleep(0.05)
            pages.append(self.page(document_id))
        return pages

    def together(self, number: int, document_id: int) -> list[int]:
        """Open the page so many times at once. Returns the status codes."""
        url, cookies = f"{self.address}/documents/{document_id}", dict(self.client.cookies)

        def view(_: int) -> int:
            return httpx2.get(url, cookies=cookies, timeout=PATIENCE_SECONDS, trust_env=False).status_code

        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(view, range(number)))

    def _sent(self, path: str, **form: str) -> int:
        answer = self.client.post(path, data={"csrf_token": self.token, **form})
        assert answer.status_code == 303, answer.text
        return int(answer.headers["Location"].rpartition("/")[2])


def _token(answer: httpx2.Response) -> str:
    found = TOKEN.search(answer.text)
    assert found, answer.text
    return found[1]
