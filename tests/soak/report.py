"""What a soak found: judged against its limits, as text."""

import os
import statistics
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cq_tui.contracts.layout import FRESHNESS_LIMITS
from tests.soak.verdict import Kill, Observation, slowness
from tests.stack.audit import check_chain, check_history
from tests.stack.running import Stack, until

if TYPE_CHECKING:
    from tests.soak.soak import Soak

#: Seconds without supervision, and until a killed service is back, on a machine that does nothing else.
MISSING = 3.0
#: Seconds that a stopped process may be silent beyond its limit: the grace, the kill and the start.
_BEYOND_SILENCE = 15.0
#: Left; its terminal was gone before it opened; hung up, interrupted, killed, terminated. All else is a defect.
_GOOD_EXITS = {0, 5, 129, 130, 137, 143}
#: Fewest samples, 5 s apart, and MiB between which a room's memory may grow.
_SAMPLES, _GROWTH = 24, 12.0


@dataclass
class Findings:
    """The report's lines, and what is wrong."""

    lines: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The report."""
        verdict = [f"FAILED: {problem}" for problem in self.problems] or ["passed"]
        return "\n".join([*self.lines, *verdict])


def judge(soak: "Soak", observed: Observation, end: float) -> Findings:
    """Judge a soak; it is over, its stack still runs."""
    found = Findings()
    counts = ", ".join(f"{what} {count}" for what, count in sorted(soak.actions.items()))
    loads = [load for _, load in observed.loads]
    found.lines += [
        f"actions: {counts}",
        f"load of the machine: {min(loads):.1f} to {max(loads):.1f}, {os.cpu_count()} cores; "
        f"longest pause of the observer {observed.longest_sleep:.1f} s",
    ]
    _judge_supervision(found, observed, soak.unread, end)
    _judge_kills(found, observed, soak.kills, end)
    _judge_rooms(found, soak)
    _judge_memory(found, soak)
    soak.close_rooms()
    _judge_history(found, soak)
    return found


def _limit(seconds: float, observed: Observation, at: float) -> float:
    return seconds * slowness(observed.loads, at, os.cpu_count() or 1)


def _judge_supervision(found: Findings, observed: Observation, unread: list[float], end: float) -> None:
    """Judge every gap but those that began while no room was left to end them."""
    gaps = [gap for gap in observed.gaps("supervisor", end) if all(abs(gap.start - at) > 1.0 for at in unread)]
    longest = max((gap.seconds for gap in gaps), default=0.0)
    over = sum(gap.seconds > MISSING for gap in gaps)
    found.lines.append(f"supervision: missing {len(gaps)} times, at most {longest:.2f} s, {over} times more than 3 s")
    for gap in gaps:
        if gap.seconds > (limit := _limit(MISSING, observed, gap.start)):
            found.problems.append(f"no supervision for {gap.seconds:.1f} s (at most {limit:.1f} under this load)")


def _judge_kills(found: Findings, observed: Observation, kills: list[Kill], end: float) -> None:
    for number in ("SIGKILL", "SIGSTOP"):
        sent = [kill for kill in kills if kill.signal == number and kill.name != "supervisor"]
        times = {kill: observed.seconds_until_back(kill) for kill in sent}
        back = sorted(seconds for seconds in times.values() if seconds)
        words = f", median {statistics.median(back):.2f} s, at most {back[-1]:.2f} s" if back else ""
        found.lines.append(f"services after {number}: {len(sent)} sent, {len(back)} back{words}")
        for kill, seconds in times.items():
            silence = 0.0 if number == "SIGKILL" else FRESHNESS_LIMITS[kill.name] + _BEYOND_SILENCE
            limit = silence + _limit(MISSING, observed, kill.at)
            if seconds is None and end - kill.at > limit:
                found.problems.append(f"{kill.name} is not back {end - kill.at:.0f} s after {number}")
            elif seconds is not None and seconds > limit:
                found.problems.append(f"{kill.name} was back {seconds:.1f} s after {number} (at most {limit:.1f})")


def _judge_rooms(found: Findings, soak: "Soak") -> None:
    exits = soak.exits()
    found.lines.append(f"exit codes of rooms: {', '.join(f'{code} {count} times' for code, count in exits.items())}")
    found.problems += [f"a room ended with exit code {code}" for code in exits.keys() - _GOOD_EXITS]
    found.problems += soak.problems
    # A service's is empty unless its interpreter failed.
    for path in sorted(path for path in soak.data.logs.glob("*.crash") if path.stat().st_size):
        found.problems.append(f"crash report {path.name}:\n{path.read_text(errors='replace')[:4000]}")


def _judge_memory(found: Findings, soak: "Soak") -> None:
    for name in ("room", "supervisor"):
        series = [samples for (kind, _), samples in soak.memory.items() if kind == name]
        if not series:
            continue
        longest, most = max(series, key=len), max(map(max, series))
        found.lines.append(
            f"memory of {name}s: {len(series)} processes, at most {most:.0f} MiB; the one that lived longest "
            f"{longest[min(3, len(longest) - 1)]:.1f} → {longest[-1]:.1f} MiB in {5 * len(longest)} s"
        )
        half = len(longest) // 2
        if len(longest) >= _SAMPLES and longest[-1] - longest[half] > _GROWTH:
            found.problems.append(f"{name}: memory grew from {longest[half]:.1f} to {longest[-1]:.1f} MiB")


def _judge_history(found: Findings, soak: "Soak") -> None:
    """Ask the exchange for every order, end the stack, and verify the history twice: by our command and without it."""
    stack = Stack(soak.data.root)
    # The hands may have stopped a service: all of them start again only after the end of the supervisor.
    for command in (["down"], ["up", "--detach"]):
        soak.cli(*command)
    until(lambda: soak.pid_of("exchange") is not None and soak.pid_of("trader") is not None, 90, "exchange and trader")
    until(lambda: _answers(stack), 90, "an answer of the exchange")
    submitted = [event["data"] for event in stack.events("order_submitted")]
    ids = Counter(order["client_order_id"] for order in submitted)
    entries = Counter(order["signal_key"] for order in submitted if order["leg"] == "entry")
    found.problems += [f"order {name} was submitted {count} times" for name, count in ids.items() if count > 1]
    found.problems += [f"signal {name} was entered {count} times" for name, count in entries.items() if count > 1]
    for symbol in sorted({order["symbol"] for order in submitted}):
        placed = Counter(o["clientOrderId"] for o in stack.ask_exchange("allOrders", symbol=symbol, limit="1000"))
        found.problems += [
            f"order {name} is {count} times at the exchange" for name, count in placed.items() if count > 1
        ]
    soak.cli("down")
    events = check_history(soak.data)
    blocks = check_chain(soak.data)
    verified = soak.cli("verify")
    found.lines.append(f"history: {events} events, {blocks} blocks, {len(ids)} orders, {len(entries)} entries; verify:")
    found.lines += [f"  {line}" for line in verified.stdout.splitlines()[:12]]
    if verified.returncode not in (0, 1):
        found.problems.append(f"verify ended with {verified.returncode}: {verified.stdout} {verified.stderr}")


def _answers(stack: Stack) -> bool:
    try:
        stack.ask_exchange("account")
    except (OSError, KeyError, ValueError, ArithmeticError, RuntimeError):
        return False
    return True
