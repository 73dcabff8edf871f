"""What it will take to make summaries anew, as well as can be told before: tokens, money, minutes."""

from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from sqlalchemy import Select, and_, func, or_, select

from webapp.extensions import current_settings, db
from webapp.models.document import Document
from webapp.models.making import Choice
from webapp.models.model_limits import ModelLimits
from webapp.models.provenance import money, price
from webapp.models.rewarming import at_once
from webapp.models.summary import Status, Summary
from webapp.summarizing.costs import ANSWER_TOKENS, Cost, cost
from webapp.summarizing.engine import EXTRACT
from webapp.summarizing.tokens import Budget

LOOKED_AT = 200  # finished summaries, from which the rest is judged
A_MINUTE = 60
AN_HOUR = 3_600
A_DAY = 86_400


class Experience(NamedTuple):
    """What finished summaries of today's model took: counted tokens in for each estimated one, tokens out and seconds
    of a call. None where nothing is known.
    """

    factor: float | None = None
    answer_tokens: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """`seconds` is None where no summary of this model has been finished yet."""

    documents: int
    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    seconds: float | None = None

    @classmethod
    def of(cls, choice: Choice) -> "Estimate":
        sizes = select(Document.characters).where(Document.id.in_(choice.documents()))
        characters = list(db.session.scalars(sizes))
        return _embedded(len(characters)) if current_settings().engine == EXTRACT else _of_model(characters)

    @property
    def price(self) -> float | None:
        return price(self.tokens_in, self.tokens_out)

    @property
    def money(self) -> str:
        if self.price is None:
            return "not known: no prices are set"
        return f"about {money(round(self.price, 2) or self.price)}"

    @property
    def time(self) -> str:
        """In words, rounded up: an estimate is no appointment."""
        seconds = self.seconds
        if seconds is None:
            return "not known: no summary of this model has been finished yet"
        if seconds < A_MINUTE:
            return "less than a minute"
        for size, unit, most in ((A_MINUTE, "minute", 90), (AN_HOUR, "hour", 48)):
            if seconds / size <= most:
                return f"about {ceil(seconds / size)} {unit}{'' if ceil(seconds / size) == 1 else 's'}"
        return f"about {ceil(seconds / A_DAY):,} days"


def _embedded(documents: int) -> Estimate:
    """It asks no model. The sweeper brings it so many a second."""
    known = _experience(current_settings().recipe.model).seconds or 0.0
    each = max(1 / at_once(), known / current_settings().warm_threads)
    return Estimate(documents, seconds=documents * each)


def _of_model(characters: list[int]) -> Estimate:
    known = _experience(current_settings().recipe.model)
    budget = ModelLimits.known(Budget(current_settings().context_tokens))
    answer = round(known.answer_tokens or ANSWER_TOKENS)
    total = sum((cost(each, budget, answer) for each in characters), Cost())
    return Estimate(
        documents=len(characters),
        calls=total.calls,
        tokens_in=round(total.tokens_in * (known.factor or 1.0)),
        tokens_out=total.tokens_out,
        seconds=None if known.seconds is None else total.calls * known.seconds / at_once(),
    )


def _experience(model: str) -> Experience:
    rows = db.session.execute(_finished(model)).all()
    budget = Budget(current_settings().context_tokens)
    counted = [row for row in rows if row.tokens_in is not None and row.tokens_out is not None]
    estimated = sum(cost(row.characters, budget).tokens_in for row in counted)
    return Experience(
        factor=sum(row.tokens_in for row in counted) / estimated if estimated else None,
        answer_tokens=_mean([row.tokens_out for row in counted]),
        seconds=_mean([row.seconds for row in rows]),
    )


def _finished(model: str) -> Select[int, int | None, int | None, float | None]:
    """The last ones that were made in one call, of texts that are still as they were."""
    settings = current_settings()
    is_of_it = or_(Summary.base_hash == settings.recipe.hash, Summary.model == model)
    is_same_text = and_(Document.id == Summary.document_id, Document.content_hash == Summary.content_hash)
    seconds = (Summary.finished_at - Summary.claimed_at).label("seconds")
    is_whole = func.coalesce(Summary.parts_total, 0) == 0
    return (
        select(Document.characters, Summary.tokens_in, Summary.tokens_out, seconds)
        .join(Document, is_same_text)
        .where(
            Summary.engine == settings.engine,
            is_of_it,
            Summary.status == Status.COMPLETE,
            Summary.claimed_at.is_not(None),
            is_whole,
        )
        .order_by(Summary.id.desc())
        .limit(LOOKED_AT)
    )


def _mean(numbers: list[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None
