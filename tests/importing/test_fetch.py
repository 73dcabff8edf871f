"""One GET for a link, against real sites on loopback: what comes back, and how it ends when it goes wrong."""

import gzip
import ssl
import threading
import zlib
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path

import httpcore2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.importing.sites import Answer, Site, Visit, loopback_only
from webapp.importing import fetch as fetch_module
from webapp.importing.extracted import ImportFailure
from webapp.importing.fetch import TYPES, FetchLimits, fetch
from webapp.importing.guard import Guard

HERE = Guard(networks=(ip_network("127.0.0.1/32"),))
SMALL = FetchLimits(most_bytes=100_000, seconds=20.0)
SHORT = FetchLimits(seconds=0.3)
PAGE = "<p>Grüße</p>".encode()
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# Self-signed for docs.example, made for these tests: nobody trusts it.
CERTIFICATE = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgRD7Ce4BgKaJr8RQB
cjRwUhO1gxiV1Kmuze2DPiPynn2hRANCAATee+h7NxwDGGDZfShIXOlsJt7yq7uF
UVEm9PrsG7K19uvaOAon/EcQjRkGQnBJyzM39HOwZpC910gOknpfHxai
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBnjCCAUSgAwIBAgIUUBRN8ZfFLBTvn64n22YvtlWO7ccwCgYIKoZIzj0EAwIw
FzEVMBMGA1UEAwwMZG9jcy5leGFtcGxlMCAXDTI2MTEyNTEzMzg0NVoYDzIxMjYx
MTAxMTMzODQ1WjAXMRUwEwYDVQQDDAxkb2NzLmV4YW1wbGUwWTATBgcqhkjOPQIB
BggqhkjOPQMBBwNCAATee+h7NxwDGGDZfShIXOlsJt7yq7uFUVEm9PrsG7K19uva
OAon/EcQjRkGQnBJyzM39HOwZpC910gOknpfHxaio2wwajAdBgNVHQ4EFgQU2ARO
2jiUVihBdtvRTeXLWm7U5gIwHwYDVR0jBBgwFoAU2ARO2jiUVihBdtvRTeXLWm7U
5gIwDwYDVR0TAQH/BAUwAwEB/zAXBgNVHREEEDAOggxkb2NzLmV4YW1wbGUwCgYI
KoZIzj0EAwIDSAAwRQIgNW6sO+Bv0d1CBLfUygf6foT+ag6M2Hr2l1c2WQojuXAC
IQCLfaTWLLSlB8HsJGACRli+tF8u3TG973h055B0ksa3RA==
-----END CERTIFICATE-----
"""


@pytest.fixture(autouse=True)
def attempts() -> Iterator[list[str]]:
    with loopback_only() as attempts:
        yield attempts


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


def at_home(host: str) -> list[str]:
    return ["127.0.0.1"]


def failure_of(url: str, *, limits: FetchLimits = SMALL, guard: Guard = HERE) -> str:
    """The code of the failure. An AssertionError if it does not fail."""
    with pytest.raises(ImportFailure) as failure:
        fetch(url, limits=limits, guard=guard, resolve=at_home).body.close()
    return failure.value.code


def bytes_of(url: str) -> bytes:
    with fetch(url, limits=SMALL, guard=HERE, resolve=at_home) as fetched:
        return fetched.path.read_bytes()


def test_a_page_comes_with_what_the_site_says_of_it(site: Site) -> None:
    site.answers["/a%20page?q=1"] = lambda visit: visit.answer(
        PAGE,
        content_type='Text/HTML; charset="UTF-8"',
        etag='"v1"',
        last_modified="Wed, 25 Nov 2026 08:00:00 GMT",
    )
    with fetch(site.address("/a page?q=1#part"), guard=HERE) as fetched:
        assert (fetched.body.read(), fetched.size) == (PAGE, len(PAGE))
        assert (fetched.content_type, fetched.charset, fetched.is_page) == ("text/html", "utf-8", True)
        assert (fetched.etag, fetched.last_modified) == ('"v1"', "Wed, 25 Nov 2026 08:00:00 GMT")
        assert (fetched.address, fetched.name) == (site.address("/a%20page?q=1"), "a page")


def test_the_file_goes_with_the_block(site: Site) -> None:
    site.answers["/"] = lambda visit: visit.answer(PAGE)
    with fetch(site.address(), guard=HERE) as fetched:
        path = fetched.path
        assert path.exists()
    assert not path.exists()


def test_precis_says_who_it_is_and_nothing_of_its_people(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    site.answers["/"] = lambda visit: visit.answer(PAGE)
    assert bytes_of(site.address()) == PAGE
    headers = site.visits[0].headers
    assert headers["User-Agent"].startswith("Precis/")
    assert not {"accept-language", "cookie", "referer", "authorization"} & {name.lower() for name in headers}


def test_a_private_address_is_refused_without_a_connection(site: Site, attempts: list[str]) -> None:
    assert failure_of(site.address(), guard=Guard()) == "forbidden_address"
    assert failure_of(site.address(host="docs.example"), guard=Guard()) == "forbidden_address"
    assert failure_of("http://169.254.169.254/latest/") == "forbidden_address"
    assert (attempts, site.visits) == ([], [])


def test_redirects_are_followed(site: Site) -> None:
    site.answers["/old"] = lambda visit: visit.answer(status=301, location="deeper/new?x=ä#part")
    site.answers["/deeper/new?x=%C3%A4"] = lambda visit: visit.answer(PAGE)
    with fetch(site.address("/old"), guard=HERE) as fetched:
        assert fetched.address == site.address("/deeper/new?x=%C3%A4")


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.2/", "forbidden_address"),
        ("http://10.0.0.1/admin", "forbidden_address"),
        ("//169.254.169.254/latest/", "forbidden_address"),
        ("http://2130706434/", "forbidden_address"),
        ("http://[::1]/", "forbidden_address"),
        ("http://[::ffff:10.0.0.1]/", "forbidden_address"),
        ("file:///etc/passwd", "bad_address"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "bad_address"),
        ("http://127.0.0.1:22/", "bad_address"),
        ("http://alice:secret@127.0.0.1/", "bad_address"),
        ("http://[", "bad_address"),
    ],
)
def test_a_redirect_is_checked_like_the_link(
    site: Site, attempts: list[str], location: str, code: str
) -> None:
    site.answers["/"] = lambda visit: visit.answer(status=302, location=location)
    assert failure_of(site.address()) == code
    assert attempts == ["127.0.0.1"]


def test_a_name_that_changes_its_address_is_judged_at_each_connection(
    site: Site, attempts: list[str]
) -> None:
    """S08: the address that the guard saw first is fine, the one of the next connection is not."""
    answers = iter([["127.0.0.1"], ["127.0.0.2"]])
    site.answers["/"] = lambda visit: visit.answer(status=302, location="/again")
    with pytest.raises(ImportFailure) as failure:
        fetch(site.address(host="docs.example"), guard=HERE, resolve=lambda host: next(answers))
    assert (failure.value.code, attempts) == ("forbidden_address", ["127.0.0.1"])


def test_the_other_end_is_judged_before_anything_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was asked for is allowed, and what answers is not: a connection that something has turned aside."""
    to_site = httpcore2.SyncBackend.connect_tcp
    monkeypatch.setattr(
        httpcore2.SyncBackend,
        "connect_tcp",
        lambda self, host, port, timeout: to_site(self, "127.0.0.1", port, timeout),
    )
    site.answers["/"] = lambda visit: visit.answer(PAGE)
    guard = Guard(networks=(ip_network("127.0.0.2/32"),))
    assert failure_of(site.address(host="127.0.0.2"), guard=guard) == "forbidden_address"
    assert site.visits == []


