"""Builds ``state/account.json``, for the room, snapshots and people."""

from decimal import Decimal

from cq_tui.contracts.account import AccountState, BalanceState, OrderState, PositionState
from cq_tui.contracts.mode import Mode
from cq_tui.services.trader.book import Book, is_working
from cq_tui.services.trader.desk import Desk
from cq_tui.trading.client_order_id import Leg
from cq_tui.trading.lifecycle import OrderRecord
from cq_tui.trading.portfolio import Position

QUOTE_ASSET = "USDT"
_ORDERS_SHOWN = 100


def quote_balance(desk: Desk) -> Decimal:
    """Free and locked quote asset."""
    held = desk.balances.get(QUOTE_ASSET)
    return held.total if held is not None else Decimal(0)


def free_quote(desk: Desk) -> Decimal:
    """Quote asset that can be spent."""
    held = desk.balances.get(QUOTE_ASSET)
    return held.free if held is not None else Decimal(0)


def account_state(desk: Desk, mode: Mode, prices: dict[str, Decimal], now: float) -> AccountState:
    """Describe the account."""
    book = desk.book
    worth = desk.worth(quote_balance(desk), prices)
    orders = sorted(book.orders.values(), key=lambda order: order.intended_at)
    return AccountState(
        timestamp=now,
        mode=mode,
        quote_asset=QUOTE_ASSET,
        equity=float(worth),
        available_balance=float(free_quote(desk)),
        equity_start=float(book.equity_start) if book.equity_start is not None else None,
        realized_pnl=float(book.realized),
        balances={
            asset: BalanceState(free=f"{balance.free:f}", locked=f"{balance.locked:f}")
            for asset, balance in desk.balances.items()
        },
        positions={symbol: _position(book, position, prices) for symbol, position in book.positions.items()},
        orders=[_order(order) for order in orders[-_ORDERS_SHOWN:]],
        quarantine={entry.symbol: entry.to_state() for entry in book.quarantine},
    )


def _position(book: Book, position: Position, prices: dict[str, Decimal]) -> PositionState:
    price = prices.get(position.symbol, position.average_price)
    stops = [order for order in book.orders_of(position.symbol) if order.leg is Leg.STOP]
    working = any(is_working(order) for order in stops)
    pending = any(not order.status.is_terminal for order in stops)
    return PositionState(
        symbol=position.symbol,
        size=float(position.quantity),
        entry_price=float(position.average_price),
        unrealized_pnl=float(position.unrealized(price)),
        cost=float(position.cost),
        opened_ts=position.opened_at_ms / 1000,
        stop_loss=None if position.stop_loss is None else float(position.stop_loss),
        take_profit=None if position.take_profit is None else float(position.take_profit),
        strategy=position.strategy or None,
        protection="working" if working else "pending" if pending else "missing",
    )


def _order(order: OrderRecord) -> OrderState:
    return OrderState(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        leg=order.leg.value,
        status=order.status.value,
        size=float(order.quantity),
        filled=float(order.executed_quantity),
        price=None if order.price is None else float(order.price),
        stop_price=None if order.stop_price is None else float(order.stop_price),
        average_price=None if order.average_price is None else float(order.average_price),
        order_id=None if order.order_id is None else str(order.order_id),
        updated_ts=order.updated_at,
        reason=order.reason or None,
        signal_key=order.signal_key,
    )
