"""What README and docs say of settings, commands, addresses and files is what the code has.

The README's tables are made from the code: where one differs, the failure shows it as it should be, to be pasted.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from io import StringIO
from pathlib import Path

import click
import pytest
from dotenv import dotenv_values
from markdown_it import MarkdownIt

from webapp import create_app
from webapp.cli import cli
from webapp.config import Settings
from webapp.models.reasons import REASONS
from webapp.summarizing.engine import FailureKind

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md")))
EXAMPLE = (ROOT / ".env.example").read_text()
OF_THE_TESTS = {"PRECIS_TEST_DATABASE_URL", "PRECIS_REQUIRE_BROWSER"}
each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


# --- reading Markdown ---------------------------------------------------------------------------------------------


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks in this language."""
    tokens = MarkdownIt().parse(path.read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info == language]


def code(path: Path) -> list[str]:
    """Each span of code, and each line of shell without its comment."""
    spans = [
        child.content
        for token in MarkdownIt().enable("table").parse(path.read_text())
        for child in token.children or ()
        if child.type == "code_inline"
    ]
    lines = [line.partition("#")[0].strip() for block in blocks(path, "sh") for line in block.splitlines()]
    return [*spans, *filter(None, lines)]


def table(path: Path, first_head: str) -> str:
    """The table whose first column has this head, as it is written."""
    found = re.search(rf"^\| {first_head} \|.*(?:\n\|.*)*", path.read_text(), re.MULTILINE)
    return found.group() if found else ""


def anchors(path: Path) -> set[str]:
    """The addresses of the headings, as code hosts make them."""
    heads = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


# --- what it should be --------------------------------------------------------------------------------------------


def settings_table() -> str:
    rows = [f"| `{s.metadata['name']}` | {s.metadata['about']} | {shown(s)} |" for s in fields(Settings)]
    return "\n".join(["| Setting | What it is | By default |", "|---|---|---|", *rows])


def shown(setting: "Field[object]") -> str:
    """The default as the table writes it."""
    told: str | None = setting.metadata["shown"]
    default = setting.default
    return told or f"`{f'{default:g}' if isinstance(default, float) else default}`"


def commands_table() -> str:
    rows = [f"| `{usage(name, command)}` | {command.help} |" for name, command in commands().items()]
    return "\n".join(["| Command | Does |", "|---|---|", *rows])


def commands(group: click.Command = cli, prefix: str = "precis") -> dict[str, click.Command]:
    """Every command that can be run, by its whole name."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items() if isinstance(group, click.Group) else ():
        whole = f"{prefix} {name}"
        found |= commands(command, whole) if isinstance(command, click.Group) else {whole: command}
    return found


def usage(name: str, command: click.Command) -> str:
    """The command with its arguments and options; bars are escaped, as they stand in a table."""
    return " ".join([name, *map(_told, command.params)])


def _told(parameter: click.Parameter) -> str:
    if isinstance(parameter, click.Argument):
        return parameter.make_metavar(click.Context(cli))
    words = [parameter.opts[-1]]
    if isinstance(parameter.type, click.Choice):
        words.append(r"\|".join(parameter.type.choices))
    elif not getattr(parameter, "is_flag", False):
        words.append(str(parameter.name).upper())
    return " ".join(words) if parameter.required else f"[{' '.join(words)}]"


# --- settings -----------------------------------------------------------------------------------------------------


def test_readme_has_every_setting_as_the_code_has_it() -> None:
    expected = settings_table()
    assert table(README, "Setting") == expected, f"The table should be:\n{expected}"


@each_document
def test_settings_that_are_named_are_settings(path: Path) -> None:
    known = {setting.metadata["name"] for setting in fields(Settings)} | OF_THE_TESTS
    named = {
        name
        for span in code(path)
        for name in re.findall(r"\b(?:PRECIS|OPENAI)_[A-Z_]+\b|\b[A-Z_]+_URL\b", span)
    }
    assert named - known == set()


def test_variables_of_the_tests_are_read_by_the_tests() -> None:
    texts = [file.read_text() for file in (ROOT / "tests").rglob("*.py") if file != Path(__file__)]
    assert {name for name in OF_THE_TESTS if not any(f'"{name}"' in text for text in texts)} == set()


def settings_in(text: str) -> dict[str, str]:
    """What these lines of a .env file set."""
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


@pytest.mark.parametrize("block", blocks(README, "ini"))
def test_lines_for_the_env_file_are_settings_that_can_be_used(block: str) -> None:
    _assert_usable(settings_in(block))


@pytest.mark.parametrize("line", re.findall(r"^# ([A-Z_]+=.*)$", EXAMPLE, re.MULTILINE))
def test_the_example_names_real_settings_that_can_be_used(line: str) -> None:
    _assert_usable(settings_in(line))


def _assert_usable(given: Mapping[str, str]) -> None:
    assert given
    assert set(given) <= {setting.metadata["name"] for setting in fields(Settings)}
    Settings.load(given)


def test_the_example_changes_nothing_until_its_marks_are_taken_away() -> None:
    assert settings_in(EXAMPLE) == {}


def test_servers_on_private_addresses_in_the_readme_get_long_silences() -> None:
    _, ollama, vllm, *_ = map(settings_in, blocks(README, "ini"))
    for given in (ollama, vllm):
        assert Settings.load(given).first_word_seconds == 600


def test_ollama_is_told_the_same_context_on_both_sides() -> None:
    (theirs,) = {
        found[1] for span in code(README) if (found := re.search(r"OLLAMA_CONTEXT_LENGTH=(\d+)", span))
    }
    (ours,) = {
        given["PRECIS_CONTEXT_TOKENS"]
        for block in blocks(README, "ini")
        if "PRECIS_CONTEXT_TOKENS" in (given := settings_in(block))
    }
    assert theirs == ours


# --- commands -----------------------------------------------------------------------------------------------------


def test_readme_has_every_command_and_option_as_the_code_has_it() -> None:
    expected = commands_table()
    assert table(README, "Command") == expected, f"The table should be:\n{expected}"


@each_document
def test_commands_and_options_that_are_named_are_there(path: Path) -> None:
    for span in code(path):
        for words in re.findall(r"(?:^|/)(precis [a-z].*)", span):
            name = next((name for name in commands() if f"{words} ".startswith(f"{name} ")), None)
            assert name, words
            options = {option for parameter in commands()[name].params for option in parameter.opts}
            assert set(re.findall(r"--[a-z-]+", words)) <= options, words


@each_document
def test_targets_of_make_that_are_named_are_there(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {"up", "test"} <= targets
    assert {name for span in code(path) for name in re.findall(r"\bmake ([a-z]+)\b", span)} <= targets


def test_plain_commands_are_those_that_make_runs() -> None:
    recipes = (ROOT / "Makefile").read_text()
    for name, meaning in {"$(INSTALL)": "$(BIN)/python -m pip install", "$(BIN)": ".venv/bin",
                          "$(PYTHON)": "python3", "--clear ": ""}.items():  # fmt: skip
        recipes = recipes.replace(name, meaning)
    plain = [line for line in blocks(README, "sh")[1].splitlines() if line]
    assert len(plain) == 6
    assert [line for line in plain if line not in recipes] == []


# --- addresses, links, files --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Every address of the site, with the names of its parameters in <>."""
    settings = {"PRECIS_DATA": str(tmp_path_factory.mktemp("rules")), "REDIS_URL": "redis://127.0.0.1:1/0"}
    app = create_app(Settings.load(settings))
    return {re.sub(r"<(?:\w+:)?\w+>", "<>", rule.rule) for rule in app.url_map.iter_rules()}


