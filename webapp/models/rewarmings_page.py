"""What the page of rewarmings shows: how it goes with the one that is under way, or what a next one would take."""

import hashlib
from dataclasses import dataclass, field

from webapp.extensions import current_settings
from webapp.models.estimate import Estimate
from webapp.models.making import Choice, Making, makings
from webapp.models.model_server import ModelServer
from webapp.models.presence import live_lanes
from webapp.models.reasons import reason
from webapp.models.rewarming import Rewarming, State
from webapp.models.summary import Lane
from webapp.summarizing.engine import EXTRACT, Recipe


@dataclass(frozen=True, slots=True)
class RewarmingsPage:
    """`estimate` is of `choice`, and None while a rewarming is under way."""

    current: Rewarming | None
    makings: list[Making]
    choice: Choice
    past: list[Rewarming] = field(default_factory=Rewarming.past)

    @classmethod
    def of(cls, names: list[str], *, is_chosen: bool) -> "RewarmingsPage":
        """With these makings chosen. Where nobody has chosen yet, it is everything."""
        known = makings()
        return cls(Rewarming.current(), known, chosen(names, known, is_chosen=is_chosen))

    @property
    def estimate(self) -> Estimate | None:
        return None if self.current else Estimate.of(self.choice)

    @property
    def is_on(self) -> bool:
        return current_settings().summaries

    @property
    def recipe(self) -> Recipe:
        """Today's, as the settings have it."""
        return current_settings().recipe

    @property
    def is_embedded(self) -> bool:
        return current_settings().engine == EXTRACT

    @property
    def may_choose(self) -> bool:
        return self.current is None and any(making.may_be_chosen for making in self.makings)

    def is_chosen(self, making: Making) -> bool:
        return self.choice.is_everything or making in self.choice.makings

    def has_a_twin(self, making: Making) -> bool:
        """Whether today's summaries differ from it by the team's own prompt alone."""
        return any(other[:3] == making[:3] and other.is_todays for other in self.makings if making != other)

    @property
    def hold_up(self) -> str | None:
        """Why it does not go on though it runs."""
        if self.current is None or self.current.state != State.RUNNING:
            return None
        if Lane.WARM not in live_lanes():
            return reason("no_worker")
        pause = ModelServer.pause()
        return f"{reason(pause.reason)} It goes on by itself." if pause else None

    @property
    def seen(self) -> str:
        """What tells this state of the page from any other."""
        it = self.current
        shown = (it.id, it.state, it.done, it.failed, it.left, self.hold_up) if it else None
        return hashlib.sha256(repr((shown, self.makings)).encode()).hexdigest()[:12]


def chosen(names: list[str], known: list[Making], *, is_chosen: bool) -> Choice:
    """What a form says: nothing is chosen where all marks were taken away."""
    return Choice.as_far_as_known(names, known) if names or not is_chosen else Choice(is_everything=False)
