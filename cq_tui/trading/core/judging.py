"""What the guardrails judge by, collected from the situation."""

from decimal import Decimal
from functools import cache

from cq_tui.binance.filters import SymbolRules
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.core.entry_kind import EntryKind, entry_kind
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.losing import loss_problem
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.quarantining import quarantined_strategies
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.core.trading_state import stop_reason, symbol_lock, trading_state
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.guardrails import global_denials
from cq_tui.trading.money.account_money import value_account
from cq_tui.trading.sizing import EntryBudget

ZERO = Decimal(0)


def context_of(s: Situation, symbol: str, *, has_waited: bool = False) -> EntryContext:
    """Collect what the guardrails judge by; an empty symbol means any. ``has_waited``: as of an entry's signal."""
    book, settings, lane = s.book, s.settings, s.lanes.get(symbol)
    quote = None if lane is None else lane.quote
    pending = _pending(s)
    held = {name for name, position in book.positions.items() if name not in pending or book.quantity(name)}
    position = book.positions.get(symbol)
    return EntryContext(
        mode=settings.mode,
        trading_state=trading_state(s),
        stop_reason=stop_reason(s),
        ares=s.health.ares,
        feeder=s.health.feeder,
        memory=s.health.memory,
        disk_problem=s.health.disk_problem,
        budget=_budget(s, symbol, lane),
        equity=ZERO,
        exposure=ZERO,
        quarantined_strategies=quarantined_strategies(s),
        loss_problem=lambda limit: loss_problem(s, limit),
        held_by="" if position is None else position.plan.strategy,
        is_adopted=position is not None and position.plan.is_adopted,
        quantity=book.quantity(symbol),
        is_protected=position is not None and position.state.is_protected,
        is_leaving=position is not None and _is_leaving(s, position),
        exit_any_strategy=settings.exit_any_strategy,
        worth=cache(lambda: _worth(s)),
        price=ZERO if quote is None else quote.ask,
        price_time=0.0 if quote is None else quote.time,
        bid=None if quote is None else quote.bid,
        last_price=None if quote is None else quote.last,
        rules=_rules_for_entry(s, symbol),
        limits=settings,
        guardrails_disabled=settings.guardrails_disabled,
        mode_blocked=settings.mode_blocked,
        settings_problem=settings.settings_problem,
        exchange_problem=s.exchange_problem,
        limits_problem=s.health.limits_problem,
        reconciled=s.is_reconciled and book.money is not None,
        local_now=s.moment.local,
        account_doubt=account_doubt(s),
        symbol_doubt=symbol_doubt(s, symbol),
        symbol_lock=symbol_lock(s, symbol),
        watched=symbol in settings.symbols,
        quote_asset=settings.quote,
        opened_ms=0 if position is None else position.opened_ms,
        has_waited=has_waited,
        acted_keys=s.answered_here,
        held=held,
        pending=pending,
        last_entry=book.last_entry,
        paused_until=book.paused_until,
        entries_minute=book.entries.within_minute(s.ms),
        entries_day=book.entries.on_day(s.ms),
        symbol_value=_value_in(s, symbol) if settings.symbol_notional is not None else ZERO,
        quarantine=book.quarantine.block_reason(symbol, s.now),
    )


def _is_leaving(s: Situation, position: Position) -> bool:
    """Whether some or all of a position is being sold, or an order may have sold of it what is not known yet."""
    sells = (order for order in s.book.live_of(position.symbol) if order.side == "SELL")
    return bool(position.exit_reason or position.part) or any(
        order.status.is_undecided or order.lacks_trades or (order.leg is Leg.EXIT and not order.status.is_terminal)
        for order in sells
    )


