"""A file of any known kind as Extracted. Runs in the confined process alone: `extraction` is what others call."""

from dataclasses import replace
from pathlib import Path

from webapp.importing import containers, pandoc
from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.limits import Limits, Page
from webapp.importing.mails import attachments_note, mail
from webapp.importing.properties import Properties, first_heading, of_archive
from webapp.importing.recognizing import kind_of, kind_of_zip
from webapp.importing.rich_text import properties_of, simplified
from webapp.importing.texts import decoded, without_front_matter
from webapp.importing.webpages import linked, webpage, whole_page
from webapp.summarizing.sanitizing import visible

LOCKS = ("META-INF/manifest.xml", "META-INF/encryption.xml")
MARKDOWN_READER = "commonmark+pipe_tables+strikeout+task_lists+footnotes+autolink_bare_uris"


def read(path: Path, name: str, limits: Limits, page: Page | None = None) -> Extracted:
    """What the file says. Raises ImportFailure."""
    kind = kind_of(path, name)
    if kind == "zip":
        found = _of_archive(path, limits)
    elif kind == "pdf":
        from webapp.importing.pdf import pdf

        found = pdf(path, limits)
    elif page and kind != "rtf":
        found = linked(path.read_bytes(), page)
    else:
        found = _of_text(path.read_bytes(), kind, limits)
    return _checked(found, limits)


def _checked(found: Extracted, limits: Limits) -> Extracted:
    text = visible(found.text) if found.format == "markdown" else found.text.replace("\0", "")
    if not text.strip():
        raise ImportFailure("no_text")
    if len(text) > limits.most_characters_out:
        raise ImportFailure("too_much_text", f"{len(text)} characters")
    is_named = found.title or found.format != "markdown"
    return replace(found, text=text, title=found.title if is_named else first_heading(text))


def _of_archive(path: Path, limits: Limits) -> Extracted:
    with containers.opened(path) as archive:
        containers.check(archive, limits)
        kind = kind_of_zip(archive)
        if is_locked(archive.namelist(), containers.read_if_there(archive, *LOCKS)):
            raise ImportFailure("encrypted", "its parts are encrypted")
        said = of_archive(archive, kind)
        checked = containers.repacked(archive, kind, limits)
        slides = sum(is_slide(entry) for entry in archive.namelist()) if kind == "pptx" else None
    return _extracted(pandoc.markdown(checked, kind, limits), "markdown", kind, said, slides)


def is_locked(names: list[str], locks: bytes) -> bool:
    """Whether an ODT has a password or a book is sold for one device. Fonts alone may be locked anywhere."""
    return (
        "META-INF/rights.xml" in names
        or b"encryption-data" in locks
        or (b"CipherReference" in locks and b"html" in locks)
    )


def is_slide(entry: str) -> bool:
    """Whether the entry of a PPTX is a slide."""
    return entry.startswith("ppt/slides/slide") and entry.endswith(".xml")


def _of_text(data: bytes, kind: str, limits: Limits) -> Extracted:
    if kind == "html":
        return webpage(data, limits)
    if kind == "eml":
        return _of_mail(data, limits)
    if kind == "rtf":
        data = simplified(data)
        return _extracted(pandoc.markdown(data, "rtf", limits), "markdown", kind, properties_of(data))
    text = decoded(data)
    if kind == "text":
        return _extracted(text, "plain", kind)
    text, said = without_front_matter(text)
    return _extracted(pandoc.markdown(text.encode(), MARKDOWN_READER, limits), "markdown", kind, said)


def _of_mail(data: bytes, limits: Limits) -> Extracted:
    found = mail(data)
    if found.is_html:
        read = _extracted(whole_page(found.body, limits).text, "markdown", "eml", found.properties)
    else:
        read = _extracted(found.body, "plain", "eml", found.properties)
    return replace(read, notes=(attachments_note(found.attached),) if found.attached else ())


def _extracted(
    text: str, format: str, kind: str, said: Properties | None = None, pages: int | None = None
) -> Extracted:
    said = said or Properties()
    return Extracted(
        text=text, format=format, kind=kind, pages=pages,
        title=said.title, author=said.author, date=said.date, language=said.language,
    )  # fmt: skip
