"""A search for parameters: what is asked for, processes that run it, a journal to go on from, and its table."""

import hashlib
import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import orjson

from cq_tui import __version__
from cq_tui.lookback.plan import BacktestError
from cq_tui.lookback.rehearsal import base_bars_needed
from cq_tui.lookback.run import Progress
from cq_tui.lookback.search import (
    RANKS,
    Outcome,
    ParameterSet,
    Range,
    SearchError,
    Tried,
    Window,
    drawn,
    grid,
    outcome_of,
    split_once,
    tasks,
    walk_forward,
)
from cq_tui.ops.backtest.run import Asked, CannotRun, Job, changed_settings, prepare
from cq_tui.strategies.registry import StrategyParametersInvalid

JOURNAL = "search.ndjson"
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
#: Steps of one range.
_MOST_VALUES = 10_000
_MOST_JOBS = 64


@dataclass(frozen=True, slots=True)
class SearchAsked:
    """What the command line asks for, as text."""

    run: Asked
    #: ``NAME.PARAMETER=FROM:TO:STEP`` or ``NAME.PARAMETER=A,B,C``.
    over: Sequence[str]
    split: str = "70/30"
    #: Sets drawn by chance; None for all.
    draws: int | None = None
    seed: int = 0
    rank: str = "return"
    jobs: int = 1