@each_document
def test_addresses_that_are_named_are_there(path: Path, rules: set[str]) -> None:
    spans = " ".join(f"`{span}`" for span in code(path))
    named = re.findall(r"`(?:GET |POST |DELETE )?(/[\w<>/-]*)`", spans)
    named += re.findall(r"http://127\.0\.0\.1:8000(/[^`\s]*)", spans)
    assert {re.sub(r"<.*?>", "<>", address) for address in named} <= rules


def test_readme_names_the_addresses_for_machines() -> None:
    assert {"/healthz", "/readyz", "/metrics"} <= set(code(README))


@each_document
def test_links_and_images_lead_somewhere(path: Path) -> None:
    for target in _targets(path.read_text()):
        file, _, anchor = target.partition("#")
        aim = (path.parent / file).resolve() if file else path
        assert aim.exists(), target
        assert not anchor or anchor in anchors(aim), target


def _targets(text: str) -> Iterator[str]:
    """Where links and images lead, but for other sites."""
    found = re.findall(r"\]\(([^)\s]+)\)|\b(?:src|srcset|href)=\"([^\"]+)\"", text)
    yield from (target for pair in found for target in pair if target and "://" not in target)


@each_document
def test_files_that_are_named_are_there(path: Path) -> None:
    named = {
        span for span in code(path) if re.fullmatch(r"[\w.-]+(?:/[\w.-]+)+\.(?:py|md|html|css|js|toml)", span)
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_readme_opens_with_one_sentence_one_picture_and_two_commands() -> None:
    _, sentence, picture, commands = README.read_text().split("\n\n")[:4]
    assert sentence.count(".") == 1
    assert sentence.endswith(".")
    assert picture.count("<img ") == 1
    assert re.findall(r"^make \w+", commands, re.MULTILINE) == ["make up", "make test"]


@pytest.mark.parametrize("name", ["precis.png", "precis-dark.png"])
def test_pictures_are_small(name: str) -> None:
    assert (ROOT / "docs" / name).stat().st_size < 300_000


# --- how it works -------------------------------------------------------------------------------------------------


def test_every_reason_and_every_kind_of_failure_is_explained() -> None:
    explained = table(ROOT / "docs" / "how-it-works.md", "Kind")
    named = set(re.findall(r"`(\w+)`", explained))
    assert set(FailureKind) - named == set()
    assert set(REASONS) - {"no_worker"} - named == set()


def test_methods_that_move_a_summary_are_there() -> None:
    from webapp.models.document import Document
    from webapp.models.summary import Summary

    moves = re.findall(r"`(Document|Summary)\.(\w+)`", table(ROOT / "docs" / "how-it-works.md", "From"))
    owners = {"Document": Document, "Summary": Summary}
    assert moves
    assert [move for move in moves if not hasattr(owners[move[0]], move[1])] == []


def test_each_fault_that_is_made_to_happen_is_in_the_table() -> None:
    tests = "".join(path.read_text() for path in sorted((ROOT / "tests" / "faults").glob("test_*.py")))
    faults = re.findall(r'mark\.fault\(\s*"(F\d\d)", "([^"]+)"', tests)
    told = (ROOT / "docs" / "reliability.md").read_text().partition("<!-- faults: begin -->")[2]
    assert faults
    assert [fault for fault in faults if f"| {fault[0]} | {fault[1]} |" not in told] == []


def test_newest_entry_of_the_changelog_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    found = re.search(r"^## \[([\d.]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert found
    assert found[1] == version
