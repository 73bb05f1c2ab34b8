"""Signals made again from klines: equal to those of the history, or each difference is named."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from cq_tui.contracts.market import Kline
from cq_tui.lookback.signals_again import Recipe, SignalsAgain, StoredKlines, make_signals_again
from cq_tui.lookback.uptime import Uptime
from cq_tui.strategies.bb_mean_revert_v2 import BbMeanRevertV2
from cq_tui.strategies.engine import SymbolEngine
from cq_tui.strategies.protocol import HeldPosition, Strategy
from cq_tui.strategies.runner import Surroundings
from tests.strategies.walks import SMALL_BAND, run, walk

ALWAYS = ((-1e18, 1e18),)


def well(klines: Sequence[Kline]) -> Uptime:
    started = [(0.0, "service_started", {"service": name}) for name in ("ares", "feeder")]
    return Uptime.of(started, klines[-1].close_time / 1000 + 60)


def make(symbol: str, interval_ms: int) -> Strategy:
    return BbMeanRevertV2(symbol, interval_ms, SMALL_BAND)


class Case:
    """Klines, and the signals that a live strategy made of them."""

    def __init__(self, klines: list[Kline]) -> None:
        self.klines = klines
        made = run(SymbolEngine(1_000, [make("BTCUSDT", 1_000)], Surroundings("BTCUSDT")), klines)
        self.live = [signal.payload().model_dump(mode="json", exclude_none=True) for signal in made]
        self.hash = self.live[0]["parameters_hash"]

    def again(
        self,
        klines: list[Kline] | None = None,
        live: list[dict[str, Any]] | None = None,
        *,
        in_force: Sequence[tuple[float, float]] = ALWAYS,
        uptime: Uptime | None = None,
        **changes: Any,
    ) -> SignalsAgain:
        chosen = self.klines if klines is None else klines
        recipe = Recipe("bb_mean_revert_v2", self.hash, make, lambda *_: in_force)._replace(**changes)
        stored = StoredKlines("BTCUSDT", "1s", chosen, {})
        told = self.live if live is None else live
        return make_signals_again([stored], [recipe], told, uptime or well(self.klines))


@pytest.fixture(scope="module")
def case() -> Case:
    made = Case(walk(5, 6_000))
    assert len(made.live) > 5
    return made


def changed(signals: Sequence[dict[str, Any]], index: int, **changes: Any) -> list[dict[str, Any]]:
    return [*signals[:index], signals[index] | changes, *signals[index + 1 :]]


def test_all_are_equal(case: Case) -> None:
    found = case.again()
    assert (found.equal, found.differences, found.left_out) == (len(case.live), [], Counter())


def test_any_other_number_is_a_difference_with_its_field(case: Case) -> None:
    values = case.live[-1]["values"]
    name = next(iter(values))
    other = changed(case.live, -1 % len(case.live), values=values | {name: values[name] * (1 + 1e-8)})
    found = case.again(live=other)
    [one] = found.differences
    assert (found.equal, one.fields) == (len(case.live) - 1, ("values",))
    last_digit = changed(case.live, -1 % len(case.live), values=values | {name: values[name] * (1 + 2**-52)})
    found = case.again(live=last_digit)
    assert (found.equal, found.rounded, found.differences) == (len(case.live) - 1, 1, [])


def test_one_too_many_and_one_too_few_are_differences(case: Case) -> None:
    [missing] = case.again(live=case.live[:-1]).differences
    assert (missing.live, missing.again) == (None, case.live[-1])
    quiet = next(one for one in case.klines[5_900:] if one.close_time not in {s["bar_close_time"] for s in case.live})
    more = case.live[-1] | {"bar_close_time": quiet.close_time, "bar": None}
    [extra] = case.again(live=[*case.live, more]).differences
    assert extra.again is None


def test_a_signal_that_live_could_not_make_is_no_difference(case: Case) -> None:
    end = (case.live[-1]["bar_close_time"] + 1) / 1000
    told = [(0.0, "service_started", {"service": name}) for name in ("ares", "feeder")]
    told += [(end + 1, "service_stopped", {"service": "ares"}), (end + 2, "service_started", {"service": "ares"})]
    killed = Uptime.of(told, case.klines[-1].close_time / 1000 + 60)
    assert case.again(live=case.live[:-1], uptime=killed).not_live == {"ares did not run": 1}
    found = case.again(live=case.live[:-1], in_force=((0.0, end - 1),))
    assert found.not_live == {"these parameters were not in force, or not for long": 1}
    young = Uptime.of(told[:2], end + 10)
    assert case.again(live=case.live[:-1], uptime=young).not_live["the history does not reach so far"] == 1


def test_what_is_not_stored_any_more_is_left_out(case: Case) -> None:
    middle = case.live[len(case.live) // 2]["bar_close_time"]
    later = [one for one in case.klines if one.close_time > middle]
    found = case.again(later)
    assert found.differences == []
    assert found.left_out["their bars are no longer stored, or others are"] == len(case.live) // 2 + 1
    assert found.equal + found.rounded > 0
    assert case.again([], case.live).left_out == {"their klines are not stored": len(case.live)}


def test_a_difference_near_the_beginning_is_of_averages_that_began_elsewhere(case: Case) -> None:
    first = case.live[0]["bar_close_time"]
    index = next(i for i, one in enumerate(case.klines) if one.close_time == first)
    found = case.again(case.klines[index - 5 :])
    assert found.differences == []
    assert found.left_out["their averages may remember klines that are no longer stored"] > 0


def test_others_cannot_be_made_again(case: Case) -> None:
    one = case.live[-1]
    told = [
        one | {"source": "post"},
        one | {"strategy": "gone"},
        one | {"parameters_hash": "0" * 16},
        one | {"symbol": "X"},
        one | {"bar_close_time": None},
    ]
    assert case.again(live=told, in_force=()).left_out == {
        "they came from outside": 1,
        "gone is no strategy that is installed": 1,
        "their parameters are neither set nor in a recorded change": 1,
        "their klines are not stored": 1,
        "they name no bar": 1,
    }  # fmt: skip


def test_a_strategy_that_looks_at_what_it_holds_is_left_out(case: Case) -> None:
    class Aware(BbMeanRevertV2):
        def on_position(self, position: HeldPosition | None) -> None:
            """Look at it."""

    found = case.again(make=lambda symbol, base: Aware(symbol, base, SMALL_BAND))
    assert found.left_out == {"bb_mean_revert_v2 looks at what it holds": len(case.live)}


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ([], "ares had not started"),
        ([(5.0, "service_started", "ares")], "ares was starting"),
        ([(5.0, "service_started", "ares"), (6.0, "ok", "ares")], ""),
        ([(-20.0, "service_started", "ares")], ""),
        ([(-20.0, "service_started", "ares"), (-10.0, "degraded", "ares")], "ares was degraded"),
        ([(-20.0, "service_started", "ares"), (12.0, "error", "ares")], "ares was error"),
        ([(-20.0, "service_started", "ares"), (12.0, "error", "trader")], ""),
        ([(-20.0, "service_started", "ares"), (12.0, "error", "feeder")], "feeder was error"),
        ([(-20.0, "service_started", "ares"), (16.0, "service_stopped", "ares")], ""),
    ],
)
def test_when_services_were_well(told: list[tuple[float, str, str]], problem: str) -> None:
    events: list[tuple[float, str, dict[str, Any]]] = [(-30.0, "service_started", {"service": "feeder"})]
    for at, what, name in told:
        is_event = what.startswith("service_")
        data = {"service": name} if is_event else {"service": name, "new_status": what}
        events.append((at, what if is_event else "health_status_changed", data))
    assert Uptime.of(events, 100.0).problem(10.0, 15.0) == problem
