"""How well files are read: seconds, memory, and what is lost, beside another extractor.

Run `python -m tests.bench.importing FOLDER`, and `python -m tests.bench.importing --lost FILE` for what is lost of one
file. Each file is read as the application does, from a process of its own, so that the peak of memory is that file's;
figures of some 100 MB are those of the measuring process itself. The other extractor is poppler's pdftotext for PDF,
where it is installed, and for archives and HTML all words of their markup in its order.

Shares are of different runs of five words: "kept" are those of the other extractor that ours has too, "shared"
those of ours that the other has. Running heads, contents with leaders and words put together again at line ends
lower both without any loss. A paragraph of the other extractor is lost if ours has less than half of its runs; a
heading, if no heading of ours has its words.
"""

import html
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from webapp.importing.extracted import Extracted, ImportFailure
from webapp.importing.extraction import Limits, extract

SHINGLE_WORDS = 5
PARAGRAPH_WORDS = 8  # shorter ones are labels, cells, entries of menus
KIBIBYTES_A_MEGABYTE = 1_000_000 / 1024
LIMITS = Limits(seconds=120, most_characters_out=20_000_000)

_PARTS = {
    "docx": re.compile(r"word/document\.xml"),
    "odt": re.compile(r"content\.xml"),
    "epub": re.compile(r".*\.x?html?"),
    "pptx": re.compile(r"ppt/slides/slide\d+\.xml"),
}
_UNSEEN = re.compile(r"<(script|style|head|math)\b.*?</\1>|<!--.*?-->|<\?.*?\?>", re.DOTALL | re.IGNORECASE)
_BLOCK = re.compile(
    r"</?(?:w:(?:p|tab|br|tc)|text:(?:p|h|s|tab|line-break)|a:(?:p|br)|p|div|li|t[dhr]|h\d|br|pre|d[td]|table|[uo]l"
    r"|section|title)\b[^>]*>"
)
_TAG = re.compile(r"<[^>]*>")
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)")
_HYPHENATED = re.compile(r"(?<=\w)[-\u00ad]\n(?=[a-zß-ÿ])")
_WORD = re.compile(r"[^\W_]+")
_HEADING = re.compile(r"^ {0,3}#{1,6} (.*)$", re.MULTILINE)
_THEIR_HEADING = re.compile(r"<(h[1-6])\b[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_PARAGRAPH_END = re.compile(r"\n\s*\n|\f")
_PAGES = ("html", "epub")


@dataclass(frozen=True)
class Measured:
    """One file. Shares are from 0 to 1, None where there is no other extractor."""

    name: str
    outcome: str
    pages: int | None
    seconds: float
    megabytes: float
    characters: int = 0
    headings: int = 0
    kept: float | None = None
    shared: float | None = None
    lost: str = "-"
    headings_lost: str = "-"


def measured(path: Path) -> Measured:
    """The figures of one file. The memory is right in a process that has read no other file."""
    began_at = time.monotonic()
    try:
        found: Extracted | None = extract(path, name=path.name, limits=LIMITS)
        outcome = found.kind if found else ""
    except ImportFailure as failure:
        found, outcome = None, failure.code
    seconds = time.monotonic() - began_at
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIBIBYTES_A_MEGABYTE
    if found is None:
        return Measured(path.name, outcome, None, seconds, megabytes)
    text = other_text(path, found.kind)
    ours, theirs = _our_shingles(found), shingles(text)
    both = len(ours & theirs)
    told = len(_HEADING.findall(found.text)) if found.format == "markdown" else 0
    return Measured(
        path.name, outcome, found.pages, seconds, megabytes, len(found.text), told,
        both / len(theirs) if theirs else None, both / len(ours) if theirs and ours else None,
        f"{len(lost_paragraphs(found, text))}/{len(paragraphs(text))}",
        f"{len(lost_headings(found, path))}/{len(other_headings(path, found.kind))}",
    )  # fmt: skip


def other_text(path: Path, kind: str) -> str:
    """The file's words by other means, or nothing. Paragraphs end with an empty line."""
    if kind == "pdf" and (program := shutil.which("pdftotext")):
        done = subprocess.run([program, path, "-"], capture_output=True, check=False)
        return _HYPHENATED.sub("", done.stdout.decode("utf-8", "replace"))
    if kind in (*_PARTS, "html"):
        return _words(_markup(path, kind))
    return path.read_text("utf-8", "replace") if kind in ("text", "markdown") else ""


def _markup(path: Path, kind: str) -> str:
    if kind not in _PARTS:
        return path.read_text("utf-8", "replace")
    with ZipFile(path) as archive:
        names = [name for name in archive.namelist() if _PARTS[kind].fullmatch(name)]
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in names)


