"""PDFs that are made to harm, or that hold no text: a code with a clear message each, soon."""

import time

import pytest

from tests.importing.conftest import Fail, Outcome
from tests.importing.pdfs import deflated, pdf, pdf_of, said
from webapp.importing.extraction import Limits

MEGABYTE = 1_000_000


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.9])
def test_a_truncated_pdf_is_damaged_or_gives_what_is_there(outcome: Outcome, share: float) -> None:
    whole = pdf(said(*["A line of words."] * 40), said("The second page."))
    found = outcome(whole[: int(share * len(whole))])
    assert found in ("damaged", "no_text") or "A line of words." in found


def test_a_pdf_with_a_password_is_encrypted(fail: Fail) -> None:
    lock = (
        f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<01> <01>]"
    )
    assert fail(pdf(said("secret"), trailer=lock)) == "encrypted"


def test_a_scanned_pdf_has_no_text(fail: Fail) -> None:
    image = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1 >>\nstream\n\x80\nendstream"  # fmt: skip
    scan = pdf_of([b"q 500 0 0 700 40 40 cm /Im Do Q"], resources="/XObject << /Im 10 0 R >>", more=[image])
    assert fail(scan) == "no_text"


def test_a_pdf_whose_page_unpacks_to_gigabytes_ends_within_its_limits(fail: Fail) -> None:
    bomb = deflated(b"q Q " * 5 * MEGABYTE, times=2)
    limits = Limits(seconds=10, memory_bytes=600 * MEGABYTE)
    began_at = time.monotonic()
    code = fail(pdf_of([bomb], filters="/Filter [/FlateDecode /FlateDecode]"), limits=limits)
    assert code in ("too_slow", "too_much_memory", "damaged", "no_text")
    assert time.monotonic() - began_at < limits.seconds + 20


def test_a_pdf_that_draws_itself_without_end_ends_within_its_limits(fail: Fail) -> None:
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 10 0 R >> >> /Length 14 >>\nstream\n/F Do /F Do /F\nendstream"  # fmt: skip
    data = pdf_of([b"/F Do"], resources="/XObject << /F 10 0 R >>", more=[form])
    assert fail(data, limits=Limits(seconds=3)) in ("no_text", "damaged", "too_slow", "too_much_memory")


def test_a_pdf_whose_pages_contain_themselves_is_damaged(fail: Fail) -> None:
    data = pdf(said("words")).replace(
        b"/Type /Pages /Count 1 /Kids [10 0 R]", b"/Type /Pages /Count 9 /Kids [ 2 0 R]"
    )
    assert fail(data, limits=Limits(seconds=10)) in ("damaged", "no_text", "too_slow")


def test_a_pdf_of_too_many_pages_is_too_complex(fail: Fail) -> None:
    assert fail(pdf(*[said("x")] * 12), limits=Limits(most_pages=10)) == "too_complex"
