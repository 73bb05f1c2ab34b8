"""Signals: a BUY becomes an entry with its protection, a SELL closes what is held, or the denial names its reason."""

from dataclasses import replace
from decimal import Decimal

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOpoco, NewOtoco
from cq_tui.binance.orders import NewOrder
from cq_tui.contracts.freshness import Stale, classify_age
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import CancelList, CancelOrder, PlaceList, PlaceOrder, Urgency
from cq_tui.trading.core.entry_kind import EntryKind
from cq_tui.trading.core.inputs import SignalRefused, SignalSeen
from cq_tui.trading.core.judging import context_of, kind_of_entry
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import (
    intend,
    new_id,
    protective_records,
    stop_leg,
    target_leg,
)
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.part_exits import want_part
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.price_wait import PriceWait
from cq_tui.trading.core.price_waits import PASSING, begin_wait, due_wait, end_wait, withdraw
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_levels import EntryDecision
from cq_tui.trading.guardrails import check_exit, decide_entry, decide_wait, is_above_limit
from cq_tui.trading.position_life import PositionState
from cq_tui.trading.signals import TradeSignal

ZERO = Decimal(0)
#: A signal that waited is looked at so many seconds after its age has reached the limit.
_AFTER = 0.001


def take_signal(s: Situation, seen: SignalSeen) -> None:
    """Act on a signal, or record why not. One that waits for a request, or for rules, is judged in its turn."""
    signal = seen.signal
    if signal.key in s.book.answered and signal.key not in s.answered_here:
        # Answered before the restart; the history is only being read again.
        return
    lane = s.lane(signal.symbol)
    if (signal.side == "BUY" or signal.part is not None) and _awaited(s, lane):
        lane.waiting.append(seen)
        s.touch(signal.symbol)
        return
    _answer(s, lane, seen)


def take_refused_signal(s: Situation, refused: SignalRefused) -> None:
    """Record that a signal cannot be read, once."""
    if refused.key not in s.book.answered:
        s.record(
            f.SignalDenied(refused.key, refused.symbol, refused.side, refused.strategy, refused.code, refused.reason)
        )


def take_waiting(s: Situation, lane: Lane) -> None:
    """Judge the signals whose turn it is. They wait for the symbol's last request, or for its rules, while fresh."""
    while lane.waiting:
        awaited, signal = _awaited(s, lane), lane.waiting[0].signal
        if awaited and not isinstance(classify_age(signal.age(s.now), s.settings.freshness), Stale):
            lane.wake_at((signal.bar_close_time + 1) / 1000 + s.settings.freshness + _AFTER)
            return
        _answer(s, lane, lane.waiting.popleft(), awaited)


def _awaited(s: Situation, lane: Lane) -> str:
    """Return what an entry has to wait for; empty if nothing.

    An order that was seen on the account stream is over for what protects or sells, but an entry's turn comes only
    after the answer.
    """
    if lane.is_judging:
        return "the symbol's rules"
    flight = s.unanswered(lane.symbol)
    if flight is None:
        return ""
    order = s.book.orders.get(flight.ids[0]) if flight.ids else None
    cancels = isinstance(flight.request, CancelOrder | CancelList)
    what = "a cancel" if cancels or order is None else f"the {order.leg} order"
    return f"the exchange's answer to {what} before it"


def _answer(s: Situation, lane: Lane, seen: SignalSeen, awaited: str = "") -> None:
    signal = seen.signal
    denial = _wrong_mode(s, seen) or (_buy(s, lane, signal) if signal.side == "BUY" else _sell(s, signal))
    if denial is not None and awaited:
        denial = replace(denial, detail=f"{denial.detail}; it waited for {awaited}".lstrip("; "))
    s.answered_here.add(signal.key)
    if denial is not None:
        denied = f.SignalDenied(
            signal.key, signal.symbol, signal.side, signal.strategy, denial.reason.value, str(denial)
        )
        s.record(denied)


