"""Flattening and closing, followed until everything is sold, or nothing moves any more."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cq_tui.contracts.commands import Outcome, SymbolClosing
from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.trading.core import inputs
from cq_tui.trading.core.closing import Closing, ClosingWatch, Fate
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.hidden_coins import is_known
from cq_tui.trading.core.plain import decimal_text

#: Commands that sell.
KINDS = ("flatten", "close")
_LOOK_INTERVAL = 0.05

Answer = tuple[Outcome, str, list[SymbolClosing] | None]


class Patience(NamedTuple):
    """Seconds after which the answer comes although something is left, which is still tried."""

    #: Nothing has moved for so long.
    stall: float = 8.0
    #: The same, when all that is left cannot be sold now.
    stuck: float = 2.0
    #: In any case.
    longest: float = 600.0


PATIENCE = Patience()


async def close(
    session: AccountSession,
    core: Core,
    request: TraderRequest,
    is_current: Callable[[], bool],
    patience: Patience = PATIENCE,
    watch: ClosingWatch | None = None,
) -> Answer:
    """Have positions closed, and return what became of each symbol. ``is_current``: whether the session goes on.

    ``watch`` counts from its making on, else what is sold from now on counts.
    """
    watch = watch or ClosingWatch(core.book, (), foreign=request.foreign)
    rows = await _follow(watch, session, core, request, is_current, patience)
    left = [row.symbol for row in rows if not row.is_over]
    closings = [_contract(core, row) for row in rows]
    if not left and not _knows_all(watch, core, request.symbol):
        return "failed", "what the account holds is not known yet: its orders and balances are awaited", closings
    return ("failed" if left else "done"), _message(rows, left), closings


async def _follow(
    watch: ClosingWatch,
    session: AccountSession,
    core: Core,
    request: TraderRequest,
    is_current: Callable[[], bool],
    patience: Patience,
) -> list[Closing]:
    watch.follow(core.book, symbols_to_close(core.book, request.symbol))
    session.feed(inputs.Command(*request._replace(foreign=watch.take_foreign())))
    began = moved = time.monotonic()
    seen = rows = watch.look(core.situation)
    again = inputs.Command(*request._replace(foreign=False))
    while not (_knows_all(watch, core, request.symbol) and all(row.is_over for row in rows)) and is_current():
        now = time.monotonic()
        if _progress(rows) != _progress(seen):
            seen, moved = rows, now
        is_stuck = _knows_all(watch, core, request.symbol) and all(
            row.is_over or row.fate is Fate.UNSELLABLE for row in rows
        )
        if now - moved > (patience.stuck if is_stuck else patience.stall) or now - began > patience.longest:
            break
        await asyncio.sleep(_LOOK_INTERVAL)
        if watch.follow(core.book, symbols_to_close(core.book, request.symbol)):
            # Found as the account was reconciled: it is to be closed as well.
            session.feed(again)
        rows = watch.look(core.situation)
    return rows


def _knows_all(watch: ClosingWatch, core: Core, symbol: str) -> bool:
    return core.is_ready and is_known(core.situation, symbol) and not watch.awaits_plan(core.book)


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
        base_asset=held.base if held is not None else row.asset or None if rules is None else rules.base_asset,
        quote_asset=held.quote if held is not None else None if rules is None else rules.quote_asset,
    )
