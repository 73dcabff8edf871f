"""People save, edit, read, listen and delete at random, while a nemesis kills, freezes and breaks processes at random.

    python -m tests.faults.soak --kills 1000 [--seed 7] [--postgresql] [--history history.jsonl]
    python -m tests.faults.soak --check history.jsonl

What everybody does follows from the seed; when it happens does not, so a run that failed is played again by its seed, and
its history can be judged again as it was.
"""

import argparse
import random
import re
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx2
import psutil

from tests.faults.history import (
    COMPLETE,
    DELETE,
    EDIT,
    FAILED,
    GONE,
    LAST_READ,
    LISTEN,
    OK,
    OPEN,
    READ,
    SAVE,
    UNKNOWN,
    History,
    Operation,
    broken,
)
from tests.faults.house import House
from tests.support.model_server import ModelServer, Request, Script
from tests.support.postgresql import Postgresql
from tests.support.precis import Account, until
from tests.support.visitor import STATUS, Visitor

PEOPLE = ("Alice", "Bob", "Carol")
MOST_DOCUMENTS = 12  # of one person
MOST_CALLS = 4  # of one text: PRECIS_MAX_ATTEMPTS
CLICKS = 8  # on what has failed, as when its worker was killed three times
ANSWER_SECONDS = 15.0  # after which a person gives up
LISTEN_SECONDS = 4.0
SETTLE_SECONDS = 180.0
MARK = re.compile(r"\bM[0-9a-f]{12}\b")
SUMMARY = re.compile(r'<section class="summary.*?</section>', re.DOTALL)
TEXT = re.compile(r'id="text-title".*', re.DOTALL)
LAST_WORDS = "So much for"
WORKERS = ("interactive", "warm")


def text(mark: str, rng: random.Random) -> str:
    """An article of a few paragraphs, with its mark in the last one."""
    lines = (f"Paragraph {n} says {rng.getrandbits(64):x}, which nobody has said before." for n in range(30))
    return "\n\n".join([*lines, f"The mark of this text is {mark}."])


def summary(mark: str) -> str:
    return "\n".join(
        (f"- The text has the mark {mark}.", *["- It has paragraphs."] * 4, f"- {LAST_WORDS} {mark}.")
    )


@dataclass(eq=False, repr=False)
class Person:
    """Somebody who is signed in, until `over`."""

    house: House
    account: Account
    seed: str
    history: History
    numbers: dict[str, int]  # of the documents that are known to all
    over: threading.Event
    owned: list[str] = field(default_factory=list)
    made: int = 0
    saved: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(f"{self.seed}/{self.account.name}")
        self.visitor = Visitor(self.house.precis.address, self.account)
        self.visitor.client.timeout = httpx2.Timeout(ANSWER_SECONDS)

    def live(self) -> None:
        ways = (self._save, self._edit, self._read, self._listen, self._delete, self._peep)
        try:
            while not self.over.is_set():
                self.rng.choices(ways, (20, 25, 35, 12, 3, 5))[0]()
                time.sleep(self.rng.uniform(0, 0.1))
        finally:
            self.visitor.close()

    def _save(self) -> None:
        if self.saved >= MOST_DOCUMENTS:
            return
        self.made += 1
        name, mark = f"{self.account.name}-{self.made}", self._mark()
        answer = self._write(SAVE, name, mark, "/documents", {"title": name, "text": text(mark, self.rng)})
        if answer is not None and answer.status_code == 303:
            self.numbers[name] = int(answer.headers["Location"].rpartition("/")[2])
            self.owned.append(name)
            self.saved += 1

    def _edit(self) -> None:
        if self.owned:
            name, mark = self.rng.choice(self.owned), self._mark()
            form = {"title": name, "text": text(mark, self.rng)}
            self._write(EDIT, name, mark, f"/documents/{self.numbers[name]}", form)

    def _delete(self) -> None:
        if len(self.owned) > 3:
            name = self.owned.pop(self.rng.randrange(len(self.owned)))
            self._write(DELETE, name, "", f"/documents/{self.numbers[name]}/delete", {})

    def _write(
        self, kind: str, name: str, mark: str, path: str, form: dict[str, str]
    ) -> httpx2.Response | None:
        began, answer, detail = time.monotonic(), None, ""
        try:
            answer = self.visitor.client.post(path, data={"csrf_token": self.visitor.token, **form})
            outcome = OK if answer.status_code == 303 else UNKNOWN if answer.status_code >= 500 else FAILED
            detail = str(answer.status_code)
        except httpx2.ConnectError as error:
            outcome, detail = FAILED, type(error).__name__
            self.over.wait(0.3)  # nobody is there
        except httpx2.HTTPError as error:
            outcome, detail = UNKNOWN, type(error).__name__
        self.history.add(
            Operation(kind, self.account.name, name, began, time.monotonic(), outcome, mark, detail=detail)
        )
        return answer

    def _read(self) -> None:
        if self.numbers:
            self.history.add(
                read(self.visitor, self.account.name, *self.rng.choice(list(self.numbers.items())))
            )

    def _listen(self) -> None:
        if self.numbers:
            self.history.add(
                listen(self.visitor, self.account.name, *self.rng.choice(list(self.numbers.items())))
            )

    def _peep(self) -> None:
        """Somebody who is not signed in looks, too."""
        if self.numbers:
            name, number = self.rng.choice(list(self.numbers.items()))
            self.history.add(peep(self.house.precis.address, name, number))

    def _mark(self) -> str:
        return f"M{self.rng.getrandbits(48):012x}"


