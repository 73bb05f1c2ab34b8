"""Signals: a BUY becomes an entry with its protection, a SELL closes what is held, or the denial names its reason."""

from decimal import Decimal
from enum import StrEnum

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.order_lists import NewOpoco, NewOtoco
from cq_tui.binance.orders import NewOrder
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core import facts as f
from cq_tui.trading.core.effects import PlaceList, PlaceOrder, Urgency
from cq_tui.trading.core.inputs import SignalSeen
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.making import (
    intend,
    new_id,
    protective_records,
    stop_leg,
    target_leg,
)
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.guardrails import (
    EntryContext,
    EntryDecision,
    EntryLimits,
    check_exit,
    decide_entry,
    global_denials,
)
from cq_tui.trading.money.account_money import value_account
from cq_tui.trading.position_life import PositionState
from cq_tui.trading.protection import can_protect_by_list
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import EntryBudget

ZERO = Decimal(0)


class EntryKind(StrEnum):
    """How an entry gets its protection."""

    #: One list: the entry, and stop and target for a fixed quantity once it is filled.
    OTOCO = "otoco"
    #: The same for whatever the entry received.
    OPOCO = "opoco"
    #: A market order, then stop and target.
    MARKET = "market"


def take_signal(s: Situation, seen: SignalSeen) -> None:
    """Act on a signal, or record why not. One that waits for a request, or for rules, is judged in its turn."""
    signal = seen.signal
    if signal.key in s.book.answered and signal.key not in s.answered_here:
        # Answered before the restart; the history is only being read again.
        return
    lane = s.lane(signal.symbol)
    if signal.side == "BUY" and (s.is_busy(signal.symbol) or lane.is_judging):
        lane.waiting.append(seen)
        return
    _answer(s, lane, seen)


def take_waiting(s: Situation, lane: Lane) -> None:
    """Judge the signals that waited for the symbol's last request, or for its rules."""
    while lane.waiting and not s.is_busy(lane.symbol) and not lane.is_judging:
        _answer(s, lane, lane.waiting.popleft())


def _answer(s: Situation, lane: Lane, seen: SignalSeen) -> None:
    signal = seen.signal
    denial = _wrong_mode(s, seen) or (_buy(s, lane, signal) if signal.side == "BUY" else _sell(s, signal))
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
    if denial is None:
        s.record(f.ExitWanted(signal.symbol, f"SELL signal of {signal.strategy}", s.ms, signal.key))
        s.touch(signal.symbol)
    return denial


def _buy(s: Situation, lane: Lane, signal: TradeSignal) -> Denial | None:
    decision = decide_entry(context_of(s, signal.symbol), signal, s.now)
    if isinstance(decision, Denial):
        return decision
    _enter(s, lane, signal, decision)
    return None


# The entry


def entry_kind(rules: SymbolRules, *, knows_commission: bool = True) -> EntryKind:
    """Return how an entry gets its protection, by what the symbol allows.

    What an OTOCO sells has to be told before, less the commission; until that is known, an OPOCO sells what was
    received. The exchange takes OPOCO orders only where it takes OTO orders too (its FAQ on OPO).
    """
    if "LIMIT" in rules.order_types and can_protect_by_list(rules) and rules.oto_allowed:
        return EntryKind.OPOCO if rules.opo_allowed and not knows_commission else EntryKind.OTOCO
    return EntryKind.MARKET


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
        time_stop_ms=signal.time_stop_ms,
        cooldown_ms=signal.cooldown_bars * signal.frame_ms,
    )
    kind = entry_kind(rules, knows_commission=lane.commission is not None)
    if kind is EntryKind.MARKET:
        _enter_at_market(s, rules, plan, decision)
    else:
        _enter_by_list(s, rules, plan, decision, kind)
    lane.highs.clear()


def _open(s: Situation, rules: SymbolRules, orders: list[OrderRecord], plan: Plan) -> None:
    intend(s, rules, orders, plan)
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


# What the guardrails judge by


