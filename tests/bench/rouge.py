"""How good the embedded engine's choice of sentences is: ROUGE F1 against people's summaries, beside two
baselines, and beside the macro averages that other engines had in the table.

Run `python -m tests.bench.rouge [DATA_DIR]`. The folder holds JSON lines of `{id, document, references}`;
without an argument it is $PRECIS_BENCH_DATA, or shared/data beside the checkout. Without data it says so and
is content.

The protocol is that of the table it is held against: the same sentences for all methods, a fixed number of
them or a budget of words, Porter stems for English, Unicode words for German, one token a character for
Chinese, and the best of several references for each measure. That table was made on the other half of each
set, so it is the distance to the baselines that can be compared, not the figure itself. The row "detailed" is the
choice of that style within the same budget: what it costs that each part of a text has its say.
"""

import importlib
import json
import os
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import mean
from typing import Any

from webapp.summarizing.engine import Style
from webapp.summarizing.extract import key_sentences, rank, selected
from webapp.summarizing.sentences import Span, sentences

MEASURES = ("rouge1", "rouge2", "rougeLsum")
MOST_SENTENCES = 60  # more than any budget below takes
RANDOM_SEEDS = 3
FEWEST_DETAILED_WORDS = 150  # a smaller budget is none for that style

Pick = Callable[[str], list[Span]]
Figures = tuple[float, float, float]


@dataclass(frozen=True)
class Task:
    """A set of documents, how long a summary of it may be, and the table's row: random, Lead, engine."""

    name: str
    file: str
    unit: str  # "sentences", "words" or "characters"
    budget: int
    language: str
    measured: tuple[Figures, Figures, Figures]


TASKS = (
    Task("SciTLDR-A k=1", "scitldr_a_test_even.jsonl", "sentences", 1, "en",
         ((28.0, 8.2, 21.8), (31.7, 13.0, 25.6), (34.9, 13.0, 26.5))),
    Task("Klexikon de 300w", "klexikon_de_test60_even.jsonl", "words", 300, "de",
         ((28.6, 3.0, 27.6), (30.0, 3.7, 28.9), (31.7, 4.1, 30.3))),
    Task("SQuALITY 400w", "squality_test_even.jsonl", "words", 400, "en",
         ((41.1, 6.3, 39.3), (38.7, 6.8, 37.2), (43.7, 8.5, 41.1))),
    Task("QMSum 110w", "qmsum_test_even.jsonl", "words", 110, "en",
         ((17.6, 2.2, 16.1), (15.8, 2.3, 15.1), (18.8, 1.7, 17.3))),
    Task("VCSum zh 140ch", "vcsum_short_test_even.jsonl", "characters", 140, "zh",
         ((30.4, 10.3, 20.5), (26.0, 6.8, 16.8), (30.1, 10.5, 20.1))),
)  # fmt: skip

# Rows of the same table for engines that are not run here: set by set in the order above, ROUGE-1/2/Lsum.
QUOTED: dict[str, tuple[Figures, ...]] = {
    "sumy LexRank": ((34.2, 13.8, 27.0), (29.4, 3.4, 28.0), (45.0, 9.6, 43.1), (14.1, 1.0, 12.7), (27.2, 9.3, 17.8)),
    "sumy TextRank": ((32.3, 10.4, 23.9), (29.3, 3.5, 27.7), (44.0, 8.7, 41.6), (17.6, 2.2, 15.4), (28.6, 9.4, 16.6)),
    "sumy LSA": ((29.2, 8.0, 21.7), (27.4, 2.6, 26.1), (40.0, 7.1, 37.4), (24.4, 3.3, 20.9), (27.1, 8.0, 16.9)),
    "sumy Luhn": ((34.2, 12.6, 26.5), (27.4, 2.9, 26.0), (41.8, 8.1, 39.6), (23.3, 3.2, 20.6), (32.8, 13.0, 20.9)),
    "sumy SumBasic": ((32.4, 11.4, 25.2), (27.3, 2.7, 26.3), (34.9, 5.5, 33.6), (18.9, 2.4, 17.5), (28.8, 11.2, 20.2)),
    "summa TextRank": ((36.2, 13.4, 27.0), (30.3, 3.6, 28.8), (43.1, 8.2, 40.5), (18.8, 1.6, 16.7), (15.1, 10.0, 13.9)),
    "TF-IDF PageRank": ((34.2, 11.9, 25.7), (30.6, 3.6, 29.1), (44.7, 8.7, 41.8), (18.6, 1.8, 16.2), (33.9, 13.3, 20.7)),
    "PacSum TF-IDF": ((33.0, 12.6, 25.9), (30.8, 3.7, 29.4), (41.8, 7.8, 39.5), (20.2, 2.3, 17.9), (28.7, 9.4, 18.6)),
    "oracle": ((42.8, 22.3, 34.9), (40.4, 7.4, 38.2), (46.5, 12.5, 42.7), (41.3, 13.0, 37.1), (54.3, 33.4, 42.0)),
}  # fmt: skip


