"""Reads the installed strategies in a process of their own: importing a plug-in runs its code, which may do anything.

The parent asks with one JSON object and gets one JSON line a strategy, built-in ones first, each announced before its
code runs. So one that hangs or ends the process is named, and what was read before it counts.
"""

import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from cq_tui.strategies.protocol import StrategyClass

#: Seconds until a plug-in's code has run: importing numpy and TA-Lib takes one on a busy machine.
_TIME_LIMIT = 20.0


class NotLoaded(NamedTuple):
    """A plug-in that could not be read."""

    name: str
    #: ``package.module:Class``.
    target: str
    reason: str


class InstalledStrategies(NamedTuple):
    """Strategies as ``describe_strategy`` returns them, with their ``target``; null where they are built in."""

    found: list[dict[str, Any]]
    not_loaded: list[NotLoaded]
    #: Those of all installed ones, also where only some were asked for.
    names: list[str]


def read_strategies(
    given: Mapping[str, Any],
    last_good: Mapping[str, Any],
    only: Collection[str] | None = None,
    seconds: float = _TIME_LIMIT,
) -> InstalledStrategies:
    """Return the installed strategies with the settings ``given`` by name, as far as they hold; or ``only`` some.

    ``seconds``: how long all of it may take.
    """
    wanted = None if only is None else list(only)
    question = orjson.dumps({"given": given, "last_good": last_good, "only": wanted}, default=str)
    command = [sys.executable, "-m", "cq_tui.ops.strategy_reader"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        answer, _ = process.communicate(question, seconds)
        ended = f"its code ended the process ({process.returncode})"
    except subprocess.TimeoutExpired:
        process.kill()
        answer, _ = process.communicate()
        ended = f"its code was not through after {seconds:.0f} s"
    return _understand(answer, ended)


def _understand(answer: bytes, ended: str) -> InstalledStrategies:
    strategies: list[dict[str, Any]] = []
    not_loaded: list[NotLoaded] = []
    names: list[str] = []
    open_one: tuple[str, str] | None = None
    for line in map(orjson.loads, answer.splitlines()):
        match line:
            case {"names": names}:
                pass
            case {"loading": name, "target": target}:
                open_one = name, target
            case {"strategy": strategy}:
                strategies.append(strategy)
                open_one = None
            case {"failed": [name, target, reason]}:
                not_loaded.append(NotLoaded(name, target, reason))
                open_one = None
    if open_one is not None:
        not_loaded.append(NotLoaded(*open_one, ended))
    return InstalledStrategies(strategies, not_loaded, names)


def _answer(question: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the lines of an answer. Runs in the process of its own, and so does the code of plug-ins."""
    from cq_tui.strategies.description import describe_strategy
    from cq_tui.strategies.raised import describe_error
    from cq_tui.strategies.registry import BUILT_IN, ENTRY_POINT_GROUP, load_strategies

    built_in = {each.name: each for each in BUILT_IN}
    points = [each for each in sorted(entry_points(group=ENTRY_POINT_GROUP)) if each.name not in built_in]
    yield {"names": [*built_in, *(point.name for point in points)]}
    given, last_good = question["given"], question["last_good"]
    only = question["only"]

    def describe(strategy: "StrategyClass", target: str | None) -> dict[str, Any]:
        name = strategy.name
        return describe_strategy(strategy, given.get(name, {}), last_good.get(name)) | {"target": target}

    yield from ({"strategy": describe(built_in[name], None)} for name in built_in if only is None or name in only)
    for point in points:
        if only is not None and point.name not in only:
            continue
        yield {"loading": point.name, "target": point.value}
        catalog = load_strategies((point,))
        yield from ({"failed": [each.name, each.target, each.reason]} for each in catalog.failures)
        for name in catalog.classes.keys() - built_in.keys():
            try:
                yield {"strategy": describe(catalog.classes[name], point.value)}
            except BaseException as error:  # noqa: BLE001 - a plug-in may raise anything, SystemExit too
                yield {"failed": [name, point.value, describe_error(error)]}


def _main() -> None:
    """Answer one question; what plug-ins print goes nowhere."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    question = orjson.loads(sys.stdin.buffer.read())
    for line in _answer(question):
        output.write(orjson.dumps(line, default=str) + b"\n")
        output.flush()


if __name__ == "__main__":
    _main()