def test_five_redirects_are_followed_and_six_are_not(site: Site) -> None:
    for n in range(6):
        site.answers[f"/{n}"] = lambda visit, n=n: visit.answer(status=307, location=f"/{n + 1}")  # type: ignore[misc]
    site.answers["/6"] = lambda visit: visit.answer(PAGE)
    assert bytes_of(site.address("/1")) == PAGE
    assert failure_of(site.address("/0")) == "too_many_redirects"
    assert len(site.visits) == 6 + 6


def test_a_cookie_lives_as_long_as_the_redirects(site: Site) -> None:
    def with_cookie(visit: Visit) -> None:
        if "seen=1" in visit.headers.get("Cookie", ""):
            visit.answer(PAGE)
        else:
            visit.answer(status=302, location="/", set_cookie="seen=1")

    site.answers["/"] = with_cookie
    assert bytes_of(site.address()) == bytes_of(site.address()) == PAGE
    assert [("Cookie" in visit.headers) for visit in site.visits] == [False, True, False, True]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, "not_found"), (410, "not_found"), (401, "forbidden"), (402, "forbidden"), (403, "forbidden"),
     (451, "forbidden"), (429, "server_error"), (500, "server_error"), (503, "server_error"), (304, "server_error")],
)  # fmt: skip
def test_a_refusal_says_whose_turn_it_is(site: Site, status: int, code: str) -> None:
    site.answers["/"] = lambda visit: visit.answer(PAGE, status=status)
    assert failure_of(site.address()) == code


