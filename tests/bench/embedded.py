"""The embedded engine: how long it takes for an article."""

import time

from tests.bench import library
from tests.bench.rows import Row, p50, p99
from webapp.summarizing.extract import key_sentences

ARTICLES = 60
P50_MS, P99_MS = 30.0, 60.0


def measure() -> list[Row]:
    """Milliseconds an article, in this process."""
    milliseconds = []
    for seed in range(ARTICLES):
        text = library.article(seed=seed)
        start = time.perf_counter()
        key_sentences(text)
        milliseconds.append(1000 * (time.perf_counter() - start))
    return [
        Row(f"Embedded engine, {library.WORDS:,} words: p50", p50(milliseconds), "ms", P50_MS),
        Row(f"Embedded engine, {library.WORDS:,} words: p99", p99(milliseconds), "ms", P99_MS),
    ]
