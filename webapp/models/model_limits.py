"""What a model server has taught us about how much it reads at once: its own counts and refusals."""

import hashlib
from dataclasses import replace

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, current_settings, db, insert, transaction
from webapp.summarizing.tokens import Budget, Calibration


class ModelLimits(Base):
    """Of one server, model and PRECIS_CONTEXT_TOKENS: another setting makes void what was learnt under the last one."""

    __tablename__ = "model_limits"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    context_tokens: Mapped[int | None]
    calibration: Mapped[str] = mapped_column(Text)

    @classmethod
    def known(cls, budget: Budget) -> Budget:
        """The budget of the settings, with what has been learnt since."""
        row = db.session.get(cls, _fingerprint(), populate_existing=True)
        if row is None:
            return budget
        context = row.context_tokens or budget.context_tokens
        return replace(budget, context_tokens=context, calibration=Calibration.from_json(row.calibration))

    @classmethod
    def learn(cls, budget: Budget) -> None:
        """Keep what this budget tells of the server, if that is news."""
        row = db.session.get(cls, _fingerprint(), populate_existing=True)
        kept = (row.context_tokens, row.calibration) if row else (None, Calibration().to_json())
        is_given = budget.context_tokens == current_settings().context_tokens
        told = (None if is_given else budget.context_tokens, budget.calibration.to_json())
        if told == kept:
            return
        values = {"context_tokens": told[0], "calibration": told[1]}
        row_of_it = insert(cls).values(fingerprint=_fingerprint(), **values)
        with transaction():
            db.session.execute(row_of_it.on_conflict_do_update(index_elements=[cls.fingerprint], set_=values))


def _fingerprint() -> str:
    settings = current_settings()
    parts = (settings.openai_base_url, settings.model_given, str(settings.context_tokens))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