def context_of(s: Situation, symbol: str) -> EntryContext:
    """Collect what the guardrails judge by; an empty symbol means any."""
    book, settings, lane = s.book, s.settings, s.lanes.get(symbol)
    quote = None if lane is None else lane.quote
    pending = _pending(s)
    held = {name for name, position in book.positions.items() if name not in pending or book.quantity(name)}
    position = book.positions.get(symbol)
    return EntryContext(
        mode=settings.mode,
        trading_state=settings.trading_state,
        stop_reason=settings.stop_reason,
        ares=s.health.ares,
        feeder=s.health.feeder,
        memory=s.health.memory,
        disk_problem=s.health.disk_problem,
        budget=EntryBudget(settings.order_quote, _free(s), _commission(s, lane), remainder=_remainder(s, symbol)),
        equity=ZERO,
        exposure=ZERO,
        worth=lambda: _worth(s, len(pending - held)),
        price=ZERO if quote is None else quote.ask,
        price_time=0.0 if quote is None else quote.time,
        bid=None if quote is None else quote.bid,
        last_price=None if quote is None else quote.last,
        rules=_rules_for_entry(s, symbol),
        limits=EntryLimits(
            freshness=settings.freshness,
            cooldown=settings.cooldown,
            max_positions=settings.max_positions,
            max_exposure=settings.max_exposure,
            slippage_cap=settings.slippage_cap,
            max_price_gap=settings.max_price_gap,
        ),
        guardrails_disabled=settings.guardrails_disabled,
        mode_blocked=settings.mode_blocked,
        settings_problem=settings.settings_problem,
        exchange_problem=s.exchange_problem,
        limits_problem=s.health.limits_problem,
        reconciled=s.is_reconciled and book.money is not None,
        local_now=s.moment.local,
        account_doubt=account_doubt(s),
        symbol_doubt=symbol_doubt(s, symbol),
        watched=symbol in settings.symbols,
        quote_asset=settings.quote,
        opened_ms=0 if position is None else position.opened_ms,
        acted_keys=s.answered_here,
        held=held,
        pending=pending,
        last_entry=book.last_entry,
        paused_until=book.paused_until,
        quarantine=book.quarantine.block_reason(symbol, s.now),
    )


def _rules_for_entry(s: Situation, symbol: str) -> SymbolRules | None:
    """Return the rules of a symbol as far as they are certain: of one that is listed no more, the last say nothing."""
    rules = s.symbol_rules.get(symbol)
    is_gone = rules is not None and rules.status == "TRADING" and symbol in s.left_out
    return None if is_gone else rules


def account_doubt(s: Situation) -> str | None:
    """Return what cannot be explained about the account, or who may trade it; None if all is well."""
    if s.owner.problem is not None:
        return s.owner.problem
    if not s.can_trade:
        return "the exchange says that this account may not trade"
    if s.book.money is not None and s.book.money.asset != s.settings.quote:
        asset = s.book.money.asset
        remedy = f"set it to {asset} again, or use another data directory"
        return f"money is counted in {asset}, but TRADER_QUOTE is {s.settings.quote}: {remedy}"
    return next(iter(s.book.doubts.get("", {}).values()), None)


def symbol_doubt(s: Situation, symbol: str) -> str | None:
    """Return what cannot be explained about a symbol."""
    known = next(iter(s.book.doubts.get(symbol, {}).values()), None)
    if known is not None:
        return known
    lane = s.lanes.get(symbol)
    if lane is not None and lane.strange:
        return "a trade of this account is not identified yet"
    held = s.book.holdings.get(symbol)
    if held is not None and held.base in s.misfits:
        return f"balance and book differ by {s.misfits[held.base]:f} {held.base}"
    return None


def blocked_by(s: Situation) -> list[str]:
    """Return why no position can be opened now, whatever its symbol: by the same judgment as of a signal."""
    return [str(denial) for denial in global_denials(context_of(s, ""), s.now)]


def _pending(s: Situation) -> set[str]:
    """Return the symbols with an entry on its way, or one whose fills are not all known."""
    return {
        order.symbol
        for order in s.book.live_orders()
        if order.side == "BUY" and (not order.status.is_terminal or order.lacks_trades)
    }


def _worth(s: Situation, pending: int) -> tuple[Decimal, Decimal]:
    """Return equity and exposure in the quote asset, with so many entries on their way."""
    if s.book.money is None:
        return ZERO, ZERO
    holdings = [held for held in s.book.holdings.values() if held.quantity and held.quote == s.book.money.asset]
    bids = {held.symbol: bid for held in holdings if (bid := s.last_bid(held.symbol)) is not None}
    value = value_account(s.book.money, holdings, bids)
    return value.equity, value.exposure + s.settings.order_quote * pending


def _remainder(s: Situation, symbol: str) -> Decimal:
    """Return what earlier positions left and an exit can sell along; an OPOCO sells what it bought, and no more."""
    held, rules = s.book.holdings.get(symbol), s.symbol_rules.get(symbol)
    knows_commission = s.lane(symbol).commission is not None
    if held is None or rules is None or entry_kind(rules, knows_commission=knows_commission) is EntryKind.OPOCO:
        return ZERO
    balance = s.balances.get(held.base)
    return min(held.quantity, ZERO if balance is None else balance.free)


def _free(s: Situation) -> Decimal:
    """Return what can be spent: the smaller of what the exchange and the book know."""
    balance = s.balances.get(s.settings.quote)
    free = ZERO if balance is None else balance.free
    committed = sum(
        (order.remaining * (order.price or ZERO) for order in s.book.open_orders() if order.side == "BUY"), ZERO
    )
    own = s.book.money.quote if s.book.money is not None else ZERO
    return max(min(free, own - committed), ZERO)


def _commission(s: Situation, lane: Lane | None) -> Decimal:
    if lane is None or lane.commission is None:
        return s.taker_commission
    return lane.commission
