"""Checking a strategy on a file of klines: which file, which strategy, and the results in words."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.contracts.market import INTERVAL_MS, Kline
from cq_tui.lookback.rehearsal import Subject
from cq_tui.lookback.strategy_checks import CheckResult, check_strategy
from cq_tui.simulator.market.recordings import Recording, ReplayError, read_recordings
from cq_tui.strategies.bars import interval_label
from cq_tui.strategies.registry import load_strategies
from cq_tui.strategies.runner import others_of

#: Of a longer file the last klines are taken: the checks play them some thirty times.
MOST_KLINES = 20_000


class CannotCheck(ValueError):
    """Nothing can be checked; the message names the file or the strategy, and the remedy."""


@dataclass(frozen=True, slots=True)
class StrategyCheck:
    """A strategy and the klines to check it on."""

    name: str
    symbol: str
    klines: list[Kline]
    interval: str
    _subject: Subject

    def results(self) -> Iterator[CheckResult]:
        """Run the checks; yield each result when it is there."""
        return check_strategy(self._subject, self.klines, self.symbol)


def prepare(name: str, path: Path, *, symbol: str | None, settings: Mapping[str, Any]) -> StrategyCheck:
    """Read the klines and find the strategy. Raises CannotCheck, StrategyUnknown and StrategyParametersInvalid."""
    catalog = load_strategies()
    for failure in catalog.failures:
        if failure.name == name:
            raise CannotCheck(str(failure))
    try:
        recordings = read_recordings(path)
    except ReplayError as error:
        raise CannotCheck(str(error)) from None
    chosen = _choose(path, recordings, symbol)
    recording = recordings[chosen]
    if recording.interval_ms not in INTERVAL_MS.values():
        raise CannotCheck(f"{path}: its klines are {recording.interval_ms:,} ms apart, which is no interval of klines")
    interval_ms = recording.interval_ms
    # An unknown name or a wrong parameter is told before anything is played.
    strategy = catalog.make(name, chosen, interval_ms, settings)
    parameters, make, klines = strategy.parameters, catalog.classes[name], _klines(recording)
    subject = Subject(
        name,
        interval_ms,
        lambda of_symbol: make(of_symbol, interval_ms, parameters),
        time.process_time,
        (Exception, SystemExit),
        {symbol: _beside(path, recordings, symbol, recording) for symbol in others_of(strategy, chosen)},
    )
    return StrategyCheck(name, chosen, klines, interval_label(interval_ms), subject)


def _beside(path: Path, recordings: Mapping[str, Recording], symbol: str, own: Recording) -> list[Kline]:
    """Return the klines of a symbol that the strategy reads beside its own. Raises CannotCheck."""
    recording = recordings.get(symbol)
    if recording is None or recording.interval_ms != own.interval_ms:
        what = "no klines" if recording is None else "klines of another interval"
        remedy = "put the klines of all of them into one folder, and give that as --klines, with --symbol"
        raise CannotCheck(f"{path}: holds {what} of {symbol}, which the strategy reads, too; {remedy}")
    first = own.bars["open_time"][-MOST_KLINES:][0]
    return [kline for kline in _klines(recording, len(recording.bars)) if kline.open_time >= first]


def _choose(path: Path, recordings: Mapping[str, Recording], symbol: str | None) -> str:
    available = ", ".join(sorted(recordings))
    if symbol is None:
        if len(recordings) > 1:
            raise CannotCheck(f"{path}: holds {available}; choose one with --symbol")
        return next(iter(recordings))
    if symbol not in recordings:
        raise CannotCheck(f"{path}: no klines of {symbol}; available: {available}")
    return symbol


def _klines(recording: Recording, most: int = MOST_KLINES) -> list[Kline]:
    bars, length = recording.bars[-most:], recording.interval_ms
    fields = ("open_time", "open", "high", "low", "close", "volume")
    rows = zip(*(bars[field].tolist() for field in fields), strict=True)
    return [
        Kline(start, start + length - 1, first, high, low, last, volume, volume * last, 1)
        for start, first, high, low, last, volume in rows
    ]


def result_line(result: CheckResult) -> str:
    """Return a result as one line, and the end of a traceback below it."""
    mark = {True: "ok", False: "FAILED", None: "nothing to compare"}[result.passed]
    line = f"{result.check:<14} {mark}: {result.text}"
    return f"{line}\n{result.traceback.rstrip()}" if result.traceback else line


def exit_code(results: list[CheckResult]) -> ExitCode:
    """Return the exit code of ``strategies check``."""
    return ExitCode.FAILED if any(result.passed is False for result in results) else ExitCode.OK


def to_json(check: StrategyCheck, results: list[CheckResult]) -> dict[str, Any]:
    """Return the results for programs."""
    return {
        "strategy": check.name,
        "symbol": check.symbol,
        "interval": check.interval,
        "klines": len(check.klines),
        "first_open_time": check.klines[0].open_time,
        "last_open_time": check.klines[-1].open_time,
        "checks": [result._asdict() for result in results],
    }