def _budget(s: Situation, symbol: str, lane: Lane | None) -> EntryBudget:
    return EntryBudget(
        order_quote=s.settings.order_quote,
        available_quote=_free(s),
        commission=_commission(s, lane),
        remainder=_remainder(s, symbol),
        position=_position(s, symbol),
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


def _worth(s: Situation) -> tuple[Decimal, Decimal]:
    """Return equity and exposure in the quote asset, with the entries on their way."""
    if s.book.money is None:
        return ZERO, ZERO
    holdings = [held for held in s.book.holdings.values() if held.quantity and held.quote == s.book.money.asset]
    bids = {held.symbol: bid for held in holdings if (bid := s.last_bid(held.symbol)) is not None}
    value = value_account(s.book.money, holdings, bids)
    on_way = sum((_value_on_way(s, order) for order in s.book.live_orders() if order.side == "BUY"), ZERO)
    return value.equity, value.exposure + on_way


def _value_in(s: Situation, symbol: str) -> Decimal:
    """Return what is held and bought in one symbol, in quote units; without a bid, at its cost."""
    held, bid = s.book.holdings.get(symbol), s.last_bid(symbol)
    value = ZERO if held is None else (held.cost if bid is None else held.worth(bid))
    mine = (order for order in s.book.live_orders() if order.symbol == symbol and order.side == "BUY")
    return value + sum((_value_on_way(s, order) for order in mine), ZERO)


def _value_on_way(s: Situation, order: OrderRecord) -> Decimal:
    """Return the most that a purchase may still add to what is held, in quote units."""
    most = order.executed if order.status.is_terminal else max(order.quantity, order.executed)
    return (most - order.filled_by_trades) * _price_to_pay(s, order)


def _price_to_pay(s: Situation, order: OrderRecord) -> Decimal:
    """Return what a unit of a purchase may cost; at market, as it was sized; without a quote, by the order quote."""
    if order.price is not None:
        return order.price
    lane = s.lanes.get(order.symbol)
    if lane is not None and lane.quote is not None and lane.quote.ask > 0:
        return lane.quote.ask * (1 + s.settings.slippage_cap)
    return s.settings.order_quote / order.quantity if order.quantity else ZERO


def _remainder(s: Situation, symbol: str) -> Decimal:
    """Return what earlier positions left and an exit can sell along; an OPOCO sells what it bought, and no more."""
    held, rules = s.book.holdings.get(symbol), s.symbol_rules.get(symbol)
    if held is None or rules is None or kind_of_entry(s, rules) is EntryKind.OPOCO:
        return ZERO
    balance = s.balances.get(held.base)
    return min(held.quantity, ZERO if balance is None else balance.free)


def kind_of_entry(s: Situation, rules: SymbolRules) -> EntryKind:
    """Return how an entry gets its protection now.

    Where others own coins of the asset, the exchange pays the commission of an OPOCO with them, and lets its stop sell
    as many more (its FAQ on OPO). So it is bought at market then, and what is ours is protected after it.
    """
    kind = entry_kind(rules, knows_commission=s.lane(rules.symbol).commission is not None)
    balance = s.balances.get(rules.base_asset)
    has_others = balance is not None and balance.total > s.own(rules.base_asset)
    return EntryKind.MARKET if kind is EntryKind.OPOCO and has_others else kind


def _position(s: Situation, symbol: str) -> Decimal:
    """Return what the exchange judges MAX_POSITION by: the base asset, and what open orders would buy of it."""
    rules = s.symbol_rules.get(symbol)
    if rules is None or not rules.max_position:
        return ZERO
    balance = s.balances.get(rules.base_asset)
    total = ZERO if balance is None else balance.total
    own = (order.remaining for order in s.book.open_orders() if order.symbol == symbol and order.side == "BUY")
    others = (
        order.quantity - order.executed_quantity
        for order in s.other_orders.values()
        if order.symbol == symbol and order.side == "BUY"
    )
    return total + sum(own, ZERO) + sum(others, ZERO)


def _free(s: Situation) -> Decimal:
    """Return what can be spent: the smaller of what the exchange and the book know."""
    balance = s.balances.get(s.settings.quote)
    free = ZERO if balance is None else balance.free
    committed = sum(
        (order.remaining * _price_to_pay(s, order) for order in s.book.open_orders() if order.side == "BUY"), ZERO
    )
    own = s.book.money.quote if s.book.money is not None else ZERO
    return max(min(free, own - committed), ZERO)


def _commission(s: Situation, lane: Lane | None) -> Decimal:
    if lane is None or lane.commission is None:
        return s.taker_commission
    return lane.commission
