"""A book of the first version, by mode, becomes the book of the account on which its orders are. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cq_tui.trading.core.book import Book
from cq_tui.trading.core.naked import NakedSpan
from cq_tui.trading.core.order import OrderRecord, TradeFill
from cq_tui.trading.core.plain import NotPlain, from_plain
from cq_tui.trading.core.plan import Plan
from cq_tui.trading.core.position import Position
from cq_tui.trading.money.account_money import open_money
from cq_tui.trading.money.holding import Holding
from cq_tui.trading.order_life import may_be_open
from cq_tui.trading.position_life import NakedKind, PositionState, Sight, see
from cq_tui.trading.quarantine import Quarantine
from cq_tui.trading.signals import frame_milliseconds

ZERO = Decimal(0)


class FirstVersionUnreadable(ValueError):
    """A book of the first version that cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An order of the book, to be asked for at the exchange."""

    symbol: str
    client_order_id: str


def evidence_of(plain: Mapping[str, Any]) -> list[Evidence]:
    """Return orders that the exchange knows if this is the book of its account: open ones first, then the newest.

    Raises FirstVersionUnreadable.
    """
    try:
        seen = [order for order in plain["orders"] if order["order_id"] is not None]
        open_ones = [order for order in seen if may_be_open(str(order["status"]))]
        return [Evidence(str(one["symbol"]), str(one["client_order_id"])) for one in (*open_ones, *reversed(seen))]
    except (KeyError, TypeError) as error:
        raise FirstVersionUnreadable(f"{type(error).__name__}: {error}") from None


def holds_something(plain: Mapping[str, Any]) -> bool:
    """Whether a book has positions, or orders that may still fill."""
    statuses = (str(order.get("status")) for order in plain.get("orders", ()))
    return bool(plain.get("positions")) or any(map(may_be_open, statuses))


def take_over(plain: Mapping[str, Any], account: str, owner: str, quote: str, balance: Decimal, ms: int) -> Book:
    """Return the book of an account that continues a book of the first version.

    ``balance``: of the asset ``quote``, free and locked; ``ms``: the exchange's time. Raises FirstVersionUnreadable.
    """
    try:
        book = Book(account=account, owner=owner)
        signals = {_key(signal): signal for signal in plain["signals"]}
        for order in plain["orders"]:
            book.put(_order(order))
        for position in plain["positions"]:
            _take_position(book, position, signals.get(position["signal_key"]), ms)
        for key, signal in signals.items():
            book.plans.setdefault(key, _plan(signal, {}))
        book.answered = dict.fromkeys(from_plain(list[str], plain["acted"]))
        book.quarantine = Quarantine.from_dict(plain["quarantine"])
        book.last_entry = {str(symbol): float(moment) for symbol, moment in plain["last_entry"].items()}
        book.paused_until = {(str(name), str(symbol)): float(until) for name, symbol, until in plain["paused_until"]}
        book.money = open_money(
            quote,
            balance,
            ms // 86_400_000,
            holdings=[held for held in book.holdings.values() if held.quote == quote],
            realized=from_plain(Decimal, plain["realised"]),
        )
        book.orders_count, book.fills_count = int(plain["orders_count"]), int(plain["fills_count"])
        book.denials_count, book.last_order_time = int(plain["denials_count"]), float(plain["last_order_time"])
    except (NotPlain, KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise FirstVersionUnreadable(f"{type(error).__name__}: {error}") from None
    return book


def _order(plain: Mapping[str, Any]) -> OrderRecord:
    same = {
        name: plain[name]
        for name in (
            "client_order_id", "symbol", "side", "order_type", "leg", "signal_key", "quantity", "price", "stop_price",
            "list_client_order_id", "status", "order_id", "reason", "code", "contradiction",
        )
    }  # fmt: skip
    names = TradeFill._fields
    times = {"intended_ms": "intended_at", "sent_ms": "sent_at", "updated_ms": "updated_at"}
    fills = [dict(zip(names, fill, strict=True)) for fill in plain["fills"]]
    milliseconds = {new: int(plain[old] * 1000) for new, old in times.items()}
    return from_plain(OrderRecord, same | milliseconds | {"executed": plain["executed_quantity"], "fills": fills})


def _key(signal: Mapping[str, Any]) -> str:
    return ":".join(str(signal[name]) for name in ("strategy", "symbol", "frame", "bar_close_time", "side"))


def _plan(signal: Mapping[str, Any], levels: Mapping[str, Any]) -> Plan:
    """Return the plan of a signal, with the levels that its position has by now."""
    frame = str(signal["frame"])
    plain = {
        "signal_key": _key(signal),
        "strategy": signal["strategy"],
        "frame": frame,
        "stop_loss": levels.get("stop_loss") or signal["stop_loss"],
        "take_profit": levels.get("take_profit") or signal["take_profit"],
        "trail": signal["trail"],
        "time_stop_ms": levels.get("time_stop_ms"),
        "cooldown_ms": (signal["cooldown_bars"] or 0) * frame_milliseconds(frame),
    }
    return from_plain(Plan, plain)


def _take_position(book: Book, plain: Mapping[str, Any], signal: Mapping[str, Any] | None, ms: int) -> None:
    symbol, key = str(plain["symbol"]), str(plain["signal_key"])
    if signal is not None:
        plan = _plan(signal, plain)
    else:
        # Without levels it has no stop to place: it is sold.
        plan = Plan(key, str(plain["strategy"]), "", _amount(plain["stop_loss"]) or ZERO, _amount(plain["take_profit"]))
    bought = from_plain(Decimal, plain["bought"])
    opened_ms = int(plain["opened_at_ms"])
    book.plans[key] = plan
    book.holdings[symbol] = Holding(
        symbol,
        str(plain["base_asset"]),
        str(plain["quote_asset"]),
        from_plain(Decimal, plain["quantity"]),
        from_plain(Decimal, plain["cost"]),
    )
    has_stop = bool(book.working_stops(symbol))
    book.positions[symbol] = Position(
        symbol,
        see(PositionState.OPENING, Sight.COVERED if has_stop else Sight.BARE),
        plan,
        opened_ms=opened_ms,
        bought=bought,
        spent=bought * from_plain(Decimal, plain["average_price"]),
        naked=None if has_stop else NakedSpan(NakedKind.ENTRY_OCO, ms),
    )


def _amount(plain: Any) -> Decimal | None:
    return None if plain is None else from_plain(Decimal, plain)
