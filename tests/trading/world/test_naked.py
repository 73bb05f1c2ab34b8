"""How long positions are without their stop, in virtual time: the bars, by kind, and what a kill may add."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

import pytest

from cq_tui.trading.core.situation import LATE
from tests.trading.world import happenings as h
from tests.trading.world.happenings import Plan, Rule
from tests.trading.world.judge import SILENT_MS
from tests.trading.world.scenarios import AT_MARKET, BUY, COIN, LATER, PLANS, SELL
from tests.trading.world.seeds import NAMES, make_plan
from tests.trading.world.shrink import run

#: Milliseconds: the longest of 99 in 100 without faults, and after a kill once the trader is ready.
P99_MS, AFTER_KILL_MS = 500, 1_000
#: Seeds whose price passes a target while its list is on its way are among them.
_SEEDS = (*range(5), 185, 904)
_KINDS = {
    "by list": (),
    "by list, without cancelReplace": (Rule.NO_REPLACE,),
    "at market": (Rule.NO_OTO, Rule.NO_OPO),
    "at market, without cancelReplace": (Rule.NO_OTO, Rule.NO_OPO, Rule.NO_REPLACE),
}


def naked_times(plans: Iterable[Plan]) -> dict[str, list[int]]:
    """Run plans; return the naked times that ended, by kind, sorted."""
    found: dict[str, list[int]] = defaultdict(list)
    for plan in plans:
        for kind, times in run(plan).judge.naked_ms.items():
            found[kind] = sorted([*found[kind], *times])
    return found


@pytest.mark.parametrize("rules", _KINDS.values(), ids=_KINDS)
def test_without_faults_the_bar_holds_for_each_kind(rules: tuple[Rule, ...]) -> None:
    def calm(plan: Plan) -> Plan:
        kept = [one for one in plan.happenings if isinstance(one, h.Signal | h.Move)]
        changes = [h.Rules(0, symbol, rule) for symbol in NAMES for rule in rules]
        return replace(plan, happenings=(*changes, *kept))

    found = naked_times(calm(make_plan(seed)) for seed in _SEEDS)
    assert found["exit"]
    assert found["entry_oco" if Rule.NO_OTO in rules else "entry_list"]
    for kind, times in found.items():
        assert times[len(times) * 99 // 100] <= P99_MS, (kind, times[-3:])


def test_an_entry_that_no_query_finds_is_as_soon_protected() -> None:
    plans = (plan for name, plan in PLANS.items() if name.startswith("an entry at market is found by no query"))
    whole = [plan for plan in plans if not any(isinstance(one, h.Thin | h.Kill) for one in plan.happenings)]
    times = naked_times(whole)["entry_oco"]
    assert len(times) == len(whole)
    assert times[-1] <= P99_MS


def test_no_answer_is_awaited_for_long_although_the_stream_is_down() -> None:
    plans = [plan for name, plan in PLANS.items() if name.endswith("is slow, and the stream is down")]
    found = naked_times(plans)
    assert {"entry_oco", "exit"} <= found.keys()
    for kind, times in found.items():
        assert times[-1] <= 1_000 * LATE + P99_MS, kind


@pytest.mark.parametrize("skip", range(0, 12, 3))
def test_after_a_kill_the_bar_holds_once_the_trader_is_ready(skip: int) -> None:
    down = 800
    for happenings in ((*AT_MARKET, BUY), (h.Rules(0, COIN, Rule.NO_REPLACE), BUY, SELL)):
        at = happenings[-1].at - 1
        plan = Plan(skip, (*happenings[:-1], h.Kill(at, skip, down, executes=True), happenings[-1]), LATER + 20_000)
        for kind, times in naked_times([plan]).items():
            assert times[-1] <= down + AFTER_KILL_MS, kind


def test_a_stop_that_ends_while_the_stream_is_silent_is_missed_within_seconds() -> None:
    plans = [plan for name, plan in PLANS.items() if name.endswith("after the stream fell silent")]
    times = naked_times(plans)["lost"]
    assert len(times) == len(plans)
    assert times[-1] <= SILENT_MS