def read(visitor: Visitor, person: str, name: str, number: int, kind: str = READ) -> Operation:
    """Open its page, and note what is there."""
    began = time.monotonic()
    try:
        answer = visitor.client.get(f"/documents/{number}")
    except httpx2.HTTPError as error:
        return Operation(kind, person, name, began, time.monotonic(), UNKNOWN, detail=type(error).__name__)
    done = Operation(kind, person, name, began, time.monotonic(), OK, detail=str(answer.status_code))
    if answer.status_code == 404:
        return replace(done, status=GONE)
    if answer.status_code != 200:
        return replace(done, outcome=UNKNOWN)
    shown = TEXT.search(answer.text)
    marks = MARK.findall(shown[0]) if shown else []
    return _with_summary(replace(done, mark=marks[0] if marks else "none"), answer.text)


def listen(visitor: Visitor, person: str, name: str, number: int) -> Operation:
    """Listen to its summary for a while, and note the last state that came."""
    began, heard, detail = time.monotonic(), "", ""
    try:
        with visitor.client.stream("GET", f"/documents/{number}/summary/events") as answer:
            detail = str(answer.status_code)
            for line in answer.iter_lines():
                heard += line.removeprefix("data: ") + "\n"
                if time.monotonic() - began > LISTEN_SECONDS:
                    break
    except httpx2.HTTPError as error:
        detail = type(error).__name__
    areas = SUMMARY.findall(heard)
    done = Operation(LISTEN, person, name, began, time.monotonic(), OK if areas else UNKNOWN, detail=detail)
    return _with_summary(done, areas[-1]) if areas else done


def peep(address: str, name: str, number: int) -> Operation:
    """Open its page without having signed in: it must lead elsewhere."""
    began = time.monotonic()
    try:
        answer = httpx2.get(f"{address}/documents/{number}", timeout=ANSWER_SECONDS, trust_env=False)
    except httpx2.HTTPError as error:
        return Operation(READ, "nobody", name, began, time.monotonic(), UNKNOWN, detail=type(error).__name__)
    is_open = answer.status_code == 200 or MARK.search(answer.text) is not None
    outcome = OK if is_open else FAILED
    return Operation(READ, "nobody", name, began, time.monotonic(), outcome, status=OPEN if is_open else "")


def _with_summary(seen: Operation, html: str) -> Operation:
    status, area = STATUS.search(html), SUMMARY.search(html)
    if not (status and area):
        return replace(seen, status="none")
    if status[1] != COMPLETE or status[2]:
        return replace(seen, status=f"stale {status[1]}" if status[2] else status[1])
    marks = MARK.findall(area[0])
    return replace(
        seen, status=COMPLETE, summary=marks[0] if marks else "none", is_whole=LAST_WORDS in area[0]
    )


class Nemesis:
    """Kills, freezes and breaks what it finds, until so many were killed."""

    def __init__(self, house: House, seed: str) -> None:
        self._house = house
        self._rng = random.Random(f"{seed}/nemesis")
        self.done: Counter[str] = Counter()
        self.killed = 0

    def rage(self, kills: int) -> None:
        ways: Sequence[tuple[Callable[[], None], int]] = (
            (lambda: self._kill("interactive"), 4), (lambda: self._kill("warm"), 4), (lambda: self._kill("web"), 3),
            (lambda: self._kill("sweep"), 1), (lambda: self._kill("valkey"), 2), (self._shoot, 5),
            (self._freeze, 3), (self._end_all, 1))  # fmt: skip
        while self.killed < kills:
            self._rng.choices([way for way, _ in ways], [weight for _, weight in ways])[0]()
            time.sleep(self._rng.uniform(0.05, 0.4))

    def _kill(self, name: str) -> None:
        """kill -9 of one process."""
        found = self._house.precis.processes(name)
        if found:
            with suppress(psutil.NoSuchProcess):
                self._rng.choice(sorted(found, key=lambda each: each.pid)).kill()
                self._count(f"kill {name}")

    def _shoot(self) -> None:
        """kill -9 of whichever worker comes by a certain place in its work."""
        place = self._rng.choice(
            [
                "after the claim",
                "while words come",
                "before the finish",
                "before the cache",
                "after the finish",
            ]
        )
        self._house.failpoints.lay(place, "kill", nth=self._rng.randint(1, 3), process="worker")
        end = time.monotonic() + 1.0
        while self._house.failpoints.left and time.monotonic() < end:
            time.sleep(0.02)
        if not self._house.failpoints.left:
            self._count(f"kill {place}")
        self._house.failpoints.clear()

    def _freeze(self) -> None:
        """Stop one process for a while, at times for longer than a lease."""
        name = self._rng.choice([*WORKERS, "web", "valkey", "sweep"])
        seconds = self._rng.choice((0.2, 0.2, 0.2, 1.0, 4.0))
        found = self._house.precis.processes(name)
        if found:
            victim = self._rng.choice(sorted(found, key=lambda each: each.pid))
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGSTOP)
                self.done[f"freeze {name}"] += 1
                time.sleep(seconds)
            with suppress(psutil.NoSuchProcess):
                victim.send_signal(signal.SIGCONT)

    def _end_all(self) -> None:
        """kill -9 of everything at once, as when the machine loses its power; then it is started again."""
        if self._rng.random() < 0.7:
            return
        self._house.precis.destroy()
        self._count("kill everything")
        self._house.precis.start()

    def _count(self, what: str) -> None:
        self.done[what] += 1
        self.killed += 1


