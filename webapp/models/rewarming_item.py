"""What is left of a rewarming: a row for each document, in the order in which they come."""

from sqlalchemy import ForeignKey, Select, case, func, literal, select
from sqlalchemy.orm import Mapped, mapped_column

from webapp.extensions import Base, db, insert, now
from webapp.models.document import Document
from webapp.models.making import Choice
from webapp.models.reads import Reads
from webapp.models.summary import LIVE, Status, Summary


class RewarmingItem(Base):
    """A document that the rewarming is not done with. `is_asked` once its summary was asked for."""

    __tablename__ = "rewarming_items"

    document_id: Mapped[int] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    rewarming_id: Mapped[int] = mapped_column(ForeignKey("rewarmings.id", ondelete="CASCADE"), index=True)
    place: Mapped[int] = mapped_column(index=True)
    is_asked: Mapped[bool] = mapped_column(default=False)

    @classmethod
    def add(cls, rewarming_id: int, choice: Choice) -> None:
        """A row for each document, inside the transaction: the newest and the most read take turns."""
        news = (Document.updated_at.desc(), Document.id.desc())
        reads = func.coalesce(Reads.number, 0).desc()
        ranked = (
            select(
                Document.id,
                func.row_number().over(order_by=news).label("news"),
                func.row_number().over(order_by=(reads, *news)).label("reads"),
            )
            .outerjoin(Reads, Reads.document_id == Document.id)
            .where(Document.id.in_(choice.documents()))
            .subquery()
        ).c
        best = case((ranked.news < ranked.reads, ranked.news), else_=ranked.reads)
        place = func.row_number().over(order_by=(best, ranked.reads))
        rows = select(ranked.id, literal(rewarming_id), place, literal(value=False))
        columns = ["document_id", "rewarming_id", "place", "is_asked"]
        db.session.execute(insert(cls).from_select(columns, rows))

    @classmethod
    def asked_for(cls) -> "Select[RewarmingItem, Summary | None]":
        """Those that were asked for, beside the current summary of their document."""
        return (
            select(cls, Summary)
            .join(Document, Document.id == cls.document_id)
            .outerjoin(Summary, Summary.id == Document.summary_id)
            .where(cls.is_asked)
            .execution_options(populate_existing=True)
        )

    @classmethod
    def under_way(cls) -> int:
        """How many of them a worker has, or is about to have: what waits for a later try is in nobody's way."""
        is_due = (Summary.status == Status.PROCESSING) | (Summary.next_attempt_at <= now())
        busy = cls.asked_for().where(Summary.status.in_(LIVE), is_due)
        return db.session.scalar(select(func.count()).select_from(busy.subquery())) or 0