@dataclass(frozen=True)
class Search:
    """A search that is ready."""

    asked: SearchAsked
    job: Job
    sets: Sequence[ParameterSet]
    windows: Sequence[Window]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that its results depend on."""
        plan, columns = self.job.plan, self.job.columns
        said = {
            "klines": {symbol: [one.interval_ms, one.digest()] for symbol, one in columns.items()},
            "costs": [str(plan.cash), str(plan.costs.fee), [str(plan.costs.slippage_in(symbol)) for symbol in columns]],
            "settings": changed_settings(plan.settings),
            "strategies": {name: choice._asdict() for name, choice in self.job.choices.items()},
            "sets": list(self.sets),
            "windows": list(self.windows),
            "version": __version__,
        }
        return hashlib.sha256(orjson.dumps(said, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


Result = tuple[Outcome, Outcome]
Key = tuple[int, int]


def prepare_search(asked: SearchAsked) -> Search:
    """Check all that is asked for, each set too. Raises CannotRun."""
    if asked.rank not in RANKS:
        raise CannotRun(f"--rank {asked.rank}: expected one of {', '.join(RANKS)}")
    if not 1 <= asked.jobs <= _MOST_JOBS:
        raise CannotRun(f"--jobs {asked.jobs}: expected a number from 1 to {_MOST_JOBS}")
    if not asked.over:
        raise CannotRun("--over is needed, such as --over trend_multi_tf.adx_arm=20:30:5")
    ranges = [*map(parse_range, asked.over)]
    names = {each.key.rpartition(".")[0] for each in ranges}
    if len({each.key for each in ranges}) < len(ranges):
        raise CannotRun("--over names a parameter twice; give each one range")
    chosen = asked.run.strategies or sorted(names)
    job = prepare(replace(asked.run, strategies=chosen))
    for name in names:
        if name not in job.choices:
            raise CannotRun(f"--over changes {name}, which is not run; add --strategy {name}")
    try:
        sets = grid(ranges) if asked.draws is None else drawn(ranges, asked.draws, asked.seed)
        for chosen_set in sets:
            _with_set(job, chosen_set)
        windows = _windows(job, sets, asked.split)
    except (SearchError, StrategyParametersInvalid, BacktestError) as error:
        raise CannotRun(str(error)) from None
    return Search(asked, replace(job, plan=replace(job.plan, scan=True)), sets, windows)


def parse_range(text: str) -> Range:
    """Return the values of ``NAME.PARAMETER=FROM:TO:STEP`` (both ends included) or ``=A,B,C``. Raises CannotRun."""
    key, equals, values = text.partition("=")
    name, dot, parameter = key.rpartition(".")
    wrong = CannotRun(f"--over {text}: expected NAME.PARAMETER=FROM:TO:STEP or NAME.PARAMETER=A,B,C")
    if not (equals and dot and name and parameter and values):
        raise wrong
    try:
        if ":" not in values:
            return Range(key, tuple(dict.fromkeys(map(orjson.loads, values.split(",")))))
        first, last, step = map(orjson.loads, values.split(":"))
        # Steps are counted, so that 0.1:0.3:0.1 has three values.
        count = math.floor((last - first) / step + 1e-9) + 1
        if not 1 <= count <= _MOST_VALUES:
            raise wrong
        return Range(key, tuple(_rounded(first + number * step) for number in range(count)))
    except (orjson.JSONDecodeError, ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise wrong from None


def _rounded(value: float) -> float | int:
    return value if isinstance(value, int) else round(value, 12)


def _with_set(job: Job, chosen: ParameterSet) -> Job:
    """Return the job with a set of parameters. Raises StrategyParametersInvalid."""
    changed: dict[str, dict[str, Any]] = {}
    for key, value in chosen.items():
        name, _, parameter = key.rpartition(".")
        changed.setdefault(name, {})[parameter] = value
    choices = {}
    for name, choice in job.choices.items():
        parameters = {**choice.parameters, **changed.get(name, {})}
        job.catalog.parameters(name, parameters)
        choices[name] = choice._replace(parameters=parameters)
    return replace(job, choices=choices)


def _windows(job: Job, sets: Sequence[ParameterSet], split: str) -> list[Window]:
    """Return the windows of ``--split``, from where the slowest set is warm. Raises CannotRun and SearchError."""
    needed = max(
        base_bars_needed(strategy)
        for chosen in sets
        for strategy in _with_set(job, chosen).make(next(iter(job.columns)), job.interval_ms)
    )
    short = [symbol for symbol, one in job.columns.items() if len(one) <= needed]
    if short:
        raise CannotRun(f"{short[0]}: {needed:,} klines are needed to warm up; take a longer recording")
    warm = max(int(one.open_time[needed]) for one in job.columns.values())
    begin = max(warm, job.plan.from_ms or 0)
    last = max(int(one.open_time[-1]) for one in job.columns.values()) + job.interval_ms
    end = last if job.plan.to_ms is None else min(last, job.plan.to_ms)
    if end - begin < 4 * job.interval_ms:
        raise CannotRun("hardly any klines are left after the warm-up; take a longer recording, or an earlier --from")
    wrong = CannotRun(f"--split {split}: expected shares such as 70/30, or walk:30d/7d")
    kind, _, spans = split.rpartition(":")
    parts = spans.split("/")
    if len(parts) != 2:
        raise wrong
    if kind == "walk":
        choose, judge = (_span(part, wrong) for part in parts)
        return walk_forward(begin, end, choose, judge)
    if kind or not all(part.isascii() and part.isdigit() for part in parts) or not int(parts[0]) * int(parts[1]):
        raise wrong
    return split_once(begin, end, int(parts[0]) / (int(parts[0]) + int(parts[1])))


def _span(text: str, wrong: CannotRun) -> int:
    count, unit = text[:-1], text[-1:]
    if unit not in _UNITS or not (count.isascii() and count.isdigit() and 0 < int(count) < 100_000):
        raise wrong
    return int(count) * _UNITS[unit]


# Running


def run_search(search: Search, folder: Path | None, progress: Progress = lambda done, whole: None) -> list[Tried]:
    """Run what the journal in ``folder`` does not have yet; return all sets. Raises CannotRun.

    The journal is written by this process alone, a line a task: killed at any moment, the search goes on from there.
    """
    windows = range(len(search.windows))
    with _Journal(folder, search.digest) as journal:
        left = [key for key in tasks(len(search.sets), len(windows)) if key not in journal.results]
        whole = len(search.sets) * len(windows)
        progress(whole - len(left), whole)
        for key, result in _run_all(search, left):
            journal.add(key, result)
            progress(len(journal.results), whole)
        found = journal.results
    return [
        Tried(number, chosen, *zip(*(found[number, at] for at in windows), strict=True))
        for number, chosen in enumerate(search.sets)
    ]


def _run_all(search: Search, left: Sequence[Key]) -> Iterator[tuple[Key, Result]]:
    if search.asked.jobs == 1 or len(left) < 2:
        for key in left:
            yield key, run_task(search, key)
        return
    # Spawned: a forked process would hold locks of threads that it does not have.
    context = get_context("spawn")
    with ProcessPoolExecutor(search.asked.jobs, context, initializer=_begin, initargs=(search.asked,)) as pool:
        waiting: dict[Future[Result], Key] = {}
        keys = iter(left)
        try:
            while True:
                # A few ahead of each process: a search of many sets is not all handed over at once.
                while len(waiting) < search.asked.jobs * 3 and (following := next(keys, None)) is not None:
                    waiting[pool.submit(_run_here, following)] = following
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    yield waiting.pop(future), future.result()
        finally:
            pool.shutdown(cancel_futures=True)


#: What a process of the pool works on.
_search: Search | None = None


def _begin(asked: SearchAsked) -> None:
    """Prepare a process: its columns are mapped from the same files."""
    global _search
    _search = prepare_search(asked)


def _run_here(key: Key) -> Result:
    assert _search is not None
    return run_task(_search, key)


def run_task(search: Search, key: Key) -> Result:
    """Run one set over one window: the part that chooses, and the one that judges."""
    number, at = key
    job, window = _with_set(search.job, search.sets[number]), search.windows[at]
    inside, outside = (
        outcome_of(replace(job, plan=replace(job.plan, from_ms=begin, to_ms=end)).run())
        for begin, end in ((window.begin, window.split), (window.split, window.end))
    )
    return inside, outside


class _Journal:
    """The results so far, in ``search.ndjson``; without a folder they are kept in memory only."""

    def __init__(self, folder: Path | None, digest: str) -> None:
        self.results: dict[Key, Result] = {}
        self._file = None
        if folder is None:
            return
        path = folder / JOURNAL
        folder.mkdir(parents=True, exist_ok=True)
        whole = self._read(path, digest) if path.exists() else 0
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(whole)
        self._file.seek(whole)
        if not whole:
            self._write({"search": digest})

    def __enter__(self) -> "_Journal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def _read(self, path: Path, digest: str) -> int:
        """Take the results of an earlier run; return the bytes of its whole lines."""
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        if not lines:
            return 0
        try:
            header, *found = map(orjson.loads, lines)
            known = header["search"]
            for one in found if known == digest else ():
                outcomes = (Outcome(*one["inside"]), Outcome(*one["outside"]))
                self.results[one["set"], one["window"]] = outcomes
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise CannotRun(f"{path}: is no journal of a search; choose another folder with --out") from None
        if known != digest:
            raise CannotRun(
                f"{path}: belongs to a search of other klines, parameters, periods or costs; choose another folder "
                "with --out, or remove it"
            )
        return whole

    def add(self, key: Key, result: Result) -> None:
        """Take one more result."""
        self.results[key] = result
        self._write({"set": key[0], "window": key[1], "inside": list(result[0]), "outside": list(result[1])})

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
            self._file.flush()
            with suppress(OSError):
                os.fdatasync(self._file.fileno())
