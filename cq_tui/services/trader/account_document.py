"""Builds ``state/account.json``, for the room, the feeder, snapshots and people."""

from decimal import Decimal

from cq_tui.contracts.account import (
    AccountState,
    BalanceState,
    LossLimitState,
    OrderState,
    PositionState,
    RemainderState,
    WaitingEntryState,
)
from cq_tui.trading.client_order_id import Leg, parse_client_order_id
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.order import OrderRecord
from cq_tui.trading.core.plain import decimal_text
from cq_tui.trading.core.position import Position
from cq_tui.trading.core.price_wait import PriceWait
from cq_tui.trading.limits.losses import LossLimit, daily_loss, drawdown
from cq_tui.trading.money.account_money import Money, unvalued_commissions, value_account
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.money.sellable import sellable_parts
from cq_tui.trading.order_life import OrderStatus

_ORDERS_SHOWN = 100
_FOREIGN_SHOWN = 100


def account_state(core: Core, mode: str, now: float) -> AccountState:
    """Describe the account. ``now``: Unix seconds."""
    s, book = core.situation, core.book
    quote = s.settings.quote
    balance = s.balances.get(quote)
    holdings = [held for held in book.holdings.values() if held.quote == quote]
    bids = {held.symbol: bid for held in holdings if (bid := s.last_bid(held.symbol)) is not None}
    money = book.money
    value = None if money is None else value_account(money, holdings, bids)
    orders = sorted(book.orders.values(), key=lambda order: order.intended_ms)
    open_ones = [order for order in orders if not order.status.is_terminal]
    ended = [order for order in orders if order.status.is_terminal]
    shown = sorted((*ended[-max(_ORDERS_SHOWN - len(open_ones), 0) :], *open_ones), key=lambda one: one.intended_ms)
    held_symbols = {symbol for symbol in book.positions if book.quantity(symbol)}
    return AccountState(
        timestamp=now,
        mode=mode,
        quote_asset=quote,
        equity=float(balance.total if balance is not None else 0) if value is None else float(value.equity),
        available_balance=float(balance.free) if balance is not None else 0.0,
        equity_start=None if money is None else float(money.start),
        realized_pnl=0.0 if money is None else float(money.realized),
        balances={
            asset: BalanceState(free=f"{held.free:f}", locked=f"{held.locked:f}") for asset, held in s.balances.items()
        },
        positions={
            symbol: _position(core, book.positions[symbol]) for symbol in book.positions if symbol in held_symbols
        },
        orders=[_order(order) for order in shown],
        quarantine={entry.symbol: entry.to_state() for entry in book.quarantine},
        quarantined_strategies={one.symbol: one.to_state(one.symbol) for one in book.strategy_quarantine},
        waiting_entries=[_waiting(wait) for wait in book.waits.values()],
        held_symbols=_held_symbols(core, holdings, bids),
        account=book.account,
        owner=book.owner,
        unrealized_pnl=None if value is None else float(value.unrealized),
        deposits=None if money is None else float(money.deposits),
        paid_from_outside=None if money is None else float(money.paid_from_outside),
        unvalued_commissions={asset: decimal_text(amount) for asset, amount in unvalued_commissions(holdings).items()},
        day_profit=None if money is None or value is None else float(money.day_profit(value.equity)),
        peak=None if money is None else float(money.peak),
        loss_limits=None if money is None or value is None else _loss_limits(core, money, value.equity),
        drawdown=None if money is None or value is None else float(money.drawdown(value.equity)),
        remainders={
            held.symbol: _remainder(held, bids.get(held.symbol))
            for held in holdings
            if held.quantity and held.symbol not in held_symbols
        },
        foreign_coins={asset: decimal_text(amount) for asset, amount in s.foreign.items() if amount > 0},
        foreign_orders=_foreign_orders(core)[:_FOREIGN_SHOWN],
        doubts=doubts_of(book),
        locks={symbol: lock.describe() for symbol, lock in book.locks.items() if symbol},
    )


def _foreign_orders(core: Core) -> list[str]:
    """Return the open orders that do not carry our prefix, in words."""
    others = core.situation.other_orders.values()
    foreign = (order for order in others if parse_client_order_id(order.client_order_id) is None)
    return [f"{order.symbol} {order.side} {order.client_order_id}" for order in foreign]