def test_an_empty_answer_is_no_document(site: Site) -> None:
    site.answers["/"] = lambda visit: visit.answer()
    assert failure_of(site.address()) == "empty"


@pytest.mark.parametrize(
    ("content_type", "path", "disposition"),
    [
        *((content_type, "/report", "inline") for content_type in sorted(TYPES)),
        ("application/octet-stream", "/report.PDF?download=1", "inline"),
        ("application/octet-stream", "/get", 'attachment; filename="report.docx"'),
        ("binary/octet-stream", "/get", "attachment; filename*=UTF-8''r%C3%A9sum%C3%A9.epub"),
        ("application/zip", "/book.epub", "inline"),
    ],
)
def test_documents_are_taken(site: Site, content_type: str, path: str, disposition: str) -> None:
    site.answers[path] = lambda visit: visit.answer(
        PAGE, content_type=content_type, content_disposition=disposition
    )
    assert bytes_of(site.address(path)) == PAGE


@pytest.mark.parametrize(
    ("content_type", "path"),
    [
        ("image/png", "/a.pdf"), ("video/mp4", "/"), ("application/json", "/"), ("text/css", "/"), ("nonsense", "/"),
        ("application/octet-stream", "/setup.exe"), ("application/zip", "/all.zip"), ("", "/unnamed"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_not_read(site: Site, content_type: str, path: str) -> None:
    site.answers[path] = lambda visit: visit.answer(PAGE, content_type=content_type)
    assert failure_of(site.address(path)) == "wrong_type"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="../../etc/passwd.pdf"', "passwd.pdf"),
        (r'attachment; filename="C:\\Users\\alice\\report.pdf"', "report.pdf"),
        ('attachment; filename="a\x1b[31m.pdf"', "a[31m.pdf"),
        (f'attachment; filename="{"long" * 100}.pdf"', ("long" * 100 + ".pdf")[-200:]),
        ("attachment; filename*=UTF-8''%E4%BE%8B.pdf", "例.pdf"),
        ("attachment; filename*=no-charset''x.pdf", "x.pdf"),
        ("attachment", "page"),
    ],
)
def test_a_file_gets_a_name_without_a_path(disposition: str, name: str) -> None:
    assert fetch_module._name(disposition, "http://docs.example/a/page?q=/b") == name


@given(st.text(), st.text())
def test_a_name_never_has_a_path_or_an_end_of_line(disposition: str, path: str) -> None:
    name = fetch_module._name("attachment; filename=" + disposition.replace("\n", "").replace("\r", ""), path)
    assert "/" not in name and "\\" not in name and name.isprintable() and len(name) <= 200


PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "deflate": zlib.compress}


@pytest.mark.parametrize("encoding", PACKED)
def test_a_packed_page_is_unpacked(site: Site, encoding: str) -> None:
    site.answers["/"] = lambda visit: visit.answer(PACKED[encoding](PAGE), content_encoding=encoding)
    assert bytes_of(site.address()) == PAGE


@pytest.mark.parametrize("encoding", PACKED)
def test_a_bomb_is_not_unpacked_to_its_end(site: Site, encoding: str) -> None:
    bomb = PACKED[encoding](bytes(20_000_000))
    assert len(bomb) < SMALL.most_bytes
    site.answers["/"] = lambda visit: visit.answer(bomb, content_encoding=encoding)
    assert failure_of(site.address()) == "too_large"


@pytest.mark.parametrize("encoding", ["br", "zstd", "x-gzip", "gzip, gzip", "gzip, br"])
def test_what_is_packed_as_nobody_asked_is_refused(site: Site, encoding: str) -> None:
    """Two layers of packing would do the work of a bomb and show little in the end."""
    site.answers["/"] = lambda visit: visit.answer(
        gzip.compress(gzip.compress(PAGE)), content_encoding=encoding
    )
    assert failure_of(site.address()) == "server_error"


