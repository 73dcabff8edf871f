"""What stands around the article of a page, by what it is and by what it is called."""

import re

from lxml.html import HtmlElement

# What nobody reads, wherever it stands.
NEVER_TEXT = {
    "script", "style", "noscript", "template", "iframe", "frame", "object", "embed", "applet", "svg", "canvas", "video",
    "audio", "map", "head", "link", "meta", "button", "input", "select", "textarea", "datalist", "dialog", "progress",
}  # fmt: skip
CHROME_TAGS = {"nav", "footer", "menu"}
CHROME_ROLES = {
    "navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alertdialog", "menu", "menubar",
    "toolbar", "tablist", "tooltip",
}  # fmt: skip
# Words of class names and ids that say what a part is for.
CHROME_WORDS = {
    "ad", "ads", "adsbygoogle", "advert", "advertisement", "banner", "breadcrumb", "breadcrumbs",
    "comentarios", "comment", "commentaires", "comments", "consent", "cookie", "cookies", "copyright",
    "disqus", "editsection", "follow", "footer", "gdpr", "gutter", "headerlink", "kommentare", "lineno",
    "linenos", "login", "menu", "modal", "nav", "navbar", "navigation", "newsletter", "noprint", "offscreen",
    "outbrain", "overlay", "pager", "pagination", "popup", "promo", "promoted", "recirc", "recirculation",
    "recommendations", "recommended", "related", "respond", "screenreader", "share", "sharebar", "sharing",
    "sidebar", "signup", "skip", "skiplink", "social", "sponsor", "sponsored", "subscribe", "subscription",
    "taboola", "toast",
}  # fmt: skip
CHROME_NAMES = re.compile(
    r"(?:sr|screen-reader|visually)-(?:only|text|hidden)|comment-?(?:list|form|section|area|thread|respond)s?"
    r"|(?:read|view)-?(?:more|also|next)|\btoc\b(?!-backref)|(?:more|top|latest|popular|trending)-?(?:stories|posts|news|articles)",
    re.IGNORECASE,
)
HEADINGS = {"h1", "h2", "h3", "h4", "h5", "h6"}
PROTECTED = {"html", "body", "main", "article"}

_WORDS = re.compile(r"[A-Za-z][a-z]*|[A-Z]+(?![a-z])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


def is_hidden(element: HtmlElement) -> bool:
    """As far as the element itself says: style sheets are not read."""
    return "hidden" in element.attrib or bool(_HIDDEN.search(element.get("style", "")))


def is_chrome(element: HtmlElement) -> bool:
    """Whether it looks like a part of the site and not of the article."""
    if element.tag in PROTECTED or element.tag in HEADINGS or _is_in_code(element) or _is_of_a_book(element):
        return False
    if element.tag in CHROME_TAGS or element.get("role", "").lower() in CHROME_ROLES:
        return True
    if element.tag == "aside" and not any(map(is_hint, element.iterancestors())):
        return True
    names = f"{element.get('class', '')} {_id(element)}"[:500]
    return bool(CHROME_NAMES.search(names) or CHROME_WORDS & {word.lower() for word in _WORDS.findall(names)})


def _id(element: HtmlElement) -> str:
    """The id, unless it is that of a section, which says what the section is about: a page may tell of menus."""
    classes = element.get("class", "").split()
    is_section = element.tag not in ("div", "ul", "ol", "form", "table", "header") or "section" in classes
    return "" if is_section else element.get("id", "")


def _is_in_code(element: HtmlElement) -> bool:
    """Highlighters call a comment in a program just that."""
    parent = element.getparent()
    return element.tag in ("pre", "code") or (
        parent is not None and element.tag == "span" and parent.tag in ("pre", "code", "span")
    )


def _is_of_a_book(element: HtmlElement) -> bool:
    """Whether it is a box or a notice of a book: DocBook and docutils call a tip a sidebar."""
    name = element.get("class", "")
    if name == "copyright":
        return any(map(opens_a_part, element.iterancestors("div")))
    if name != "sidebar" or not len(element):
        return bool(name == "sidebar-title")  # which goes with its sidebar
    above = (parent[0] for parent in element.iterancestors("div"))
    return element[0].get("class") == "sidebar-title" or any(map(opens_a_part, above))


def opens_a_part(element: HtmlElement) -> bool:
    """Whether it is what DocBook puts around the heading of a chapter or a section."""
    return bool(element.get("class") == "titlepage")


def is_hint(element: HtmlElement) -> bool:
    """Whether the page itself says that this is its article."""
    return (
        element.tag in ("main", "article")
        or element.get("role", "").lower() in ("main", "article")
        or "articleBody" in element.get("itemprop", "").split()
    )
