"""Flattening and closing, followed until everything is sold, or nothing moves any more."""

import asyncio
import time
from collections.abc import Callable, Sequence

from cq_tui.contracts.commands import Command, Outcome, SymbolClosing
from cq_tui.contracts.trader_requests import TraderRequest, read_request
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.trading.core import inputs
from cq_tui.trading.core.closing import Closing, ClosingWatch, Fate
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.plain import decimal_text

#: Commands that sell.
KINDS = ("flatten", "close")
#: The answer comes when nothing has moved for so many seconds, after so many if all that is left cannot be sold now,
#: and after so many in any case; what is left is still tried.
STALL, STUCK, LONGEST = 8.0, 2.0, 600.0
_LOOK_INTERVAL = 0.05

Answer = tuple[Outcome, str, list[SymbolClosing] | None]


async def close(session: AccountSession, core: Core, command: Command, is_current: Callable[[], bool]) -> Answer:
    """Have positions closed, and return what became of each symbol. ``is_current``: whether the session goes on."""
    try:
        request = read_request(command)
    except ValueError as error:
        return "refused", str(error), None
    rows = await _follow(session, core, request, is_current)
    left = [row.symbol for row in rows if not row.is_over]
    return ("failed" if left else "done"), _message(rows, left), [_contract(core, row) for row in rows]


async def _follow(
    session: AccountSession, core: Core, request: TraderRequest, is_current: Callable[[], bool]
) -> list[Closing]:
    watch = ClosingWatch(core.situation, symbols_to_close(core.book, request.symbol))
    session.feed(inputs.Command(*request))
    began = moved = time.monotonic()
    seen = rows = watch.look(core.situation)
    while not all(row.is_over for row in rows) and is_current():
        now = time.monotonic()
        if _progress(rows) != _progress(seen):
            seen, moved = rows, now
        is_stuck = all(row.is_over or row.fate is Fate.UNSELLABLE for row in rows)
        if now - moved > (STUCK if is_stuck else STALL) or now - began > LONGEST:
            break
        await asyncio.sleep(_LOOK_INTERVAL)
        rows = watch.look(core.situation)
    return rows


def _progress(rows: Sequence[Closing]) -> list[tuple[object, ...]]:
    return [(row.fate, row.sold, row.left) for row in rows]


def _message(rows: Sequence[Closing], left: Sequence[str]) -> str:
    if left:
        return f"still held, and tried again: {', '.join(left)}"
    closed = [f"{row.symbol} closed" for row in rows if row.fate is Fate.SOLD]
    return ", ".join(closed) or "no open position"


def _contract(core: Core, row: Closing) -> SymbolClosing:
    held, rules = core.book.holdings.get(row.symbol), core.situation.symbol_rules.get(row.symbol)
    return SymbolClosing(
        symbol=row.symbol,
        result=row.fate.value,
        sold=decimal_text(row.sold),
        proceeds=decimal_text(row.proceeds),
        parts=row.parts,
        left=decimal_text(row.left),
        worth=None if row.worth is None else float(row.worth),
        dust=row.is_dust,
        reason=row.reason or None,
        base_asset=held.base if held is not None else None if rules is None else rules.base_asset,
        quote_asset=held.quote if held is not None else None if rules is None else rules.quote_asset,
    )
