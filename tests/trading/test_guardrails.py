"""Guardrails: every reason is reachable, says what to do, and holds when it has to."""

from dataclasses import replace
from typing import Any

import pytest

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext, EntryLimits, HealthReport
from cq_tui.trading.guardrails import check_exit, decide_entry, global_denials
from cq_tui.trading.limits.table import LIFTED
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import size_entry
from tests.trading.samples import BUDGET, HEALTHY, NOW, RULES, SELL, SIGNAL, D, context

_R = DenialReason
KEY = SIGNAL.key
#: A strategy's own position, and a SELL of half of it.
HELD: dict[str, Any] = {"held": {"BTCUSDT"}, "held_by": SELL.strategy, "quantity": D("0.01"), "bid": D(40000)}
HALF = replace(SELL, part=D("0.5"))
SAFE, MORE = HELD | {"is_protected": True}, replace(SIGNAL, scale_in=True)
CASES: list[tuple[DenialReason, dict[str, Any], TradeSignal]] = [
    (_R.TRADING_HALTED, {"trading_state": "halted"}, SIGNAL),
    (_R.TRADING_REDUCING, {"trading_state": "reducing"}, SIGNAL),
    (_R.MODE_BLOCKED, {"mode_blocked": "live needs keys"}, SIGNAL),
    (_R.NOT_RECONCILED, {"reconciled": False}, SIGNAL),
    (_R.DUPLICATE_SIGNAL, {"acted_keys": {KEY}}, SIGNAL),
    (_R.DUPLICATE_SIGNAL, {"acted_keys": {SELL.key}, "held": {"BTCUSDT"}}, SELL),
    (_R.SIGNAL_STALE, {}, replace(SIGNAL, bar_close_time=SIGNAL.bar_close_time - 10_100)),
    (_R.SIGNAL_FROM_FUTURE, {}, replace(SIGNAL, bar_close_time=SIGNAL.bar_close_time + 2_100)),
    (_R.SIGNAL_STALE, {"held": {"BTCUSDT"}, "opened_ms": int(NOW * 1000) + 70_000}, SELL),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, confidence=0.0)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, confidence=1.5)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, confidence=float("nan"))),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, trail=D("-1e6"))),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, trail=D(0))),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, trail=SIGNAL.entry_price)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, stop_loss=SIGNAL.entry_price)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, stop_loss=SIGNAL.entry_price * D("0.4"))),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, stop_loss=SIGNAL.entry_price * D("0.9999"))),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, take_profit=SIGNAL.entry_price * 101)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, max_bars=2**63)),
    (_R.SIGNAL_IMPLAUSIBLE, {}, replace(SIGNAL, cooldown_bars=2**53)),
    (_R.SIGNAL_UNSUPPORTED, {}, replace(SIGNAL, unsupported="scale_in")),
    (_R.SIGNAL_UNSUPPORTED, {"held": {"BTCUSDT"}}, replace(SELL, unsupported="scale_in")),
    (_R.EXIT_PENDING, HELD | {"is_leaving": True}, HALF),
    (_R.NOTHING_TO_ADD_TO, {}, MORE),
    (_R.NOTHING_TO_ADD_TO, HELD, MORE),
    (_R.OTHER_STRATEGY, SAFE | {"held_by": "other"}, MORE),
    (_R.OTHER_STRATEGY, SAFE | {"held_by": "", "is_adopted": True}, MORE),
    (_R.EXIT_PENDING, SAFE | {"is_leaving": True}, MORE),
    (_R.ENTRY_PENDING, SAFE | {"pending": {"BTCUSDT"}}, MORE),
    (_R.MAX_POSITIONS, SAFE | {"held": {"BTCUSDT", "ETHUSDT"}, "limits": EntryLimits(max_positions=1)}, MORE),
    (_R.DUST, SAFE, replace(MORE, size=D("0.00013"))),
    (_R.ENTRY_PENDING, HELD | {"pending": {"BTCUSDT"}}, HALF),
    (_R.PART_TOO_SMALL, HELD, replace(HALF, part=D("0.01"))),
    (_R.SIGNAL_STALE, HELD, replace(HALF, bar_close_time=int(NOW * 1000) - 10_002)),
    (_R.DISK_FULL, HELD | {"disk_problem": "no space left"}, HALF),
    (_R.ACCOUNT_IN_DOUBT, HELD | {"account_doubt": "another directory trades it"}, HALF),
    (_R.SYMBOL_IN_DOUBT, HELD | {"symbol_doubt": "balance and book differ"}, HALF),
    (_R.SYMBOL_NOT_TRADING, HELD | {"rules": replace(RULES, status="HALT")}, HALF),
    (_R.SIGNAL_SIZE, {}, replace(SIGNAL, size=D("0.0001"))),
    (_R.SIGNAL_SIZE, {}, replace(SIGNAL, size=D("0.000001"))),
    (_R.CLOCK_SKEW, {"local_now": NOW + 61}, SIGNAL),
    (_R.CLOCK_SKEW, {"local_now": NOW - 61}, SIGNAL),
    (_R.EXCHANGE_UNREACHABLE, {"exchange_problem": "Invalid API-key (-2015)"}, SIGNAL),
    (_R.REQUEST_LIMITS, {"limits_problem": "for 52 s"}, SIGNAL),
    (_R.REQUEST_LIMITS, {"limits_problem": "for 52 s", "exchange_problem": "Too many requests (-1003)"}, SIGNAL),
    (_R.ACCOUNT_IN_DOUBT, {"account_doubt": "another directory trades it"}, SIGNAL),
    (_R.SYMBOL_LOCKED, {"symbol_lock": "flattened by kim"}, SIGNAL),
    (_R.SYMBOL_IN_DOUBT, {"symbol_doubt": "balance and book differ"}, SIGNAL),
    (_R.NOT_WATCHED, {"watched": False}, SIGNAL),
    (_R.QUOTE_ASSET, {"quote_asset": "BNB"}, SIGNAL),
    (_R.PRICE_GAP, {"last_price": D("39000")}, SIGNAL),
    (_R.PRICE_GAP, {"last_price": D("400000")}, SIGNAL),
    (_R.PRICE_GAP, {"price": D("4000"), "last_price": D("40000")}, SIGNAL),
    (_R.PRICE_GAP, {"last_price": D("40000")}, replace(SIGNAL, entry_price=D("42000"), take_profit=D("43000"))),
    (_R.PROTECTION_IMPOSSIBLE, {"rules": replace(RULES, oco_allowed=False)}, SIGNAL),
    (_R.PROTECTION_IMPOSSIBLE, {"rules": replace(RULES, order_types=frozenset({"MARKET", "LIMIT"}))}, SIGNAL),
    (_R.PROTECTION_IMPOSSIBLE, {"rules": replace(RULES, ask_multiplier_up=D("1.001"))}, SIGNAL),
    (_R.NOTHING_HELD, {"held": {"ETHUSDT"}}, SELL),
    (_R.ARES_STALE, {"ares": HealthReport("ok", NOW - 30.1)}, SIGNAL),
    (_R.ARES_STALE, {"ares": HealthReport()}, SIGNAL),
    (_R.ARES_STALE, {"ares": HealthReport("ok", NOW + 3)}, SIGNAL),
    (_R.ARES_UNHEALTHY, {"ares": HealthReport("error", NOW)}, SIGNAL),
    (_R.FEEDER_STALE, {"feeder": HealthReport("ok", NOW - 10.1)}, SIGNAL),
    (_R.FEEDER_STALE, {"price_time": NOW - 10.1}, SIGNAL),
    (_R.FEEDER_STALE, {"price": D(0)}, SIGNAL),
    (_R.FEEDER_UNHEALTHY, {"feeder": HealthReport("error", NOW)}, SIGNAL),
    (_R.MEMORY_STALE, {"memory": HealthReport("ok", NOW - 5.1)}, SIGNAL),
    (_R.MEMORY_UNHEALTHY, {"memory": HealthReport("error", NOW)}, SIGNAL),
    (_R.MEMORY_UNHEALTHY, {"memory": HealthReport("ok", NOW, intact=False)}, SIGNAL),
    (_R.MEMORY_UNHEALTHY, {"memory": HealthReport("degraded", NOW, reason="the disk is full")}, SIGNAL),
    (_R.DISK_FULL, {"disk_problem": "/data: the disk is full"}, SIGNAL),
    (_R.SYMBOL_NOT_TRADING, {"rules": None}, SIGNAL),
    (_R.SYMBOL_NOT_TRADING, {"rules": replace(RULES, status="BREAK")}, SIGNAL),
    (_R.OTHER_STRATEGY, {"held": {"BTCUSDT"}, "held_by": "another"}, SELL),
    (_R.DAILY_LOSS, {"loss_problem": lambda limit: "10%" if limit == "daily_loss" else None}, SIGNAL),
    (_R.DRAWDOWN, {"loss_problem": lambda limit: "20%" if limit == "drawdown" else None}, SIGNAL),
    (_R.QUARANTINED, {"quarantine": "3 failures in a row"}, SIGNAL),
    (_R.STRATEGY_QUARANTINED, {"quarantined_strategies": {"trend_multi_tf": "20 stops in a row"}}, SIGNAL),
    (_R.POSITION_OPEN, {"held": {"BTCUSDT"}}, SIGNAL),
    (_R.ENTRY_PENDING, {"pending": {"BTCUSDT"}}, SIGNAL),
    (_R.LOW_CONFIDENCE, {"limits": EntryLimits(min_confidence=0.71)}, SIGNAL),
    (_R.TARGET_TOO_NEAR, {"limits": EntryLimits(target_costs=D(8))}, SIGNAL),
    (_R.ORDER_RATE, {"entries_minute": 30}, SIGNAL),
    (_R.ORDERS_A_DAY, {"entries_day": 5_000}, SIGNAL),
    (_R.ORDER_NOTIONAL, {"limits": EntryLimits(order_notional=D("5.2"))}, SIGNAL),
    (_R.SYMBOL_NOTIONAL, {"limits": EntryLimits(symbol_notional=D(90)), "symbol_value": D(90)}, SIGNAL),
    (_R.TOTAL_NOTIONAL, {"limits": EntryLimits(total_notional=D(300)), "exposure": D("296")}, SIGNAL),
    (_R.COOLDOWN, {"last_entry": {"BTCUSDT": NOW - 0.9}}, SIGNAL),
    (_R.STRATEGY_COOLDOWN, {"paused_until": {("trend_multi_tf", "BTCUSDT"): NOW + 1}}, SIGNAL),
    (_R.MAX_POSITIONS, {"held": {"A", "B", "C"}, "pending": {"C", "D", "E"}}, SIGNAL),
    (_R.EXPOSURE, {"exposure": D("496")}, SIGNAL),
    (_R.LEVELS_PASSED, {"price": D("39600")}, SIGNAL),
    (_R.LEVELS_PASSED, {"price": D("40600")}, SIGNAL),
    (_R.LIMIT_NOT_REACHED, {}, replace(SIGNAL, limit_price=D(39900), limit_until_ms=int(NOW * 1000))),
    (_R.BALANCE, {"budget": replace(BUDGET, available_quote=D("4.9"))}, SIGNAL),
    (_R.LOT_SIZE, {"budget": replace(BUDGET, order_quote=D("0.1"))}, SIGNAL),
    (_R.MIN_NOTIONAL, {"budget": replace(BUDGET, order_quote=D("4"))}, SIGNAL),
    (_R.DUST, {"budget": replace(BUDGET, order_quote=D("5.3"))}, SIGNAL),
    (
        _R.MAX_POSITION,
        {"budget": replace(BUDGET, position=D(2)), "rules": replace(RULES, max_position=D(1))},
        SIGNAL,
    ),
]