def test_a_broken_package_is_the_sites_fault(site: Site) -> None:
    site.answers["/"] = lambda visit: visit.answer(b"no gzip", content_encoding="gzip")
    assert failure_of(site.address()) == "server_error"


def endless(first: bytes, more: bytes, **headers: str) -> Answer:
    def answer(visit: Visit) -> None:
        visit.begin(200, **headers)
        visit.wfile.write(first)
        while True:
            visit.wfile.write(more)

    return answer


def test_an_endless_body_ends_at_the_limit(site: Site) -> None:
    site.answers["/"] = endless(b"", bytes(10_000))
    assert failure_of(site.address()) == "too_large"


def test_bytes_that_unpack_to_nothing_count_too(site: Site) -> None:
    site.answers["/"] = endless(gzip.compress(PAGE), bytes(10_000), content_encoding="gzip")
    assert failure_of(site.address()) == "too_large"


@pytest.mark.parametrize("length", ["100001", "9" * 19])
def test_a_length_over_the_limit_is_refused_before_the_body(site: Site, length: str) -> None:
    gone = threading.Event()

    def waiting(visit: Visit) -> None:
        visit.begin(content_length=length)
        gone.wait(60)

    site.answers["/"] = waiting
    assert failure_of(site.address()) == "too_large"
    gone.set()


def drip(*, headers_first: bool) -> Answer:
    def answer(visit: Visit) -> None:
        if headers_first:
            visit.begin()
        else:
            visit.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:
            visit.wfile.write(b"a")
            threading.Event().wait(0.02)

    return answer


@pytest.mark.parametrize("headers_first", [True, False])
def test_a_slow_drip_does_not_hold_anybody_up(site: Site, headers_first: bool) -> None:
    site.answers["/"] = drip(headers_first=headers_first)
    assert failure_of(site.address(), limits=SHORT) == "slow_site"


def test_the_time_is_for_all_redirects_together(site: Site) -> None:
    def slowly(visit: Visit) -> None:
        threading.Event().wait(0.2)
        visit.answer(status=302, location="/")

    site.answers["/"] = slowly
    assert failure_of(site.address(), limits=SHORT) in ("slow_site", "unreachable")
    assert len(site.visits) <= 3


def test_a_site_that_hangs_up_is_in_trouble(site: Site) -> None:
    site.answers["/"] = lambda visit: visit.connection.close()
    assert failure_of(site.address()) == "server_error"


def test_a_page_that_breaks_off_is_not_taken_for_whole(site: Site) -> None:
    def half(visit: Visit) -> None:
        visit.begin(content_length="1000")
        visit.wfile.write(PAGE)

    site.answers["/"] = half
    assert failure_of(site.address()) == "server_error"


def test_a_site_that_is_not_there_is_unreachable(site: Site) -> None:
    with Site() as other:
        address = other.address()
    assert failure_of(address) == "unreachable"


def test_a_name_that_nobody_has_is_unreachable() -> None:
    def unknown(host: str) -> list[str]:
        raise OSError("no such name")

    def nowhere(host: str) -> list[str]:
        return []

    for resolve in (unknown, nowhere):
        with pytest.raises(ImportFailure) as failure:
            fetch("http://nobody.example/", resolve=resolve)
        assert failure.value.code == "unreachable"


@pytest.fixture
def secure_site(tmp_path: Path) -> Iterator[Site]:
    (tmp_path / "site.pem").write_text(CERTIFICATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "site.pem")
    with Site(context) as site:
        site.answers["/"] = lambda visit: visit.answer(PAGE)
        yield site


def test_a_certificate_that_nobody_trusts_is_refused(secure_site: Site) -> None:
    assert failure_of(secure_site.address(host="docs.example", scheme="https")) == "bad_certificate"
    assert secure_site.visits == []


def test_a_certificate_is_checked_against_the_name_in_the_link(
    secure_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection goes to a number, so that only the name of the link can be meant."""
    trusting = ssl.create_default_context(cafile=tmp_path / "site.pem")
    monkeypatch.setattr(fetch_module, "tls_context", lambda: trusting)
    assert bytes_of(secure_site.address(host="docs.example", scheme="https")) == PAGE
    assert failure_of(secure_site.address(host="other.example", scheme="https")) == "bad_certificate"


def test_a_site_without_encryption_is_not_taken_for_a_secure_one(site: Site) -> None:
    site.answers["/"] = lambda visit: visit.answer(PAGE)
    assert failure_of(site.address(scheme="https")) == "unreachable"