def _words(markup: str) -> str:
    markup = " ".join(_UNSEEN.sub(" ", markup).split())
    return html.unescape(_TAG.sub("", _BLOCK.sub("\n\n", markup)))


def paragraphs(text: str) -> list[str]:
    """Those of a text that are long enough to be missed."""
    parts = (" ".join(part.split()) for part in _PARAGRAPH_END.split(text))
    return [part for part in parts if len(_WORD.findall(part)) >= PARAGRAPH_WORDS]


def lost_paragraphs(found: Extracted, text: str) -> list[str]:
    """Those of the other extractor that ours lacks."""
    ours, parts = _our_shingles(found), paragraphs(text)
    return [part for part in parts if 2 * len(ours & (runs := shingles(part))) < len(runs)]


def other_headings(path: Path, kind: str) -> list[str]:
    """The words of the headings in the markup of pages."""
    if kind not in _PAGES:
        return []
    found = (_words(inner) for _, inner in _THEIR_HEADING.findall(_markup(path, kind)))
    return [heading for heading in found if _WORD.search(heading)]


def lost_headings(found: Extracted, path: Path) -> list[str]:
    """Those in the markup of which no heading of ours has the words."""
    ours = {_key(_LINK_TARGET.sub("]", heading)) for heading in _HEADING.findall(found.text)}
    return [heading for heading in other_headings(path, found.kind) if _key(heading) not in ours]


def _key(words: str) -> str:
    return "".join(_WORD.findall(words.replace("\\", ""))).lower()


def _our_shingles(found: Extracted) -> set[tuple[str, ...]]:
    return shingles(_LINK_TARGET.sub("] ", found.text))


def shingles(text: str) -> set[tuple[str, ...]]:
    """All runs of five words of a text."""
    words = _WORD.findall(text.replace("\\", "").lower())
    return set(zip(*(words[start:] for start in range(SHINGLE_WORDS)), strict=False))


def shown(row: Measured) -> str:
    """One line of the table."""
    shares = "".join(f"{'-' if share is None else f'{share:.1%}':>8}" for share in (row.kept, row.shared))
    return (
        f"{row.name[:40]:40} {row.outcome[:14]:14}{row.pages or '-':>6}{row.seconds:8.2f}{row.megabytes:7.0f}"
        f"{row.characters:10,}{row.headings:9}{shares}{row.lost:>12}{row.headings_lost:>10}"
    )


def measure(folder: Path) -> int:
    """Print the table of all files in a folder, each measured in a process of its own. Returns the exit code."""
    columns = f"{'seconds':>8}{'MB':>7}{'chars':>10}{'headings':>9}{'kept':>8}{'shared':>8}{'lost':>12}{'headings':>10}"
    print(f"{'file':40} {'kind':14}{'pages':>6}{columns}", flush=True)
    codes = [
        subprocess.run([sys.executable, "-m", "tests.bench.importing", path], check=False).returncode
        for path in sorted(folder.iterdir())
        if path.is_file()
    ]
    return max(codes, default=0)


def tell_lost(path: Path) -> int:
    """Print the paragraphs and headings of one file that ours lacks."""
    found = extract(path, name=path.name, limits=LIMITS)
    lost = lost_paragraphs(found, other_text(path, found.kind))
    print("\n\n".join([*lost, *(f"# {heading}" for heading in lost_headings(found, path))]))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Measure a folder, or print the line of one file."""
    if len(arguments) == 2 and arguments[0] == "--lost":
        return tell_lost(Path(arguments[1]))
    if len(arguments) != 1 or not Path(arguments[0]).exists():
        print("importing: name a folder of files, or one file")
        return 2
    path = Path(arguments[0])
    if path.is_dir():
        return measure(path)
    print(shown(measured(path)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
