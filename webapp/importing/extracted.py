"""What comes out of a file or a link, or why nothing does, in words that people understand."""

from dataclasses import dataclass

MESSAGES = {
    "bad_address": "This is no web address that Precis can open. It must begin with http:// or https:// and name a site.",
    "forbidden_address": (
        "This address leads into a private network, which Precis does not open. "
        "Save the page as a file and upload that, or ask an admin to allow the network."
    ),
    "unreachable": "The site does not answer. Check the address, or save the page as a file and upload that.",
    "not_found": "The site has no page at this address. Check the link.",
    "forbidden": (
        "The site does not give this page to Precis: it may want people to sign in or to pay. "
        "Save the page as a file and upload that."
    ),
    "too_large": "This is larger than what Precis takes. Split it, and add the parts one by one.",
    "slow_site": "The site took too long. Try again later, or save the page as a file and upload that.",
    "too_slow": "Reading this took too long. Split it, and add the parts one by one.",
    "wrong_type": "The link leads to something that is neither a page nor a document. Link to the document itself.",
    "server_error": "The site has trouble of its own. Try again later, or save the page as a file and upload that.",
    "too_many_redirects": "The site sends Precis from one address to the next. Save the page as a file and upload that.",
    "bad_certificate": (
        "The site cannot prove that it is the one that the address names. "
        "Check the address, or save the page as a file and upload that."
    ),
    "empty": "There is nothing in it.",
    "no_text": (
        "No text was found in it. If it is a scan, run text recognition (OCR) over it first. "
        "If it is a web page that shows one in your browser, save the page as a file and upload that."
    ),
    "encrypted": (
        "It is locked with a password or by a shop. Save a copy without the protection and upload that, "
        "or paste the text."
    ),
    "unknown_format": (
        "Precis does not know this kind of file. It takes PDF, Word (.docx), OpenDocument text (.odt), PowerPoint "
        "(.pptx), EPUB, RTF, HTML, Markdown, plain text and e-mail (.eml)."
    ),
    "old_office": "This is a file of an Office before 2007. Save it as .docx, .pptx or PDF and upload that.",
    "damaged": (
        "It is damaged or not whole. Open it with the program that made it, save it anew and upload that, "
        "or save it as a PDF."
    ),
    "too_complex": "It holds more parts than a document needs, and was not opened. Save it as a PDF and upload that.",
    "forbidden_xml": (
        "It holds declarations that no office program writes and that could harm the server, and was not opened. "
        "Save it anew or as a PDF."
    ),
    "too_much_memory": "Reading it takes more memory than Precis gives. Split it, and add the parts one by one.",
    "too_much_text": "Its text is longer than what Precis takes. Split it, and add the parts one by one.",
    "no_reader": (
        "This installation lacks pandoc, the program that reads such files. Ask an admin to install it, "
        "or save the document as a PDF and upload that."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """A text and what its source says about it.

    `format` is "markdown" or "plain"; `date` an ISO 8601 date; `language` a BCP 47 tag; `notes` are sentences
    about what was left out.
    """

    text: str
    format: str
    kind: str
    title: str | None = None
    author: str | None = None
    date: str | None = None
    language: str | None = None
    pages: int | None = None
    notes: tuple[str, ...] = ()


class ImportFailure(Exception):
    """Why there is no text: `code` is a key of MESSAGES, `detail` is for the log."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


def message(code: str) -> str:
    """What is the matter and what to do, in a sentence or two; one that fits everything for an unknown code."""
    return MESSAGES.get(code, "This could not be read. Save it as a PDF or a plain text and upload that.")
