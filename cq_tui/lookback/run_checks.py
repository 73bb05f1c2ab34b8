"""What a whole run must not depend on, checked by runs that must agree: trades, not only signals.

``strategy_checks`` plays a strategy alone; here its signals go through the trader's core and the matching engine.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cq_tui.lookback.plan import BacktestPlan
from cq_tui.lookback.result import BacktestResult
from cq_tui.lookback.strategy_checks import CheckResult
from cq_tui.strategies.protocol import Signal
from cq_tui.trading.core.facts import Fact

#: Where a recording is cut, as a share of the period.
_CUT = 0.6
#: Share of the signals that may differ after another start: slow averages remember for long.
_MAY_DIFFER = 0.05

Dated = tuple[int, Fact]


def check_run(
    plan: BacktestPlan, run: Callable[[BacktestPlan], BacktestResult], *, can_scan: bool
) -> Iterator[CheckResult]:
    """Yield the results in order. ``run`` makes fresh strategies for each run, and may raise BacktestError."""
    whole = run(plan)
    if whole.stopped:
        one = whole.stopped[0]
        yield CheckResult("trades", False, f"{one.symbol}, bar {one.open_time}: {one.text}", one.traceback)
        return
    yield CheckResult("trades", True, f"{len(whole.signals):,} signals, {len(_dated(whole)):,} facts of the trader")
    yield _same("runs again", run(plan), whole, "the same inputs give the same trades")
    yield _ends_earlier(plan, run, whole)
    yield _starts_later(plan, run, whole)
    yield _same("every candle", run(replace(plan, skip_idle=False)), whole, "looking at every candle changes no trade")
    if can_scan:
        yield _same("scan", run(replace(plan, scan=True)), whole, "a scan of the whole recording finds the same")


def _dated(result: BacktestResult, until: int | None = None) -> list[Dated]:
    pairs = zip(result.facts_ms, result.facts, strict=True)
    return [(ms, fact) for ms, fact in pairs if until is None or ms < until]


def _same(name: str, found: BacktestResult, expected: BacktestResult, text: str) -> CheckResult:
    fault = _first_difference(_dated(found), _dated(expected)) or _first_signal(found.signals, expected.signals)
    if fault:
        return CheckResult(name, False, fault)
    return CheckResult(name, True if expected.signals else None, text)


def _ends_earlier(
    plan: BacktestPlan, run: Callable[[BacktestPlan], BacktestResult], whole: BacktestResult
) -> CheckResult:
    """Check that a recording that ends earlier gives the same trades until then."""
    cut = whole.from_ms + round((whole.to_ms - whole.from_ms) * _CUT)
    part = run(replace(plan, to_ms=cut))
    # What its last candle brings is not followed.
    until = int(part.equity_ms[-2])
    fault = _first_difference(_dated(part, until), _dated(whole, until)) or _first_signal(
        [one for one in part.signals if one.bar_close_time < until],
        [one for one in whole.signals if one.bar_close_time < until],
    )
    if fault:
        return CheckResult("ends earlier", False, f"over a recording that ends at {cut}, {fault}")
    compared = any(one.bar_close_time < until for one in whole.signals)
    return CheckResult(
        "no look-ahead", True if compared else None, "a recording that ends earlier gives the same trades"
    )


def _starts_later(
    plan: BacktestPlan, run: Callable[[BacktestPlan], BacktestResult], whole: BacktestResult
) -> CheckResult:
    """Check that from a later start the same signals come: that the warm-up is long enough."""
    start = whole.from_ms + round((whole.to_ms - whole.from_ms) * (1 - _CUT))
    found = {signal.key for signal in run(replace(plan, from_ms=start)).signals}
    expected = {signal.key for signal in whole.signals if signal.bar_close_time > start}
    both, differing = len(found | expected), len(found ^ expected)
    text = f"{differing} of {both} signals differ after a start at {start}"
    if differing > both * _MAY_DIFFER:
        return CheckResult("another start", False, f"{text}; raise warm_up to three times its longest period or more")
    return CheckResult("another start", True if both else None, text)


def _first_difference(found: Sequence[Dated], expected: Sequence[Dated]) -> str:
    for ours, theirs in zip(found, expected, strict=False):
        if ours != theirs:
            return f"at {min(ours[0], theirs[0])} {_name(ours)} {ours[1]}, otherwise {theirs[1]}"[:400]
    if len(found) == len(expected):
        return ""
    ms, fact = (found if len(found) > len(expected) else expected)[min(len(found), len(expected))]
    return f"at {ms} {type(fact).__name__} is in one run only"


def _name(dated: Dated) -> str:
    return type(dated[1]).__name__


def _first_signal(found: Sequence[Signal], expected: Sequence[Signal]) -> str:
    differing = [ours for ours, theirs in zip(found, expected, strict=False) if ours != theirs]
    if differing:
        return f"the signal of the bar that closes at {differing[0].bar_close_time} in {differing[0].symbol} differs"
    if len(found) != len(expected):
        longer = found if len(found) > len(expected) else expected
        one = longer[min(len(found), len(expected))]
        return f"the signal of the bar that closes at {one.bar_close_time} in {one.symbol} is in one run only"
    return ""
