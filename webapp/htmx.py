"""HTMX: whether a fragment or a page is wanted, ids of elements, and the form of what streams send."""

from datetime import datetime

from flask import Flask, Response, g, request
from markupsafe import Markup, escape


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(dom_id=dom_id)
    app.jinja_env.filters["ago"] = ago
    app.jinja_env.filters["size"] = size_in_words
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.after_request(_vary)


def wants_fragment() -> bool:
    """Whether HTMX asks for a part of a page. A restored or boosted page is a whole one."""
    return bool(request.htmx) and request.headers.get("HX-Request-Type", "partial") == "partial"  # type: ignore[attr-defined]


def dom_id(thing: object, part: str | None = None) -> str:
    """The id of a thing's element: "document-12", "document-12-summary"."""
    noun = type(thing).__name__.lower()
    noun = {"row": "document"}.get(noun, noun)
    return "-".join(filter(None, (noun, str(thing.id), part)))  # type: ignore[attr-defined]


def partial(target_id: str, swap: str, html: str) -> str:
    """A fragment that HTMX puts into the element with the id `target_id`, whoever asked."""
    return f'<hx-partial hx-target="#{target_id}" hx-swap="{swap}">{html}</hx-partial>'


def event(html: str, event_id: str = "") -> str:
    """One server-sent event without a name: HTMX swaps those."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines())
    return (f"id: {event_id}\n" if event_id else "") + lines + "\n"


def ago(moment: datetime | None) -> Markup:
    """A `<time>` that tells a moment in words, with the exact one in its attributes.

    The words are good for a sixtieth of its age, which `g.good_until` tells of the whole page.
    """
    if moment is None:
        return Markup()
    now = datetime.now(moment.tzinfo)
    good_until = now.timestamp() + max(1.0, abs((now - moment).total_seconds()) / 60)
    g.good_until = min(g.get("good_until", good_until), good_until)
    iso = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    exact = moment.strftime("%-d %B %Y, %H:%M UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        iso, exact, escape(_in_words(moment, now))
    )


def _in_words(moment: datetime, now: datetime) -> str:
    seconds = (now - moment).total_seconds()
    if -1 <= seconds < 45:
        return "just now"
    amount = _rounded(abs(seconds))
    if amount is None:
        return moment.strftime("%-d %B %Y") if moment.year != now.year else moment.strftime("%-d %B")
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def _rounded(seconds: float) -> str | None:
    for size, unit, most in ((1, "second", 60), (60, "minute", 60), (3600, "hour", 24), (86400, "day", 14)):
        number = round(seconds / size)
        if number < most:
            return f"{max(1, number)} {unit}" + ("" if number == 1 else "s")
    return None


def size_in_words(size: int) -> str:
    """A number of bytes as people read it."""
    number, units = float(size), ["GB", "MB", "kB", "bytes"]
    while number >= 999.5 and len(units) > 1:
        number /= 1000
        units.pop()
    return f"{number:.{1 if number < 10 else 0}f} {units[-1]}".replace(".0 ", " ")


def _vary(response: Response) -> Response:
    if request.endpoint != "static":
        response.vary.update(("Cookie", "HX-Request", "HX-Request-Type"))
    return response
