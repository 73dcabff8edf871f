"""Which summary of a document somebody wants to see, and how an address says so."""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from webapp.config import STYLES
from webapp.extensions import current_settings
from webapp.models.tasks import task_of
from webapp.summarizing.engine import EXTRACT, Ask, Recipe, Style
from webapp.summarizing.language import LANGUAGES, Language
from webapp.summarizing.prompt import checked_instruction

_NAMES = {language.code: language.name for language in LANGUAGES}
_CODES = {language.name: language.code for language in LANGUAGES}


class Way(NamedTuple):
    """A style that the summary can be seen in, with what an address says to have it."""

    style: Style
    query: dict[str, str]
    is_shown: bool


def usual() -> Ask:
    """What every document gets, and what the library tells of."""
    return asking(current_settings().style)


def asking(style: Style, language: str | None = None, instruction: str = "") -> Ask:
    """What is asked for in a style, by the prompt that is in force now."""
    return Ask(style, language, instruction, task_of(style))


def today(ask: Ask) -> Ask:
    """The same as it is asked for now."""
    return asking(ask.style, ask.language, ask.instruction)


def recipe_for(ask: Ask | None = None) -> Recipe:
    """Today's recipe for what is asked; by default for what every document gets."""
    return current_settings().recipe.asking(ask or usual())


def ways(ask: Ask) -> list[Way]:
    """All styles, in the language that is asked for, and as everybody gets them."""
    plain = replace(ask, instruction="")
    return [Way(style, query_of(replace(plain, style=style)), ask == replace(ask, style=style, instruction=""))
            for style in Style]  # fmt: skip


def languages() -> tuple[Language, ...]:
    """Those that a summary can be had in besides the document's own. The embedded engine does not translate."""
    return () if current_settings().engine == EXTRACT else LANGUAGES


def takes_wishes() -> bool:
    """Whether a summary can be had as somebody words it. The embedded engine heeds no words."""
    return current_settings().engine != EXTRACT


def ask_in(query: Mapping[str, str]) -> Ask | None:
    """What `style`, `language` and `instruction` of an address ask for; None if there is no such thing. Without them,
    the usual.
    """
    style = STYLES.get(query.get("style") or current_settings().style.slug)
    code = query.get("language", "") if languages() else ""
    if style is None or (code and code not in _NAMES):
        return None
    try:
        wish = checked_instruction(query.get("instruction", "")) if takes_wishes() else ""
    except ValueError:
        return None
    return asking(style, _NAMES[code] if code else None, wish)


def query_of(ask: Ask) -> dict[str, str]:
    """What an address needs to ask for this: nothing for the usual, so that a page has one address."""
    query = {} if ask.style == current_settings().style else {"style": ask.style.slug}
    query |= {"language": _CODES[ask.language]} if ask.language else {}
    return query | ({"instruction": ask.instruction} if ask.instruction else {})
