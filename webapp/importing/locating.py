"""Which element of a page is its article, and which parts of that are not of it. Linear in the size of the page."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from lxml.html import HtmlElement

from webapp.importing.chrome import HEADINGS, NEVER_TEXT, is_chrome, is_hidden, is_hint, opens_a_part

BLOCKS = {
    "p", "pre", "li", "td", "th", "dd", "dt", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "figcaption"
}  # fmt: skip
CONTAINERS = {
    "div", "section", "article", "main", "body", "form", "center", "span", "table", "tbody", "tr", "td", "font"
}  # fmt: skip

LEAST_PROSE_CHARS = 25  # a shorter line is more likely a label than a paragraph
CHROME_SHARE = 0.4  # a part with more of the page's prose is the article, whatever it is called
HINT_SHARE = 0.5  # an <article> with less is a teaser
DESCENT_SHARE = 0.8  # of the prose, below which it would be lost to go down
LINK_SHARE = 0.75  # of its letters, above which a part without prose is a list of links
LEAST_LINKS = 3
MOST_PROSE_CHARS = 60
MOST_CHARS_BESIDE = 12  # a link: more of them describe where it leads


def strip_unseen(body: HtmlElement) -> None:
    """Take out what a browser does not show as text."""
    for element in list(body.iter()):
        if element.tag in NEVER_TEXT or is_hidden(element):
            _remove(element)


def locate(body: HtmlElement) -> HtmlElement:
    """The element of the article, without the parts that are not of it. Changes the tree."""
    prose = _prose(body)
    for element in list(body.iter()):
        if is_chrome(element) and prose[element] <= CHROME_SHARE * prose[body]:
            _remove(element)
    prose = _prose(body)
    found = _article(body, prose)
    _remove_link_lists(found, prose)
    return found


def _prose(body: HtmlElement) -> dict[HtmlElement, int]:
    """How many characters of prose each element holds: text of blocks that is in no link."""
    own: dict[HtmlElement, int] = defaultdict(int)
    for block, length in _block_lengths(body):
        if length >= LEAST_PROSE_CHARS:
            own[block] += length
    return _summed(body, own)


def _block_lengths(body: HtmlElement) -> Iterator[tuple[HtmlElement, int]]:
    """Each block with the length of the text that is in it, and neither in a block below it nor in a link."""
    lengths: dict[HtmlElement, int] = defaultdict(int)
    block_of: dict[HtmlElement, HtmlElement | None] = {}
    for element in body.iter():
        parent = element.getparent()
        above = block_of.get(parent, body)
        if _is_link(element) or above is None:
            block_of[element] = None
        else:
            block_of[element] = (
                element if element.tag in BLOCKS or element.tag in CONTAINERS - {"span", "font"} else above
            )
        _count(lengths, block_of[element], element.text)
        _count(lengths, above, element.tail)
    return iter(lengths.items())


def _count(lengths: dict[HtmlElement, int], block: HtmlElement | None, text: str | None) -> None:
    if block is not None and text and not text.isspace():
        lengths[block] += len(text.strip())


def _is_link(element: HtmlElement) -> bool:
    return element.tag == "a" and "href" in element.attrib


def _summed(body: HtmlElement, own: dict[HtmlElement, int]) -> dict[HtmlElement, int]:
    """The sums over everything below, in one pass from the end of the page to its start."""
    total: dict[HtmlElement, int] = defaultdict(int, own)
    for element in reversed(list(body.iter())):
        if element is not body and total[element]:
            total[element.getparent()] += total[element]
    return total


def _article(body: HtmlElement, prose: dict[HtmlElement, int]) -> HtmlElement:
    found = body
    for hint in _hints(body):
        if prose[hint] >= HINT_SHARE * prose[found]:
            found = hint
    while (child := _heaviest(found, prose)) is not None and prose[child] >= DESCENT_SHARE * prose[found]:
        if child.tag not in CONTAINERS or any(_belongs_to(sibling, child, prose) for sibling in found):
            break
        found = child
    return found


def _belongs_to(sibling: HtmlElement, child: HtmlElement, prose: dict[HtmlElement, int]) -> bool:
    """Whether a sibling is the heading of a part, or another part of its kind."""
    is_like = sibling is not child and (sibling.tag, sibling.get("class")) == (child.tag, child.get("class"))
    return sibling.tag in HEADINGS or opens_a_part(sibling) or (is_like and prose[sibling] > 0)


def _hints(body: HtmlElement) -> Iterable[HtmlElement]:
    """What the page itself says is its article, the outer before the inner."""
    return filter(is_hint, body.iter())


def _heaviest(element: HtmlElement, prose: dict[HtmlElement, int]) -> HtmlElement | None:
    return max(element, key=lambda child: prose[child], default=None)


def _remove_link_lists(article: HtmlElement, prose: dict[HtmlElement, int]) -> None:
    """Teasers and menus that nothing names: several links, hardly a word beside them."""
    letters, linked, links = _letters(article)
    for element in list(article.iter("ul", "ol", "div", "section", "table", "p", "dl")):
        if element is article or links[element] < LEAST_LINKS or prose[element] > MOST_PROSE_CHARS:
            continue
        if _is_footnote(element) or _is_sentence(element):
            continue
        beside = letters[element] - linked[element]
        if linked[element] > LINK_SHARE * letters[element] and beside < MOST_CHARS_BESIDE * links[element]:
            _remove_with_heading(element)


def _is_footnote(element: HtmlElement) -> bool:
    """Whether it is a footnote, which may name nothing but sources."""
    return any(
        "footnote" in near.get("class", "").split()
        for near in (element, element.getparent())
        if near is not None
    )


def _is_sentence(element: HtmlElement) -> bool:
    """Whether it is a paragraph whose last words, which are in no link, end as a sentence does."""
    return element.tag == "p" and (element[-1].tail or "").rstrip().endswith((".", "!", "?", "。"))


def _letters(
    article: HtmlElement,
) -> tuple[dict[HtmlElement, int], dict[HtmlElement, int], dict[HtmlElement, int]]:
    """For each element the length of its text, of that in links, and the number of links."""
    letters: dict[HtmlElement, int] = defaultdict(int)
    linked: dict[HtmlElement, int] = defaultdict(int)
    links: dict[HtmlElement, int] = defaultdict(int)
    for element in reversed(list(article.iter())):
        letters[element] += len((element.text or "").strip())
        if _is_link(element):
            linked[element], links[element] = letters[element], 1
        if element is article:
            break
        parent = element.getparent()
        letters[parent] += letters[element] + len((element.tail or "").strip())
        linked[parent] += linked[element]
        links[parent] += links[element]
    return letters, linked, links


def _remove_with_heading(element: HtmlElement) -> None:
    before, after = element.getprevious(), element.getnext()
    if before is not None and before.tag in HEADINGS and (after is None or after.tag in HEADINGS):
        _remove(before)
    _remove(element)


def _remove(element: HtmlElement) -> None:
    """Empty an element in its place: joining the text before and after it would cost a copy of both each time."""
    element.clear(keep_tail=True)
    element.tag = "wbr"
