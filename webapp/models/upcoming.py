"""What a summary that is about to be asked for will be made from."""

import functools
from typing import NamedTuple

from sqlalchemy import and_, bindparam, select

from webapp.extensions import Prepared
from webapp.models import tasks
from webapp.models.document import Document
from webapp.models.model_limits import Learnt, ModelLimits, fingerprint
from webapp.models.revision import Revision


class Upcoming(NamedTuple):
    """A document's title and current text, and what is known of how much the model server reads at once."""

    title: str
    text: str
    learnt: Learnt

    @classmethod
    def of(cls, document_id: int) -> "Upcoming | None":
        """As it is now; None if there is no such document. Who reads it knows the team's prompts, too."""
        found = _statement().run(upcoming_id=document_id, limits=fingerprint()).one_or_none()
        if found is None:
            return None
        tasks.note(found.prompts)
        return cls(found.title, found.text, Learnt(found.context_tokens, found.calibration))


@functools.cache
def _statement() -> Prepared:
    is_current = and_(Revision.document_id == Document.id, Revision.version == Document.version)
    told = (*ModelLimits.learnt(), tasks.number().label("prompts"))
    wanted = select(Document.title, Revision.text, *told).join(Revision, is_current)
    return Prepared(wanted.where(Document.id == bindparam("upcoming_id")))