def _wrong_mode(s: Situation, seen: SignalSeen) -> Denial | None:
    if seen.mode in (None, s.settings.mode):
        return None
    return Denial(DenialReason.MODE_BLOCKED, f"the signal was made in mode {seen.mode}, on other prices")


def _sell(s: Situation, signal: TradeSignal) -> Denial | None:
    denial = check_exit(context_of(s, signal.symbol), signal, s.now)
    if denial is None and signal.part is not None:
        want_part(s, signal)
    elif denial is None:
        s.record(f.ExitWanted(signal.symbol, f"SELL signal of {signal.strategy}", s.ms, signal.key))
        s.touch(signal.symbol)
    elif denial.reason in (DenialReason.DUPLICATE_SIGNAL, DenialReason.SIGNAL_UNSUPPORTED):
        return denial
    strategy = "" if s.settings.exit_any_strategy else signal.strategy
    is_withdrawn = withdraw(s, signal.symbol, f"by {signal.key}", strategy=strategy, issued_ms=signal.bar_close_time)
    if denial is not None and is_withdrawn:
        denial = replace(denial, detail=f"{denial.detail}; the entry that waited for its limit price was withdrawn")
    return denial


def _buy(s: Situation, lane: Lane, signal: TradeSignal) -> Denial | None:
    signal, context = _above_its_stop(s, signal), context_of(s, signal.symbol)
    decide = decide_wait if is_above_limit(context, signal) else decide_entry
    decision = decide(context, signal, s.now)
    denial = decision if isinstance(decision, Denial) else _limit_fault(s, signal)
    if isinstance(decision, Denial) or denial is not None:
        return denial
    withdraw(s, signal.symbol, f"by {signal.key}", strategy=signal.strategy)
    if signal.limit_price is None:
        _enter(s, lane, signal, decision)
    else:
        # Where its price is there already, the entry follows before this step ends.
        begin_wait(s, signal)
    return None


def _above_its_stop(s: Situation, signal: TradeSignal) -> TradeSignal:
    """Return a signal with the stop that the whole would have: what adds to a position never lowers it."""
    position = s.book.positions.get(signal.symbol)
    if not signal.scale_in or position is None:
        return signal
    return replace(signal, stop_loss=max(signal.stop_loss, position.plan.stop_loss))


def _limit_fault(s: Situation, signal: TradeSignal) -> Denial | None:
    """Return why an entry with a limit is not possible in a symbol, or None."""
    rules = s.symbol_rules[signal.symbol]
    if signal.limit_price is None or kind_of_entry(s, rules) is not EntryKind.MARKET:
        return None
    return Denial(DenialReason.SIGNAL_UNSUPPORTED, f"limit_price: {signal.symbol} is bought at market now")


def take_waits(s: Situation, lane: Lane) -> None:
    """Make the entries whose limit price is reached, and end the waits that are over."""
    for wait in s.book.waits_in(lane.symbol):
        if due_wait(s, lane, wait) and not _awaited(s, lane):
            _try(s, lane, wait)


def _try(s: Situation, lane: Lane, wait: PriceWait) -> None:
    signal, context = wait.signal, context_of(s, lane.symbol, has_waited=True)
    if context.price <= 0 or is_above_limit(context, signal):
        return
    decision = decide_entry(context, signal, s.now)
    denial = decision if isinstance(decision, Denial) else _limit_fault(s, signal)
    if denial is None:
        assert isinstance(decision, EntryDecision)
        _enter(s, lane, signal, decision)
    elif denial.reason not in PASSING:
        end_wait(s, wait, denial)


# The entry


