"""Reads the installed strategies in a process of their own: importing a plug-in runs its code, which may do anything.

The parent asks with one JSON object and gets one JSON line a strategy, built-in ones first, each announced before its
code runs. So one that hangs or ends the process is named, and what was read before it counts.
"""

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from cq_tui.strategies.protocol import StrategyClass

#: Seconds that a plug-in's code may take.
_TIME_LIMIT = 10.0
#: Seconds until the built-in strategies are read.
_START_LIMIT = 60.0


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

    ``seconds``: how long the code of one plug-in may take.
    """
    from cq_tui.contracts.settings import environment_of_plug_ins

    wanted = None if only is None else list(only)
    question = orjson.dumps({"given": given, "last_good": last_good, "only": wanted}, default=str)
    with tempfile.TemporaryFile() as asked:
        asked.write(question)
        asked.seek(0)
        command = [sys.executable, "-P", "-m", "cq_tui.ops.strategy_reader"]
        process = subprocess.Popen(
            command, stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment_of_plug_ins()
        )
        with process:
            answer, is_through = _hear(process, seconds)
            if not is_through:
                process.kill()
    if is_through:
        return _understand(answer, f"its code ended the process ({process.returncode})")
    return _understand(answer, f"its code was not through after {seconds:.0f} s")


def _hear(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[bytes, bool]:
    """Return what the process says until it ends, or is silent for too long inside the code of a plug-in."""
    assert process.stdout is not None
    answer = b""
    while True:
        # Until the first plug-in nothing can hang, and a busy machine takes its time.
        limit = seconds if b'{"loading"' in answer else _START_LIMIT
        if not select.select([process.stdout], [], [], limit)[0]:
            return answer, False
        part = os.read(process.stdout.fileno(), 65536)
        if not part:
            return answer, True
        answer += part


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
