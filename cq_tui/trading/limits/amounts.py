"""Limits on how much may be open at a time: positions, their share of the equity, and quote units.

All but the number of positions leave a room, and an entry is made as small as the room: it is refused only where the
rest could not be traded.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.entry_context import EntryContext
from cq_tui.trading.signals import TradeSignal
from cq_tui.trading.sizing import Cap

ZERO = Decimal(0)


def check_positions(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """Open positions and entries on their way are counted together; what adds to one makes none more."""
    added_to = {signal.symbol} if signal.scale_in else set()
    count, limit = len({*context.held, *context.pending} - added_to), context.limits.max_positions
    return Denial(DenialReason.MAX_POSITIONS, f"{count} of {limit}") if count >= limit else None


def check_exposure(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """With this entry, positions stay within their share of the equity."""
    return _denial_without_room(exposure_cap(context))


def check_order_notional(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """An entry costs no more."""
    return _denial_without_room(order_cap(context))


def check_symbol_notional(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """What is in the symbol, remainders included, is worth no more with this entry."""
    return _denial_without_room(symbol_cap(context))


def check_total_notional(context: EntryContext, signal: TradeSignal, now: float) -> Denial | None:
    """What is in all symbols is worth no more with this entry."""
    return _denial_without_room(total_cap(context))


def exposure_cap(context: EntryContext) -> Cap:
    """Return the room that is left of the share of the equity."""
    equity, exposure = context.value()
    limit = equity * context.limits.max_exposure
    return Cap(limit - exposure, DenialReason.EXPOSURE, f"{exposure:.2f} used, limit {limit:.2f}")


def order_cap(context: EntryContext) -> Cap | None:
    """Return the room of one entry; None without a limit."""
    return _room(DenialReason.ORDER_NOTIONAL, context.limits.order_notional, ZERO)


def symbol_cap(context: EntryContext) -> Cap | None:
    """Return the room that is left in the symbol; None without a limit."""
    return _room(DenialReason.SYMBOL_NOTIONAL, context.limits.symbol_notional, context.symbol_value)


def total_cap(context: EntryContext) -> Cap | None:
    """Return the room that is left in all symbols; None without a limit."""
    limit = context.limits.total_notional
    return None if limit is None else _room(DenialReason.TOTAL_NOTIONAL, limit, context.value()[1])


_CAPS: Final[tuple[Callable[[EntryContext], Cap | None], ...]] = (exposure_cap, order_cap, symbol_cap, total_cap)


def caps_of(context: EntryContext) -> list[Cap]:
    """Return the rooms that bound the size of an entry."""
    if context.is_without_appetite:
        return []
    return [cap for make in _CAPS if (cap := make(context)) is not None]


def _room(reason: DenialReason, limit: Decimal | None, used: Decimal) -> Cap | None:
    return None if limit is None else Cap(limit - used, reason, f"{used:.2f} used, limit {limit:f}")


def _denial_without_room(cap: Cap | None) -> Denial | None:
    return None if cap is None or cap.quote > 0 else Denial(cap.reason, cap.text)