def _enter(s: Situation, lane: Lane, signal: TradeSignal, decision: EntryDecision) -> None:
    rules = s.symbol_rules[signal.symbol]
    plan = Plan(
        signal.key,
        signal.strategy,
        signal.frame,
        decision.stop_loss,
        decision.take_profit,
        trail=signal.trail,
        trail_bars=signal.trail_bars,
        time_stop_ms=_time_stop(s, signal),
        cooldown_ms=signal.cooldown_bars * signal.frame_ms,
        adds=signal.scale_in,
    )
    if signal.scale_in:
        # Bought at market: the stop that is there is then replaced by one for the whole.
        _enter_at_market(s, rules, plan, decision)
        return
    kind = kind_of_entry(s, rules)
    if kind is EntryKind.MARKET:
        _enter_at_market(s, rules, plan, decision)
    else:
        _enter_by_list(s, rules, plan, decision, kind)
    lane.highs.clear()


def _time_stop(s: Situation, signal: TradeSignal) -> int | None:
    """Return when the position's time is over; where its entry may have waited, counted from now."""
    if signal.limit_price is None or signal.max_bars is None:
        return signal.time_stop_ms
    return s.ms + signal.max_bars * signal.frame_ms


def _open(s: Situation, rules: SymbolRules, orders: list[OrderRecord], plan: Plan) -> None:
    intend(s, rules, orders, plan)
    if plan.adds:
        return
    closed, opening = PositionState.CLOSED, PositionState.OPENING
    s.record(f.PositionMoved(rules.symbol, plan.signal_key, closed, opening, s.ms))


def _entry_record(
    s: Situation, rules: SymbolRules, plan: Plan, order_type: str, decision: EntryDecision
) -> OrderRecord:
    return OrderRecord(
        client_order_id=new_id(s, plan.signal_key, Leg.ENTRY),
        symbol=rules.symbol,
        side="BUY",
        order_type=order_type,
        leg=Leg.ENTRY,
        signal_key=plan.signal_key,
        quantity=decision.size.quantity,
        intended_ms=s.ms,
        price=decision.limit_price if order_type == "LIMIT" else None,
        list_client_order_id=new_id(s, plan.signal_key, Leg.LIST) if order_type == "LIMIT" else None,
    )


def _enter_at_market(s: Situation, rules: SymbolRules, plan: Plan, decision: EntryDecision) -> None:
    entry = _entry_record(s, rules, plan, "MARKET", decision)
    _open(s, rules, [entry], plan)
    order = NewOrder(
        symbol=rules.symbol, side="BUY", type="MARKET", client_order_id=entry.client_order_id, quantity=entry.quantity
    )
    request = PlaceOrder(number=s.next_number(), symbol=rules.symbol, urgency=Urgency.ENTRY, order=order)
    s.send(request, (entry.client_order_id,), needs_record=True)


def _enter_by_list(s: Situation, rules: SymbolRules, plan: Plan, decision: EntryDecision, kind: EntryKind) -> None:
    """Buy by a list. Its pending orders enter only after a complete fill, so the entry is fill-or-kill."""
    entry = _entry_record(s, rules, plan, "LIMIT", decision)
    assert entry.list_client_order_id is not None
    quantity = decision.size.sellable if kind is EntryKind.OTOCO else ZERO
    stop, target = protective_records(s, rules, plan, quantity, entry.list_client_order_id)
    _open(s, rules, [entry, stop, target], plan)
    working = NewOrder(
        symbol=rules.symbol,
        side="BUY",
        type="LIMIT",
        client_order_id=entry.client_order_id,
        quantity=entry.quantity,
        price=entry.price,
        time_in_force="FOK",
    )
    above, below = target_leg(target), stop_leg(stop, rules)
    order_list = (
        NewOtoco(working, quantity, entry.list_client_order_id, above, below)
        if kind is EntryKind.OTOCO
        else NewOpoco(working, entry.list_client_order_id, above, below)
    )
    request = PlaceList(number=s.next_number(), symbol=rules.symbol, urgency=Urgency.ENTRY, order_list=order_list)
    ids = entry.client_order_id, stop.client_order_id, target.client_order_id
    s.send(request, ids, needs_record=True)
