"""A document as a Markdown file, to take along."""

from sqlalchemy import select

from webapp.extensions import current_settings, db
from webapp.models.by_hand import label_of
from webapp.models.chosen import told
from webapp.models.document import Document
from webapp.models.source import Source
from webapp.models.summary import Summary
from webapp.models.times import as_datetime
from webapp.reading import copying
from webapp.summarizing.engine import EXTRACT


def markdown(document: Document) -> str:
    """The current text below what is known of it and the summary that is shown of it."""
    revision = document.revision
    head = copying.Head(
        revision.title, document.author_name, revision.saved_at, revision.version, _source_of(document)
    )
    shown = db.session.scalar(told(document.id))
    is_told = shown is not None and current_settings().summaries
    return copying.document(
        head, words_of(shown) if shown and is_told else None, revision.text, revision.format
    )


def words_of(summary: Summary) -> copying.Told:
    """A finished summary as a file tells it."""
    label = label_of(summary.engine, summary.model, summary.author_id)
    return copying.Told(
        label=f"{label}, word for word from the text" if summary.engine == EXTRACT else label,
        text=summary.text or "",
        format=summary.format or "markdown",
        written=as_datetime(summary.finished_at),
        version=summary.version,
    )


def _source_of(document: Document) -> str:
    """Where the newest version that was brought in came from."""
    source = db.session.scalar(
        select(Source).where(Source.document_id == document.id).order_by(Source.version.desc()).limit(1)
    )
    if source is None:
        return ""
    return copying.source(source.name, url=source.url, author=source.author, dated=source.dated)