def _loss_limits(core: Core, money: Money, equity: Decimal) -> dict[str, LossLimitState]:
    limits, holds = core.situation.settings.losses, core.book.losses
    fallen = drawdown(money, equity)
    used = {
        LossLimit.DAILY_LOSS: (daily_loss(money, equity), limits.daily),
        LossLimit.DRAWDOWN: (fallen, limits.next_tier(fallen)),
    }
    return {
        limit.value: LossLimitState(
            lost=float(loss.amount),
            base=float(loss.base),
            limit=float(share),
            tier=holds[limit].tier.value if limit in holds else None,
            since_ts=holds[limit].ms / 1000 if limit in holds else None,
        )
        for limit, (loss, share) in used.items()
    }


def _held_symbols(core: Core, holdings: list[Holding], bids: dict[str, Decimal]) -> list[str]:
    """Return the symbols that must be fed: with a position, an open order, or a remainder that could be sold."""
    rules, book = core.situation.symbol_rules, core.book
    found = {*book.positions, *(order.symbol for order in book.open_orders())}
    for held in holdings:
        known, bid = rules.get(held.symbol), bids.get(held.symbol)
        if held.quantity and (known is None or bid is None or sellable_parts(known, held.quantity, bid).parts):
            found.add(held.symbol)
    return sorted(found)


def doubts_of(book: Book) -> dict[str, list[str]]:
    """Return what cannot be explained, by symbol, ``account`` for the whole account."""
    return {symbol or "account": [*kinds.values()] for symbol, kinds in book.doubts.items()}


def _position(core: Core, position: Position) -> PositionState:
    s, book, plan = core.situation, core.book, position.plan
    held = book.holdings[position.symbol]
    bid = s.last_bid(position.symbol)
    stops = [order for order in book.orders_of(position.symbol) if order.leg is Leg.STOP]
    working = any(order.status.is_working for order in stops)
    pending = any(not order.status.is_terminal for order in stops)
    stuck = s.lane(position.symbol).stuck
    return PositionState(
        symbol=position.symbol,
        size=float(held.quantity),
        entry_price=float(position.average_price),
        unrealized_pnl=0.0 if bid is None else float(held.unrealized(bid)),
        cost=float(held.cost),
        opened_ts=position.opened_ms / 1000,
        stop_loss=float(plan.stop_loss) if plan.stop_loss else None,
        take_profit=None if plan.take_profit is None else float(plan.take_profit),
        trail_frame=None if plan.trail is None else plan.frame,
        strategy=plan.strategy or None,
        protection="working" if working else "pending" if pending else "missing",
        state=position.state.value,
        reason=stuck or position.exit_reason or (position.part.reason if position.part is not None else None),
        unsellable=_unsellable(core, position.symbol, held),
        unprotected_since_ts=None if position.naked is None else position.naked.since_ms / 1000,
    )


def _unsellable(core: Core, symbol: str, held: Holding) -> str | None:
    rules, bid = core.situation.symbol_rules.get(symbol), core.situation.last_bid(symbol)
    if rules is None or bid is None:
        return None
    left = sellable_parts(rules, held.quantity, bid).left
    return None if left is None else decimal_text(left.quantity)


def _remainder(held: Holding, bid: Decimal | None) -> RemainderState:
    worth = None if bid is None else float(held.worth(bid))
    return RemainderState(quantity=decimal_text(held.quantity), cost=float(held.cost), worth=worth)


def _waiting(wait: PriceWait) -> WaitingEntryState:
    signal = wait.signal
    return WaitingEntryState(
        symbol=signal.symbol,
        strategy=signal.strategy,
        limit_price=float(signal.judged_price if signal.limit_price is None else signal.limit_price),
        until_ts=wait.until_ms / 1000,
        signal_key=signal.key,
    )


#: Readers of the first version know no pending orders.
_STATUS_SHOWN = {OrderStatus.PENDING: OrderStatus.NEW}


def _order(order: OrderRecord) -> OrderState:
    average = order.average_price
    return OrderState(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        leg=order.leg.value,
        status=_STATUS_SHOWN.get(order.status, order.status).value,
        size=float(order.quantity),
        filled=float(order.executed),
        price=None if order.price is None else float(order.price),
        stop_price=None if order.stop_price is None else float(order.stop_price),
        average_price=None if average is None else float(average),
        order_id=None if order.order_id is None else str(order.order_id),
        updated_ts=max(order.updated_ms, order.sent_ms, order.intended_ms) / 1000,
        reason=order.reason or None,
        signal_key=order.signal_key,
    )