def soak(house: House, *, kills: int, seed: str, history: History) -> Counter[str]:
    """Let everybody loose, and bring the house to rest. Returns what the nemesis did; the history says the rest.

    Raises AssertionError if something is still unfinished long after the last fault.
    """
    over, numbers = threading.Event(), dict[str, int]()
    house.model.script(_script(history, seed))
    others = [house.precis.add_member(name) for name in PEOPLE[1:]]
    accounts = [Account("Alice", "alice@example.org"), *others]
    people = [Person(house, account, seed, history, numbers, over) for account in accounts]
    nemesis = Nemesis(house, seed)
    with ThreadPoolExecutor(len(people)) as pool:
        lives = [pool.submit(person.live) for person in people]
        try:
            nemesis.rage(kills)
        finally:
            over.set()
    for life in lives:
        life.result()
    calls = dict(history.calls)
    _rest(house, history)
    history.calls = calls  # what is clicked on at the end begins a new count
    return nemesis.done


def _script(history: History, seed: str) -> Callable[[Request], Script]:
    """A model that sums up a text by its mark, and at times fails to."""
    rng = random.Random(f"{seed}/model")

    def answer(request: Request) -> Script:
        found = MARK.search(request.prompt)
        mark = found[0] if found else "none"
        history.called(mark)
        words = Script.words(summary(mark), first_word=rng.uniform(0, 0.4), every=rng.uniform(0, 0.02))
        chance = rng.random()
        if chance < 0.04:
            return words.but(cut_after=rng.randrange(2_000), cut_by_reset=rng.random() < 0.5)
        return Script.status(500) if chance < 0.06 else words

    return answer


def _rest(house: House, history: History) -> None:
    """Wait until nothing is left to do, try again what has failed, and read everything once more."""
    house.failpoints.clear()
    house.until_whole()
    visitor = house.alice
    for _ in range(CLICKS):
        until(lambda: not house.unfinished, "everything has an end", SETTLE_SECONDS)
        failed = [number for number, _ in house.documents() if house.status(number) == "failed"]
        for number in failed:
            visitor.click(number)
        if not failed:
            break
    there = {title: number for number, title in house.documents()}
    known = {each.document for each in history.operations}
    for name in sorted(known):
        history.add(read(visitor, "Alice", name, there.get(name, 0), LAST_READ))


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--postgresql", action="store_true")
    parser.add_argument("--history", type=Path, default=Path("history.jsonl"))
    parser.add_argument("--check", type=Path)
    options = parser.parse_args(arguments)
    if options.check:
        return _tell(broken(History.read(options.check), most_calls=MOST_CALLS))
    options.history.unlink(missing_ok=True)
    history, began = History(options.history), time.monotonic()
    sys.stdout.write(f"seed {options.seed}, history in {options.history}\n")
    with ExitStack() as stack:
        model = stack.enter_context(ModelServer())
        url = stack.enter_context(Postgresql()).new_database() if options.postgresql else ""
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="precis-soak-")))
        house = stack.enter_context(House(folder, model, url=url))
        done = soak(house, kills=options.kills, seed=options.seed, history=history)
        found = broken(history, most_calls=MOST_CALLS) + house.violations()
    seconds = time.monotonic() - began
    told = Counter(f"{each.kind} {each.outcome}" for each in history.operations)
    for title, counts in (("the nemesis", done), ("the people", told)):
        sys.stdout.write(f"{title}: {', '.join(f'{what} {n}' for what, n in sorted(counts.items()))}\n")
    sys.stdout.write(f"model calls {sum(history.calls.values())}, {seconds:.0f} s\n")
    return _tell(found)


def _tell(found: Sequence[str]) -> int:
    sys.stdout.write("".join(f"{sentence}\n" for sentence in found) or "No promise was broken.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
