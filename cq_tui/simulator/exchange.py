"""The exchange put together: market, engine, ledger and those who listen for the account's events."""

import logging
import secrets
import string
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from cq_tui.simulator.api.rate_limits import RateLimits
from cq_tui.simulator.api.security import Account
from cq_tui.simulator.api.shapes import user_events
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.ledger import Ledger
from cq_tui.simulator.engine.orders import Outcome, Trade
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import ApiError
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.store.journal import JournalError

log = logging.getLogger(__name__)

#: Tick number from which the tape counts its trade ids (2020-01-01).
_TAPE_ORIGIN = 1_577_836_800_000 // TICK_MS
_ID_LETTERS = string.ascii_letters + string.digits
_ID_LENGTH = 22

UserListener = Callable[[list[dict[str, Any]]], None]
TradeListener = Callable[[Trade], None]


class Exchange:
    """One account on one market. ``clock`` gives Unix ms; without a ledger nothing outlives the process."""

    def __init__(
        self,
        market: Market,
        state: ExchangeState,
        ledger: Ledger | None,
        account: Account,
        clock: Callable[[], int],
    ) -> None:
        self.market = market
        self.account = account
        self.clock = clock
        self.ledger = ledger
        self.limits = RateLimits()
        self.engine = Engine(state, market, self.tape_id)
        self.user_listeners: set[UserListener] = set()
        self.trade_listeners: set[TradeListener] = set()
        self.started = clock()

    @property
    def state(self) -> ExchangeState:
        """Balances, orders and trades."""
        return self.engine.state

    def tape_id(self) -> int:
        """Return the number of market trades so far, the same for every symbol."""
        return self.market.tick - _TAPE_ORIGIN

    def trade_id_at(self, symbol: str, time: int) -> int:
        """Return the id of the market's first trade at or after ``time``."""
        return time // TICK_MS - _TAPE_ORIGIN + self.state.fill_counts.get(symbol, 0)

    @staticmethod
    def new_client_order_id() -> str:
        """Return an id as the exchange makes one for orders that come without."""
        return "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH))

    def commit(self, outcome: Outcome, now: int) -> Outcome:
        """Write an outcome to the ledger, then tell the listeners. Raises ApiError when it cannot be written."""
        if not outcome.lines:
            return outcome
        if self.ledger is not None:
            try:
                self.ledger.record(outcome.lines, now)
            except JournalError as error:
                log.error("the ledger refused an entry: %s", error)
                self._undo()
                raise ApiError(
                    -1001, "Internal error; unable to process your request. Please try again.", 500
                ) from None
            if self.ledger.wants_compaction:
                self.ledger.compact(self.state)
        for fill in outcome.first_fills:
            self.limits.first_fill(fill.is_maker, now)
        events = user_events(outcome, self.state, now)
        for listener in list(self.user_listeners):
            listener(events)
        for report in outcome.reports:
            if report.trade is not None:
                for trade_listener in list(self.trade_listeners):
                    trade_listener(report.trade)
        return outcome

    def _undo(self) -> None:
        """Go back to what the ledger holds."""
        if self.ledger is not None:
            self.engine.state = self.ledger.read_again(self.state)

    def on_tick(self, tick: int) -> None:
        """Move the market to ``tick`` and match what is open."""
        self.market.advance(tick)
        if self.state.open_orders:
            now = self.clock()
            self.commit(self.engine.on_tick(now), now)

    def deposit(self, balances: dict[str, Decimal]) -> None:
        """Credit the account, on the ledger too."""
        now = self.clock()
        for asset, quantity in balances.items():
            self.commit(self.engine.deposit(asset, quantity, now), now)
