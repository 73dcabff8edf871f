"""What a model server has taught us about how much it reads at once: its own counts and refusals."""

import functools
import hashlib
from dataclasses import replace
from typing import Any, NamedTuple

from sqlalchemy import Label, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.config import Settings
from webapp.extensions import Base, current_settings, db, insert, transaction
from webapp.summarizing.tokens import Budget, Calibration


class Learnt(NamedTuple):
    """What is known of how much a server reads at once: its context in tokens, and its calibration as JSON."""

    context_tokens: int | None = None
    calibration: str | None = None

    def applied_to(self, budget: Budget) -> Budget:
        """The budget of the settings, with what has been learnt since."""
        context = self.context_tokens or budget.context_tokens
        return replace(budget, context_tokens=context, calibration=Calibration.from_json(self.calibration))


class ModelLimits(Base):
    """Of one server, model and PRECIS_CONTEXT_TOKENS: another setting makes void what was learnt under the last one."""

    __tablename__ = "model_limits"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    context_tokens: Mapped[int | None]
    calibration: Mapped[str] = mapped_column(Text)

    @classmethod
    def known(cls, budget: Budget) -> Budget:
        """The budget of the settings, with what has been learnt since."""
        row = db.session.get(cls, fingerprint(), populate_existing=True)
        return Learnt(row.context_tokens, row.calibration).applied_to(budget) if row else budget

    @classmethod
    def learnt(cls) -> list[Label[Any]]:
        """The columns of `Learnt`, for a statement that gets `fingerprint()` as its parameter `limits`."""
        columns = (cls.context_tokens, cls.calibration)
        rows = (
            select(each).where(cls.fingerprint == bindparam("limits", type_=String())) for each in columns
        )
        return [row.scalar_subquery().label(each.key) for row, each in zip(rows, columns, strict=True)]

    @classmethod
    def learn(cls, budget: Budget) -> None:
        """Keep what this budget tells of the server, if that is news. Of many that are written at once, the most."""
        row = db.session.get(cls, fingerprint(), populate_existing=True)
        kept = Learnt(row.context_tokens, row.calibration) if row else Learnt()
        is_given = budget.context_tokens == current_settings().context_tokens
        context_tokens = None if is_given else budget.context_tokens
        calibration = max(
            budget.calibration.to_json(), Calibration.from_json(kept.calibration).to_json(), key=_factor
        )
        if (context_tokens, _factor(calibration)) == (kept.context_tokens, _factor(kept.calibration)):
            return
        values = {"context_tokens": context_tokens, "calibration": calibration}
        row_of_it = insert(cls).values(fingerprint=fingerprint(), **values)
        with transaction():
            db.session.execute(row_of_it.on_conflict_do_update(index_elements=[cls.fingerprint], set_=values))


def _factor(calibration: str | None) -> float:
    return Calibration.from_json(calibration).factor


def fingerprint() -> str:
    """What names today's server, model and PRECIS_CONTEXT_TOKENS."""
    return _fingerprint(current_settings())


@functools.lru_cache(maxsize=8)
def _fingerprint(settings: Settings) -> str:
    parts = (settings.openai_base_url, settings.model_given, str(settings.context_tokens))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