def denial_of(found: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Why the signal becomes no order; None when it does."""
    if signal.side == "SELL":
        return check_exit(found, signal, now)
    decided = decide_entry(found, signal, now)
    return decided if isinstance(decided, Denial) else None


def reason_of(denial: Denial | None) -> DenialReason | None:
    return None if denial is None else denial.reason


def test_a_valid_signal_passes() -> None:
    assert denial_of(context(), SIGNAL, NOW) is None
    assert denial_of(context(), SIGNAL, NOW + 4) is None
    decided = decide_entry(context(limits=EntryLimits(slippage_cap=D("0.002"))), SIGNAL, NOW)
    assert not isinstance(decided, Denial)
    assert decided.size == size_entry(RULES, decided.limit_price, SIGNAL.stop_loss, BUDGET)
    assert context().price < decided.limit_price <= context().price * D("1.00201")


@pytest.mark.parametrize("name", ["max_bars", "cooldown_bars"])
def test_a_wait_of_a_hundred_years_is_the_longest(name: str) -> None:
    bars = 100 * 365 * 1_440
    assert not isinstance(decide_entry(context(), replace(SIGNAL, **{name: bars}), NOW), Denial)  # type: ignore[arg-type]
    assert isinstance(decide_entry(context(), replace(SIGNAL, **{name: bars + 1}), NOW), Denial)  # type: ignore[arg-type]


def test_no_entry_pays_more_than_halfway_to_its_target() -> None:
    """A near target is no reason to refuse a signal, and a wide cap none to pay what the target brings."""
    near = replace(SIGNAL, take_profit=D("40050"))
    decided = decide_entry(context(limits=EntryLimits(slippage_cap=D("0.002"))), near, NOW)
    assert not isinstance(decided, Denial)
    assert decided.limit_price == D("40030")
    assert context().price < decided.limit_price < decided.take_profit


def test_levels_are_judged_as_they_will_be_sent() -> None:
    """A stop that lands on the bid when it is put on the tick would sell at once."""
    coarse = replace(RULES, tick_size=D(100))
    near = replace(SIGNAL, stop_loss=D("39950"))
    passes = context(rules=coarse, bid=D("40000"), last_price=D("40000"))
    assert denial_of(passes, near, NOW) is None
    lands_on_it = context(rules=coarse, bid=D("39900"), last_price=D("40000"))
    assert reason_of(denial_of(lands_on_it, near, NOW)) is _R.LEVELS_PASSED
    last_is_lower = context(rules=coarse, bid=D("39990"), last_price=D("39900"))
    assert reason_of(denial_of(last_is_lower, near, NOW)) is _R.LEVELS_PASSED


@pytest.mark.parametrize(("reason", "changes", "signal"), CASES)
def test_every_denial_reason_is_produced(reason: DenialReason, changes: dict[str, Any], signal: TradeSignal) -> None:
    assert reason_of(denial_of(context(**changes), signal, NOW)) is reason


def test_every_reason_is_reachable_and_has_a_remedy() -> None:
    # What withdraws an entry that waits is no guardrail.
    assert {reason for reason, _, _ in CASES} == set(DenialReason) - {_R.LIMIT_WITHDRAWN}
    for reason in DenialReason:
        assert reason.sentence.endswith(".")
        assert reason.remedy.endswith(".")
    assert len({reason.sentence for reason in DenialReason}) == len(DenialReason)


def test_a_denial_reads_as_a_sentence_with_figures_and_remedy() -> None:
    denial = denial_of(context(last_entry={"BTCUSDT": NOW - 0.5}), SIGNAL, NOW)
    assert str(denial) == (
        "The last entry in this symbol is too recent (0.5 s left). Wait; TRADER_ORDER_COOLDOWN sets the pause."
    )
    assert str(Denial(_R.TRADING_HALTED)).startswith("Trading is halted. Run `cq-tui resume`")


@pytest.mark.parametrize(("reason", "changes", "signal"), CASES)
def test_disabled_guardrails_lift_limits_on_appetite_only(
    reason: DenialReason, changes: dict[str, Any], signal: TradeSignal
) -> None:
    disabled = context(**changes, guardrails_disabled=True)
    assert (denial_of(disabled, signal, NOW) is None) is (reason in LIFTED)
    live = context(**changes | {"mode": "live"}, guardrails_disabled=True)
    assert reason_of(denial_of(live, signal, NOW)) is reason


def test_what_is_lifted_concerns_appetite_only() -> None:
    assert {
        _R.COOLDOWN, _R.STRATEGY_COOLDOWN, _R.MAX_POSITIONS, _R.EXPOSURE, _R.LOW_CONFIDENCE, _R.TARGET_TOO_NEAR,
        _R.ORDER_RATE, _R.ORDERS_A_DAY, _R.ORDER_NOTIONAL, _R.SYMBOL_NOTIONAL, _R.TOTAL_NOTIONAL,
    } == LIFTED  # fmt: skip


def test_lifting_a_limit_still_checks_those_after_it() -> None:
    poor = context(exposure=D("900"), budget=replace(BUDGET, available_quote=D("4.9")), guardrails_disabled=True)
    assert reason_of(denial_of(poor, SIGNAL, NOW)) is _R.BALANCE


def test_a_sale_of_a_position_continues_on_stale_health_or_a_full_disk() -> None:
    trouble = context(
        held={"BTCUSDT"}, trading_state="halted", account_doubt="a doubt", symbol_doubt="a doubt", reconciled=False,
        ares=HealthReport(), feeder=HealthReport(), memory=HealthReport(),
        price=D(0), price_time=0.0, rules=None, quarantine="3 failures", equity=D(0),
        last_entry={"BTCUSDT": NOW}, paused_until={("trend_multi_tf", "BTCUSDT"): NOW + 99},
        budget=replace(BUDGET, available_quote=D(0)),
    )  # fmt: skip
    assert denial_of(trouble, SELL, NOW) is None
    assert denial_of(trouble, SELL, NOW + 3_600) is None


@pytest.mark.parametrize("state", ["halted", "reducing"])
def test_a_denial_says_who_stopped_trading_and_how_to_go_on(state: str) -> None:
    reason = "by kim since 2026-11-30 13:40 UTC: news"
    denial = denial_of(context(trading_state=state, stop_reason=reason), SIGNAL, NOW)
    assert denial is not None
    assert (f"({reason})" in str(denial), "`cq-tui resume`" in str(denial)) == (True, True)


def test_settings_that_cannot_be_used_are_blamed_and_nobody_else() -> None:
    problem = "ssot/env.json: is not valid JSON"
    memory = HealthReport("degraded", NOW, reason=problem)
    found = global_denials(context(trading_state="reducing", settings_problem=problem, memory=memory), NOW)
    assert [str(denial) for denial in found] == [
        f"Positions may only be closed ({problem}). Run `cq-tui resume`, or correct the settings, to open "
        "positions again."
    ]
    other = HealthReport("degraded", NOW, reason="the disk is slow")
    found = global_denials(context(trading_state="reducing", settings_problem=problem, memory=other), NOW)
    assert [denial.reason for denial in found] == [DenialReason.TRADING_REDUCING, DenialReason.MEMORY_UNHEALTHY]
    silent = HealthReport("degraded", NOW)
    assert global_denials(context(memory=silent), NOW) != [], "a memory that gives no reason still counts"


def test_of_degraded_services_only_memory_stops_entries() -> None:
    weak = replace(HEALTHY, status="degraded", reason="the disk is full")
    assert denial_of(context(ares=weak, feeder=weak), SIGNAL, NOW) is None
    denial = denial_of(context(memory=weak), SIGNAL, NOW)
    assert denial == Denial(_R.MEMORY_UNHEALTHY, "the disk is full")
    assert denial_of(context(memory=weak, held={"BTCUSDT"}), SELL, NOW) is None


def test_a_pause_of_one_strategy_does_not_block_another() -> None:
    paused = context(paused_until={("bb_mean_revert_v2", "BTCUSDT"): NOW + 60, ("trend_multi_tf", "ETHUSDT"): NOW + 60})
    assert denial_of(paused, SIGNAL, NOW) is None


def test_an_entry_of_the_future_is_no_reason_to_pause() -> None:
    """The exchange's clock was set back by ten seconds."""
    assert denial_of(context(last_entry={"BTCUSDT": NOW + 10}), SIGNAL, NOW) is None
    assert reason_of(denial_of(context(last_entry={"BTCUSDT": NOW + 0.5}), SIGNAL, NOW)) is _R.COOLDOWN


def test_what_refuses_every_entry_is_named_whatever_the_symbol() -> None:
    used_up = context(entries_day=5_000, entries_minute=30)
    assert [denial.reason for denial in global_denials(used_up, NOW)] == [_R.ORDER_RATE, _R.ORDERS_A_DAY]
    assert global_denials(replace(used_up, guardrails_disabled=True), NOW) == []


def test_an_entry_is_sized_by_risk_and_by_the_room_that_limits_leave() -> None:
    """The stop is 410 below the price: a thousandth of 1,000 USDT buys 0.00243."""
    for limits, quantity in (
        (EntryLimits(risk_fraction=D("0.001")), "0.00243"),
        (EntryLimits(risk_fraction=D("0.001"), order_notional=D(50)), "0.00124"),
        (EntryLimits(symbol_notional=D(80)), "0.00074"),
        (EntryLimits(total_notional=D(120)), "0.00049"),
    ):
        decided = decide_entry(context(limits=limits, symbol_value=D(50), exposure=D(100)), SIGNAL, NOW)
        assert not isinstance(decided, Denial)
        assert decided.size.quantity == D(quantity), limits
