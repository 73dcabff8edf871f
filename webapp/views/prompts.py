"""The team's own prompts: what a model is asked for in each style. Editors look and try, admins change."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from webapp.config import STYLES
from webapp.extensions import current_settings
from webapp.models.document import Document
from webapp.models.prompt import Prompt, StalePrompt
from webapp.models.tryout import Choice, TryOuts, can_try
from webapp.security import admins_only, current_member, editors_only, say
from webapp.summarizing.engine import Style
from webapp.summarizing.prompt import DEFAULT_TASKS, checked_task
from webapp.summarizing.sanitizing import visible

LARGEST = 2**31 - 1
blueprint = Blueprint("prompts", __name__, url_prefix="/prompts")


@dataclass
class Form:
    """A prompt as it is typed, the document that it is tried on, and what is wrong with either."""

    style: Style
    text: str
    edition: int
    document: int | None = None
    other: str = ""
    listed: str = ""  # the words that the list of documents was made by, if it was
    task: str = ""
    choices: list[Choice] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    is_conflict: bool = False

    @classmethod
    def of(cls, style: Style) -> "Form":
        """The newest prompt; or an earlier one, if the address names its edition."""
        history = Prompt.history(style)
        wanted = request.args.get("edition", None, int)
        chosen = [prompt for prompt in history if wanted in (None, prompt.edition)]
        if wanted is not None and not chosen:
            abort(404)
        text = chosen[0].text if chosen else DEFAULT_TASKS[style]
        return cls(style, text, history[0].edition if history else 0)

    @classmethod
    def received(cls, style: Style) -> "Form":
        form = cls(
            style,
            request.form.get("task", "").replace("\r\n", "\n"),
            _number("edition") or 0,
            _number("document"),
            visible(request.form.get("other", "")).strip(),
            request.form.get("listed", ""),
        )
        try:
            form.task = checked_task(style, form.text)
        except ValueError as error:
            form.errors["task"] = str(error)
        return form

    def chosen(self) -> Document | None:
        """The document to try it on. Where it is not clear which, the form tells what is wrong."""
        if self.other and self.other != self.listed:
            self._find()
        elif self.document is None:
            self.errors["document"] = "Choose a document to try it on."
        return None if self.document is None else current_member.documents.get_or_404(self.document)

    def _find(self) -> None:
        """Choose the document that was named; of several, they are listed to choose from."""
        found = TryOuts(current_member).matching(self.other)
        self.document = found[0].id if len(found) == 1 else None
        if not found:
            self.errors["other"] = f"There is no document with the number or title “{self.other}”."
        elif self.document is None:
            self.errors["document"] = f"Several documents match “{self.other}”: choose one of them here."
            self.choices, self.listed = found, self.other


@blueprint.get("")
@editors_only
def index() -> str:
    return render_template(
        "prompts/index.html", prompts=[(style, Prompt.newest(style)) for style in Style], **_engine()
    )


@blueprint.get("/<style>")
@editors_only
def show(style: str) -> str:
    return page(Form.of(style_or_404(style)))


@blueprint.post("/<style>")
@admins_only
def create(style: str) -> BaseResponse | tuple[str, int]:
    """Make another prompt the team's. It is a new row: none is changed."""
    form = Form.received(style_or_404(style))
    if form.errors:
        return page(form), 422
    try:
        is_new = Prompt.save(current_member, form.style, form.task, edition=form.edition)
    except StalePrompt:
        form.is_conflict = True
        return page(form), 409
    say(_said(form, is_new), "success")
    return redirect(url_for(".show", style=form.style.slug), 303)


def _number(name: str) -> int | None:
    """The number that was sent, if a row can have it."""
    number = request.form.get(name, None, int)
    return number if number is not None and 0 <= number <= LARGEST else None


def style_or_404(slug: str) -> Style:
    return STYLES.get(slug) or abort(404)


def page(form: Form, **tried: object) -> str:
    """The page of a style, around what is typed and what was tried."""
    history = Prompt.history(form.style)
    if form.is_conflict:
        form.edition = history[0].edition
    form.choices = form.choices or TryOuts(current_member).choices(form.document)
    return render_template("prompts/show.html", form=form, history=history, **tried, **_engine())


def _engine() -> dict[str, bool]:
    """Whether a model heeds prompts here; and if not, whether that is because there are no summaries at all."""
    return {"can_try": can_try(), "is_off": not current_settings().summaries}


def _said(form: Form, is_new: bool) -> str:
    if not is_new:
        return "That is the prompt that is in use already."
    whose = "The team’s own prompt" if form.task else "The built-in prompt"
    return (
        f"{whose} is in use now. New and opened documents use it; the rest of the library stays as it is "
        "until it is rewarmed."
    )
