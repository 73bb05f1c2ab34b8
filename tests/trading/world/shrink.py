"""Runs plans, and makes a failing plan small: what can be left out is left out, as long as it still fails."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from tests.trading.world.happenings import Happening, Plan
from tests.trading.world.reached import Reached
from tests.trading.world.world import World


@dataclass(frozen=True)
class Failure:
    """A plan that fails, how, and the lines of its trace."""

    plan: Plan
    error: str
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The plan, the trace's end, and the error."""
        shown = self.trace[-_SHOWN:]
        left_out = [f"… {len(self.trace) - _SHOWN} lines before"] if len(self.trace) > _SHOWN else []
        return "\n".join([str(self.plan), "", *left_out, *shown, "", self.error])


_SHOWN = 400
#: Runs that shrinking may take.
_MOST_RUNS = 400
#: Numbers, names of orders and symbols.
_FIGURES = re.compile(r"\b(?:cq\w+|[A-Z]{3,}|-?[\d.]+)\b")


def run(
    plan: Plan,
    reached: Reached | None = None,
    trace: list[str] | None = None,
    make_core: Callable[[Book], Core] = Core,
) -> World:
    """Run a plan to its end. Raises whatever the trader or the judge raises."""
    world = World(plan, reached, trace, make_core)
    world.run()
    return world


def kind_of(error: str | None) -> str | None:
    """Return what an error is, without its figures."""
    return None if error is None else _FIGURES.sub("", error)


class Caught:
    """Catches whatever goes wrong: a defect of the trader may raise anything."""

    text: str | None = None

    def __enter__(self) -> "Caught":
        return self

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> bool:
        if isinstance(error, Exception):
            self.text = f"{type(error).__name__}: {error}"
        return isinstance(error, Exception)


def failure_of(plan: Plan, trace: list[str] | None = None) -> str | None:
    """Return how a plan fails, None if it does not."""
    with Caught() as caught:
        run(plan, trace=trace)
    return caught.text


def shrink(plan: Plan, fails: Callable[[Plan], bool] | None = None) -> Plan:
    """Return a smaller plan that fails as well."""
    runs = 0
    is_bad = fails or (lambda one: failure_of(one) is not None)

    def still_fails(candidate: Plan) -> bool:
        nonlocal runs
        runs += 1
        return runs <= _MOST_RUNS and is_bad(candidate)

    size = max(len(plan.happenings) // 2, 1)
    while True:
        plan, size, is_done = _drop(plan, size, still_fails)
        if is_done or runs > _MOST_RUNS:
            return plan


def _drop(plan: Plan, size: int, still_fails: Callable[[Plan], bool]) -> tuple[Plan, int, bool]:
    """Leave out runs of ``size`` happenings where that still fails."""
    at, dropped = 0, False
    while at < len(plan.happenings):
        fewer: tuple[Happening, ...] = (*plan.happenings[:at], *plan.happenings[at + size :])
        candidate = replace(plan, happenings=fewer)
        if still_fails(candidate):
            plan, dropped = candidate, True
        else:
            at += size
    if dropped:
        return plan, size, False
    return plan, max(size // 2, 1), size == 1


def explain(plan: Plan) -> Failure:
    """Make a failing plan small and tell its story. What fails in another way is another story."""
    how = kind_of(failure_of(plan))
    small = shrink(plan, lambda one: kind_of(failure_of(one)) == how)
    trace: list[str] = []
    error = failure_of(small, trace)
    return Failure(small, error or "it does not fail any more", tuple(trace))
