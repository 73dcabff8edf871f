"""How well summaries are grounded: links, support and flags on sentences whose answer is known, beside the
method of the first measurements (TF-IDF cosine for three links, half coverage and half common subsequence).

Run `python -m tests.bench.grounding [--chosen-on] [DATA_DIR]`; the folder is found as that of tests.bench.rouge. The
weights and limits were chosen on every second document; the figures are of the others, unless --chosen-on asks
for the first ones.
"""

import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from statistics import mean

from tests.bench.corruptions import Case, Material, cases
from tests.bench.method_a import Verdict, baseline
from tests.bench.rouge import TASKS, data_folder, documents_of
from webapp.summarizing.grounding import Index, ground
from webapp.summarizing.sentences import Span

Method = Callable[[Case], Verdict]


@cache
def index_of(material: Material) -> Index:
    """Made once for each document."""
    return Index(material.text)


def ours(case: Case) -> Verdict:
    """What the project says."""
    (found,) = ground(case.sentence, index_of(case.material), format="sentences")
    return Verdict(
        tuple(Span(passage.start, passage.end) for passage in found.passages),
        found.support,
        found.strength,
        bool(found.missing),
        found.is_negation_odd,
    )


def materials(folder: Path, task_index: int, half: int) -> list[Material]:
    """The documents of one half of a set."""
    task = TASKS[task_index]
    rows = documents_of(folder, task)[half::2]
    return [Material(task.language, row["document"], list(row["references"])) for row in rows]


def auc(true: Sequence[float], false: Sequence[float]) -> float:
    """The chance that a true one has more support than a false one, an equal one counting half."""
    counts = Counter([*true, *false])
    ranks: dict[float, float] = {}
    passed = 0
    for value in sorted(counts):
        ranks[value] = passed + (counts[value] + 1) / 2
        passed += counts[value]
    wins = sum(ranks[value] for value in true) - len(true) * (len(true) + 1) / 2
    return wins / (len(true) * len(false))


def is_linked(case: Case, verdict: Verdict, count: int) -> bool:
    """Whether all that the sentence is from is among the first links; the same words elsewhere will do."""
    text = case.material.text
    links = {_one_line(span.of(text)) for span in verdict.links[:count]}
    return all(_one_line(span.of(text)) in links for span in case.sources)


def _one_line(text: str) -> str:
    return " ".join(text.split())


class Results:
    """The verdicts of one method on one set, by the kind of the sentence."""

    def __init__(self, found: Sequence[Case], method: Method) -> None:
        self.verdicts: defaultdict[str, list[tuple[Case, Verdict]]] = defaultdict(list)
        for case in found:
            self.verdicts[case.kind].append((case, method(case)))

    def supports(self, kind: str) -> list[float]:
        return [verdict.support for _, verdict in self.verdicts[kind]]

    def share(self, kind: str, is_so: Callable[[Case, Verdict], bool]) -> float | None:
        """In percent; None where the set has no such sentence."""
        found = self.verdicts[kind]
        return 100 * mean(is_so(*pair) for pair in found) if found else None


Row = tuple[str, Callable[[Results], float | None]]


def _auc_row(name: str, false: str) -> Row:
    return f"AUC reference v {name}", lambda r: 100 * auc(r.supports("reference"), r.supports(false))


def _link_row(kind: str, count: int) -> Row:
    return f"linked: {kind} @{count}", lambda r: r.share(kind, lambda case, v: is_linked(case, v, count))


def _strength_row(kind: str, strength: str) -> Row:
    return f"{strength}: {kind}", lambda r: r.share(kind, lambda _, v: v.strength == strength)


def _fact_row(kind: str) -> Row:
    return f"number or name missing: {kind}", lambda r: r.share(kind, lambda _, v: v.has_missing)


def _negation_row(kind: str) -> Row:
    return f"odd negation: {kind}", lambda r: r.share(kind, lambda _, v: v.is_negation_odd)


FALSE_FACTS = ("foreign name", "own name", "foreign number", "own number")
FALSE_NEGATIONS = ("inserted not", "removed not")
ROWS: tuple[Row, ...] = (
    *(_auc_row(name, name) for name in ("foreign", "half foreign")),
    *(_link_row(f"less {percent}%", 1) for percent in (30, 50, 70)),
    *(_link_row("fused", count) for count in (2, 3)),
    ("links shown: reference", lambda r: mean(len(v.links) for _, v in r.verdicts["reference"])),
    *(
        _strength_row(kind, strength)
        for strength in ("none", "supported")
        for kind in ("reference", "foreign", "half foreign", "cut", "fused")
    ),
    *(_fact_row(kind) for kind in ("reference", "foreign", "cut", "fused")),
    *(_fact_row(f"{origin}, {kind}") for origin in ("cut", "reference") for kind in FALSE_FACTS),
    *(_negation_row(kind) for kind in ("reference", "cut", "fused")),
    *(_negation_row(f"{origin}, {kind}") for origin in ("cut", "reference") for kind in FALSE_NEGATIONS),
)


def report(folder: Path, half: int) -> None:
    """Print each figure for each set and their mean, theirs before ours, then the times."""
    sets = {task.name: materials(folder, place, half) for place, task in enumerate(TASKS)}
    sets = {name: documents for name, documents in sets.items() if documents}
    found = {name: list(cases(documents)) for name, documents in sets.items()}
    results = [(Results(found[name], baseline), Results(found[name], ours)) for name in sets]
    heads = [name.split()[0] for name in sets]
    print(f"{'percent, baseline > ours':44}", *(f"{head:>12}" for head in [*heads, "mean"]))
    for name, figure in ROWS:
        pairs = [(figure(theirs), figure(mine)) for theirs, mine in results]
        print(f"{name:44}", *(f"{_shown(pair):>12}" for pair in [*pairs, _means(pairs)]))
    counts = [f"{len(sets[name])}/{len(found[name])}" for name in sets]
    print(f"{'documents/sentences':44}", *(f"{count:>12}" for count in counts))
    times = [_times(sets[name], found[name]) for name in sets]
    for place, name in enumerate(
        ("ms to index a document", "ms to index 100,000 characters", "ms a sentence")
    ):
        print(f"{name:44}", *(f"{time_of_set[place]:12.2f}" for time_of_set in times))


def _means(pairs: Sequence[tuple[float | None, float | None]]) -> tuple[float | None, float | None]:
    theirs = [pair[0] for pair in pairs if pair[0] is not None]
    mine = [pair[1] for pair in pairs if pair[1] is not None]
    return (mean(theirs), mean(mine)) if theirs and mine else (None, None)


def _shown(pair: tuple[float | None, float | None]) -> str:
    return " > ".join("-" if value is None else f"{value:.1f}" for value in pair)


def _times(documents: Sequence[Material], found: Sequence[Case]) -> tuple[float, float, float]:
    """Milliseconds a document, for each 100,000 characters, and for a sentence."""
    start = time.process_time()
    for document in documents:
        Index(document.text)
    indexing = (time.process_time() - start) * 1000
    start = time.process_time()
    for case in found:
        ours(case)
    grounding = (time.process_time() - start) * 1000
    characters = sum(len(document.text) for document in documents)
    return indexing / len(documents), indexing * 1e5 / characters, grounding / len(found)


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, also where there is nothing to measure with: the data is no part of the project."""
    half = 0 if "--chosen-on" in arguments else 1
    folder = data_folder([argument for argument in arguments if argument != "--chosen-on"])
    if not any((folder / task.file).is_file() for task in TASKS):
        print(f"grounding: skipped, no data in {folder}; name its folder in PRECIS_BENCH_DATA")
        return 0
    report(folder, half)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
