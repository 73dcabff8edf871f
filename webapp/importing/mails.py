"""A saved e-mail: its words, and who wrote them when about what."""

from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import NamedTuple

from webapp.importing.properties import Properties, line_of, properties
from webapp.importing.texts import decoded

MOST_NAMED = 5


class Mail(NamedTuple):
    """The body, as it was typed or as HTML, and the names of what was attached."""

    body: str
    is_html: bool
    properties: Properties
    attached: tuple[str, ...]


def mail(data: bytes) -> Mail:
    """The mail that `data` is, its plain words preferred. Raises ImportFailure: "unknown_format"."""
    message = message_from_bytes(data, policy=policy.default)
    plain = message.get_body(("plain",))
    words = _words(plain) if plain else ""
    rich = None if words.strip() else message.get_body(("html",))
    return Mail(
        body=_words(rich) if rich else words,
        is_html=rich is not None,
        properties=_properties(message),
        attached=tuple(_name(part) for part in message.iter_attachments()),
    )


def attachments_note(attached: tuple[str, ...]) -> str:
    """A sentence about what was left out."""
    count, more = len(attached), len(attached) - MOST_NAMED
    names = ", ".join(attached[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{count} attachment{'s' * (count != 1)} left out: {names}."


def _words(part: object) -> str:
    # Not get_content(): it knows no more charsets than Python, and decodes what others mislabel to marks.
    data = part.get_payload(decode=True) if isinstance(part, EmailMessage) else b""
    charset = part.get_content_charset() if isinstance(part, EmailMessage) else None
    return decoded(data, charset) if isinstance(data, bytes) else ""


def _properties(message: EmailMessage) -> Properties:
    sent = getattr(message["date"], "datetime", None)
    senders = getattr(message["from"], "addresses", ())
    return properties(
        title=_header(message, "subject"),
        author=", ".join(sender.display_name or sender.addr_spec for sender in senders[:MOST_NAMED]),
        date=sent.date().isoformat() if isinstance(sent, datetime) else None,
        language=_header(message, "content-language").partition(",")[0],
    )


def _header(message: EmailMessage, name: str) -> str:
    return str(message[name] or "")


def _name(part: object) -> str:
    name = part.get_filename() if isinstance(part, EmailMessage) else None
    return line_of(name) or "a file without a name"
