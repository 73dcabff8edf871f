"""Rewarmings: the summaries of a library, made anew because somebody asked who had seen what it costs.

One is under way at a time. What is left of it are rows. The sweeper feeds them to the warm lane, no more at once than
its workers have threads but one: whoever saves a document meanwhile finds that one free, and who opens one has a lane
of his own.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from flask import abort
from sqlalchemy import Double, String, Text, delete, func, select, update
from sqlalchemy.orm import Mapped, mapped_column

from webapp import events
from webapp.extensions import Base, changed, current_settings, db, insert, now, transaction
from webapp.models.asking import recipe_for, usual
from webapp.models.document import Document
from webapp.models.making import Choice, is_by_person
from webapp.models.presence import ALIVE_SECONDS, Presence
from webapp.models.rewarming_item import RewarmingItem
from webapp.models.summary import LIVE, Lane, Status, Summary
from webapp.models.times import as_datetime
from webapp.summarizing.engine import EXTRACT

EMBEDDED_AT_ONCE = 100  # the embedded engine takes milliseconds, and the sweeper comes once a second
ROUNDS = 10  # of one step: many may be there already, as readers were faster
STUCK_SECONDS = 60.0
NAME_CHARACTERS = 120


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    OVERTAKEN = "overtaken"  # paused by itself, as another recipe is set than the one whose price was told
    STOPPED = "stopped"
    FINISHED = "finished"


AT_REST = (State.PAUSED, State.OVERTAKEN)
OPEN = (State.RUNNING, *AT_REST)


class Busy(Exception):
    """There is a rewarming that is not over."""


class NothingToDo(Exception):
    """No summary is left that would be made anew."""


class Rewarming(Base):
    """`slot` is 1 until it is over: unique, so that there is one at a time."""

    __tablename__ = "rewarmings"

    id: Mapped[int] = mapped_column(primary_key=True)
    slot: Mapped[int | None] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(String(12))
    made_with: Mapped[str] = mapped_column(Text)
    recipe_hash: Mapped[str] = mapped_column(String(64))
    started_by: Mapped[str] = mapped_column(String(NAME_CHARACTERS))
    chosen: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[float] = mapped_column(Double, default=now())
    moved_at: Mapped[float] = mapped_column(Double, default=now())
    ended_at: Mapped[float | None] = mapped_column(Double)

    # --- somebody asks --------------------------------------------------------------------------------------------

    @classmethod
    def start(cls, choice: Choice, started_by: str) -> "Rewarming":
        """Begin one, of all that the choice means now. Raises Busy and NothingToDo."""
        values = {"slot": 1, "state": State.RUNNING, "recipe_hash": recipe_for().hash,
                  "made_with": "\n".join(choice.names), "started_by": started_by[:NAME_CHARACTERS],
                  "done": 0, "failed": 0, "created_at": now(), "moved_at": now()}  # fmt: skip
        with transaction():
            chosen = db.session.scalar(select(func.count()).select_from(choice.documents().subquery())) or 0
            begun = (
                insert(cls).values(**values, chosen=chosen).on_conflict_do_nothing(index_elements=["slot"])
            )
            rewarming_id = db.session.scalar(begun.returning(cls.id))
            if rewarming_id is None:
                raise Busy
            if not chosen:
                raise NothingToDo
            RewarmingItem.add(rewarming_id, choice)
        return db.session.get_one(cls, rewarming_id, populate_existing=True)

    @classmethod
    def current(cls) -> "Rewarming | None":
        """The one that is not over."""
        return db.session.scalar(select(cls).where(cls.slot == 1).execution_options(populate_existing=True))

    @classmethod
    def get_or_404(cls, rewarming_id: int) -> "Rewarming":
        return db.session.get(cls, rewarming_id, populate_existing=True) or abort(404)

    @classmethod
    def past(cls, limit: int = 10) -> "list[Rewarming]":
        """Those that are over, the last one first."""
        over = select(cls).where(cls.slot.is_(None)).order_by(cls.id.desc()).limit(limit)
        return list(db.session.scalars(over, execution_options={"populate_existing": True}))

    def pause(self) -> bool:
        """Ask for no more. What is asked for already is still finished."""
        with transaction():
            return self._move(State.RUNNING, state=State.PAUSED)

    def resume(self) -> bool:
        """Go on, with the recipe that is set now."""
        with transaction():
            return self._move(*AT_REST, state=State.RUNNING, recipe_hash=recipe_for().hash)

    def stop(self) -> bool:
        """End it. What is asked for already is still finished, and what is left stays as it is."""
        with transaction():
            is_stopped = self._move(*OPEN, state=State.STOPPED, slot=None, ended_at=now())
            if is_stopped:
                db.session.execute(delete(RewarmingItem))
        return is_stopped

    def _move(self, *states: State, **values: Any) -> bool:
        """One guarded UPDATE, inside the transaction: it changes the row only from one of these states."""
        is_in_them = (Rewarming.id == self.id, Rewarming.state.in_(states))
        return changed(update(Rewarming).where(*is_in_them).values(**values, moved_at=now())) == 1

    # --- the sweeper ----------------------------------------------------------------------------------------------

    @classmethod
    def feed_now(cls) -> None:
        """Count what has become of those that were asked for, and ask for the next ones."""
        found = cls.current()
        if found is None or not current_settings().summaries or not found._has_news():
            return
        with transaction():
            held = select(cls).where(cls.slot == 1).with_for_update()
            rewarming = db.session.scalar(held.execution_options(populate_existing=True))
            asked = rewarming._go_on() if rewarming else []
        for summary in asked:
            summary.hint()
            events.tell(summary.document_id)

    def _has_news(self) -> bool:
        """Whether there is anything to do, told without a lock."""
        is_settled = RewarmingItem.asked_for().where(Summary.status.not_in(LIVE) | Summary.id.is_(None))
        if db.session.execute(is_settled.limit(1)).first() or not self.left:
            return True
        return self.state == State.RUNNING and (self._is_of_another_recipe or bool(self._next_ids()))

    @property
    def _is_of_another_recipe(self) -> bool:
        return self.recipe_hash != recipe_for().hash

    def _go_on(self) -> list[Summary]:
        """Inside the transaction, and holding the row: one step. Returns what is asked for."""
        self._settle()
        if self.state == State.RUNNING and self._is_of_another_recipe:
            self.state = State.OVERTAKEN
        asked = self._ask_next() if self.state == State.RUNNING else []
        self.moved_at = now()
        db.session.flush()
        if not self.left:
            self._move(*OPEN, state=State.FINISHED, slot=None, ended_at=now())
        return asked

    def _settle(self) -> None:
        """Count what is finished or failed. What was overtaken, as by an edit, waits for its turn again."""
        for item, summary in db.session.execute(RewarmingItem.asked_for()).all():
            if summary is not None and summary.status in LIVE:
                summary.rewarming_id = self.id  # was it edited meanwhile, it is still asked for
            elif summary is not None and summary.recipe_hash == self.recipe_hash:
                self._count(item, has_failed=summary.status == Status.FAILED)
            else:
                item.is_asked = False
        db.session.flush()

    def _count(self, item: RewarmingItem, *, has_failed: bool = False) -> None:
        self.done, self.failed = self.done + (not has_failed), self.failed + has_failed
        db.session.delete(item)

    def _ask_next(self) -> list[Summary]:
        """Ask for as many as there is room for, each under the lock of its document."""
        asked: list[Summary] = []
        for _ in range(ROUNDS):
            ids = self._next_ids()
            if not ids:
                break
            held = select(Document).where(Document.id.in_(ids)).order_by(Document.id.desc())
            held = held.with_for_update(key_share=True).execution_options(populate_existing=True)
            for document in db.session.scalars(held).all():
                asked += self._ask(document)
            db.session.flush()
        return asked

    def _next_ids(self) -> list[int]:
        waiting = select(RewarmingItem.document_id).where(~RewarmingItem.is_asked)
        room = at_once() - RewarmingItem.under_way()
        return list(db.session.scalars(waiting.order_by(RewarmingItem.place).limit(room))) if room > 0 else []

    def _ask(self, document: Document) -> Sequence[Summary]:
        """Ask for the summary of one document, unless somebody else has: a reader, or who edited it."""
        item = db.session.get_one(RewarmingItem, document.id)
        ask = usual()
        summary = document.current_summary(ask)
        if summary is not None and summary.answers(ask) and summary.status == Status.COMPLETE:
            self._count(item)
        elif is_by_person(document) or (summary is None and document.is_short):
            db.session.delete(item)
        elif summary is not None and summary.status in LIVE:
            item.is_asked = True
            summary.rewarming_id = self.id
        else:
            item.is_asked = True
            summary = document._ask(Lane.WARM)
            summary.rewarming_id = self.id
            return [summary]
        return []

    # --- reading --------------------------------------------------------------------------------------------------

    @property
    def left(self) -> int:
        """How many documents are not counted yet."""
        mine = RewarmingItem.rewarming_id == self.id
        return db.session.scalar(select(func.count()).select_from(RewarmingItem).where(mine)) or 0

    def __str__(self) -> str:
        """How it stands, as a sentence."""
        words = {State.PAUSED: "Paused", State.OVERTAKEN: "Paused, as the model or the prompt was changed",
                 State.STOPPED: "Stopped", State.FINISHED: "Finished"}  # fmt: skip
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{words.get(State(self.state), 'Running')}: {self.done:,} of {self.chosen:,} done{failed}."

    @property
    def is_stuck(self) -> bool:
        """Whether the sweeper has not looked at it for long though there is work to begin."""
        is_old = db.session.scalar(select(now() - self.moved_at > STUCK_SECONDS))
        return self.state == State.RUNNING and bool(is_old and self._has_news())

    @property
    def dropped(self) -> int:
        """How many were chosen and are neither done nor failed nor left: deleted meanwhile, or in no need any more."""
        return max(0, self.chosen - self.done - self.failed - self.left) if self.slot else 0

    @property
    def started(self) -> datetime | None:
        return as_datetime(self.created_at)

    @property
    def ended(self) -> datetime | None:
        return as_datetime(self.ended_at)

    @property
    def makings(self) -> list[str]:
        """The names of what was chosen; none if it was everything."""
        return self.made_with.split("\n") if self.made_with else []


def at_once() -> int:
    """How many are asked for at a time: as many as the warm lane has threads, but one, which stays free."""
    if current_settings().engine == EXTRACT:
        return EMBEDDED_AT_ONCE
    is_alive = (Presence.lane == Lane.WARM, Presence.seen_at > now() - ALIVE_SECONDS)
    workers = db.session.scalar(select(func.count()).select_from(Presence).where(*is_alive)) or 1
    return max(1, workers * current_settings().warm_threads - 1)