class Tokens:
    """What rouge-score asks of a tokenizer, for texts that are not English."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def tokenize(self, text: str) -> list[str]:
        """The tokens of `text`, in lower case."""
        return self._pattern.findall(text.lower())


PATTERNS = {"de": r"\w+", "zh": r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+"}


@cache
def scorer(language: str) -> Any:
    """A rouge-score scorer. Raises ModuleNotFoundError where that development dependency is not installed."""
    module = importlib.import_module("rouge_score.rouge_scorer")
    tokens = Tokens(PATTERNS[language]) if language in PATTERNS else None
    return module.RougeScorer(list(MEASURES), use_stemmer=tokens is None, tokenizer=tokens)


def by_lead(text: str) -> list[Span]:
    """The first sentences."""
    return sentences(text)[:MOST_SENTENCES]


def by_chance(seed: int) -> Pick:
    """A picker of any sentences, the same ones each time."""

    def pick(text: str) -> list[Span]:
        spans = sentences(text)
        return random.Random(seed).sample(spans, min(MOST_SENTENCES, len(spans)))

    return pick


def by_engine(text: str) -> list[Span]:
    """What the embedded engine ranks first."""
    return rank(text, MOST_SENTENCES)


def by_detail(text: str) -> list[Span]:
    """What the detailed style of the embedded engine selects."""
    return [span for group in selected(text, Style.DETAILED) for span in group.spans]


def summary(text: str, spans: Iterable[Span], task: Task) -> str:
    """The best-ranked spans within the budget, the last one cut to it, in reading order, one a line."""
    left = task.budget
    kept: list[tuple[Span, str]] = []
    for span in spans:
        sentence = " ".join(span.of(text).split())
        if left <= 0:
            break
        cut, used = shortened(sentence, left, task.unit)
        kept.append((span, cut))
        left -= used
    return "\n".join(sentence for _, sentence in sorted(kept))


def shortened(sentence: str, left: int, unit: str) -> tuple[str, int]:
    """The sentence within what is left of the budget, and how much of it that uses."""
    if unit == "sentences":
        return sentence, 1
    if unit == "characters":
        return sentence[:left], min(left, len(sentence))
    words = sentence.split()
    return " ".join(words[:left]), min(left, len(words))


def figures(documents: Sequence[dict[str, Any]], pick: Pick, task: Task) -> Figures:
    """Mean ROUGE-1, -2 and -Lsum F1 of a picker, from 0 to 100."""
    rows = [score(document, pick, task) for document in documents]
    return mean(r[0] for r in rows), mean(r[1] for r in rows), mean(r[2] for r in rows)


def score(document: dict[str, Any], pick: Pick, task: Task) -> Figures:
    """The three figures of one document: for each, the best of its references."""
    text = document["document"]
    candidate = summary(text, pick(text), task)
    references = [one_a_line(reference) for reference in document["references"]]
    best = scorer(task.language).score_multi(references, candidate)
    return best["rouge1"].fmeasure * 100, best["rouge2"].fmeasure * 100, best["rougeLsum"].fmeasure * 100


@cache
def one_a_line(text: str) -> str:
    """A reference as ROUGE-Lsum wants it."""
    return "\n".join(" ".join(span.of(text).split()) for span in sentences(text))


def milliseconds(documents: Sequence[dict[str, Any]]) -> float:
    """Mean time of the engine a document, at the number of sentences that it would show."""
    start = time.perf_counter()
    for document in documents:
        key_sentences(document["document"])
    return (time.perf_counter() - start) * 1000 / len(documents)


def random_figures(documents: Sequence[dict[str, Any]], task: Task) -> Figures:
    """The mean over some seeds: one draw of few documents says little."""
    draws = [figures(documents, by_chance(seed), task) for seed in range(RANDOM_SEEDS)]
    return mean(d[0] for d in draws), mean(d[1] for d in draws), mean(d[2] for d in draws)


def documents_of(folder: Path, task: Task) -> list[dict[str, Any]]:
    """The task's documents, or none where its file is missing."""
    path = folder / task.file
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def shown(values: Figures) -> str:
    """As in the table it is compared with."""
    return "/".join(f"{value:.1f}" for value in values).rjust(15)


def report(folder: Path) -> None:
    """Print one row a set and method, then the macro averages over the sets that are there."""
    macro: dict[str, list[float]] = {}
    print(f"{'ROUGE-1/2/Lsum F1':18}{'n':>4} {'method':8}{'here':>15}{'table':>17}{'ms/document':>13}")
    for task in TASKS:
        documents = documents_of(folder, task)
        if not documents:
            print(f"{task.name:18}   - no {task.file}")
            continue
        rows = (
            random_figures(documents, task),
            figures(documents, by_lead, task),
            figures(documents, by_engine, task),
        )
        for name, here, table in zip(("random", "lead", "engine"), rows, task.measured, strict=True):
            macro.setdefault(name, []).append(mean(here))
            macro.setdefault(f"{name} in the table", []).append(mean(table))
            took = f"{milliseconds(documents):.1f}" if name == "engine" else ""
            print(f"{task.name:18}{len(documents):4} {name:8}{shown(here)}  {shown(table)}{took:>13}")
        if task.unit == "words" and task.budget >= FEWEST_DETAILED_WORDS:
            detailed = shown(figures(documents, by_detail, task))
            print(f"{task.name:18}{len(documents):4} {'detailed':8}{detailed}")
        for name, quoted in QUOTED.items():
            macro.setdefault(f"{name} in the table", []).append(mean(quoted[TASKS.index(task)]))
    for name in ("random", "lead", "engine", *QUOTED) if macro else ():
        ours = f"{mean(macro[name]):.2f}" if name in macro else ""
        print(f"macro average: {name:16}{ours:>6}  table {mean(macro[f'{name} in the table']):6.2f}")


def data_folder(arguments: Sequence[str]) -> Path:
    """Where the documents are looked for."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    return Path(arguments[0] if arguments else os.environ.get("PRECIS_BENCH_DATA") or beside)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, also where there is nothing to measure with: the data is no part of the project."""
    folder = data_folder(arguments)
    if not any((folder / task.file).is_file() for task in TASKS):
        print(f"rouge: skipped, no data in {folder}; name its folder in PRECIS_BENCH_DATA")
        return 0
    try:
        scorer("en")
    except ModuleNotFoundError:
        print("rouge: skipped, rouge-score is not installed; it comes with the development requirements")
        return 0
    report(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
