"""Saved e-mails: the words that a person wrote, and who, when, about what."""

from email.message import EmailMessage

from tests.importing.conftest import Fail, Read


def letter(plain: str = "", html: str = "") -> EmailMessage:
    """A mail with headers."""
    message = EmailMessage()
    message["From"] = "Frau Grün <gruen@example.org>"
    message["To"] = "b@example.org"
    message["Subject"] = "Über den Fluß"
    message["Date"] = "Tue, 09 Jul 2024 23:30:00 -0800"
    if plain:
        message.set_content(plain)
    if html and plain:
        message.add_alternative(html, subtype="html")
    elif html:
        message.set_content(html, subtype="html")
    return message


def test_plain_words_are_preferred_and_stay_as_typed(read: Read) -> None:
    found = read(letter("Hallo,\n\n> zitiert\n-- \nG.\n", "<p>Hallo</p>").as_bytes())
    assert (found.kind, found.format, found.text) == ("eml", "plain", "Hallo,\n\n> zitiert\n-- \nG.\n")
    assert (found.title, found.author, found.date) == ("Über den Fluß", "Frau Grün", "2024-07-09")


def test_html_is_read_where_there_are_no_plain_words(read: Read) -> None:
    html = "<h1>News</h1><p>Caf\u00e9 <img src='https://tracker.example/p.png'></p><ul><li>one</ul>"
    found = read(letter(html=html).as_bytes())
    assert (found.kind, found.format) == ("eml", "markdown")
    assert found.text == "# News\n\nCafé\n\n- one\n"


def test_what_is_attached_is_named_and_left_out(read: Read) -> None:
    message = letter("See attached.\n")
    for name in ("a.pdf", "b.png"):
        message.add_attachment(b"secret", maintype="application", subtype="pdf", filename=name)
    found = read(message.as_bytes())
    assert found.text == "See attached.\n"
    assert found.notes == ("2 attachments left out: a.pdf, b.png.",)


def test_quoted_printable_and_old_charsets_are_decoded(read: Read) -> None:
    head = (
        b"From: x@example.org\r\nSubject: =?koi8-r?B?8NLJ18XU?=\r\nDate: Mon, 1 Jan 2024 10:00:00 +0000\r\n"
    )
    kind = b"Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    found = read(head + kind + b"=F0=D2=C9=D7=\r\n=C5=D4\r\n")
    assert (found.title, found.text, found.author) == ("Привет", "Привет\n", "x@example.org")


def test_a_mail_without_a_word_has_no_text(fail: Fail) -> None:
    message = letter()
    message.add_attachment(b"x", maintype="image", subtype="png", filename="p.png")
    assert fail(message.as_bytes()) == "no_text"


def test_broken_headers_are_no_reason_to_fail(read: Read) -> None:
    found = read(
        b"Subject: =?x-none?B?!!!?=\nDate: yesterday\nFrom: <<<\nContent-Type: text/plain; charset=what\n\nHi.\n"
    )
    assert (found.text, found.date) == ("Hi.\n", None)
