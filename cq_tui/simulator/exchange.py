"""The exchange: market, engine and ledger, with listeners for the account's events."""

import logging
import random
import string
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cq_tui.binance.commission import CommissionRates
from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.access.rate_limits import RateLimits
from cq_tui.simulator.engine.engine import Engine
from cq_tui.simulator.engine.identity import Identity
from cq_tui.simulator.engine.ledger import Ledger
from cq_tui.simulator.engine.orders import Trade
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.market.depth import BookSnapshot, DepthTracker
from cq_tui.simulator.market.market import Market
from cq_tui.simulator.market.tape import AccountFill, TapeTrade
from cq_tui.store.journal import JournalError

log = logging.getLogger(__name__)

_LETTERS = string.ascii_letters + string.digits
#: Client order ids are built from pairs, which halves the number of random choices.
_PAIRS = [one + other for one in _LETTERS for other in _LETTERS]
_ID_PAIRS = 11

#: Stands for an account that nobody restarts.
UNKNOWN = Identity(1, "", "")

#: Called with each outcome and its time (Unix ms).
OutcomeListener = Callable[[Outcome, int], None]
#: Called after each outcome with its symbols and the account's trades as the tape shows them.
MarketListener = Callable[[set[str], list[tuple[str, TapeTrade]]], None]


class Exchange:
    """One account on one market. ``clock`` returns Unix ms; without a ledger, nothing survives the process.

    Generated client order ids depend only on ``seed`` and the account's past.
    """

    def __init__(
        self,
        market: Market,
        state: ExchangeState,
        ledger: Ledger | None,
        api_keys: ApiKeys,
        clock: Callable[[], int],
        seed: int = 0,
        identity: Identity = UNKNOWN,
    ) -> None:
        self.market = market
        self.api_keys = api_keys
        self.clock = clock
        self.ledger = ledger
        self.limits = RateLimits()
        #: Injected changes of filters, and of other fields in exchangeInfo, by symbol.
        self.filters: Mapping[str, Sequence[dict[str, Any]]] = {}
        self.changed_rules: Mapping[str, dict[str, Any]] = {}
        self.identity = identity
        self.engine = Engine(state, market, self.market_trade_count, identity.first_update_id)
        self._ids = random.Random(f"{seed}/{state.execution_id}")
        self.listeners: list[OutcomeListener] = []
        self.market_listeners: list[MarketListener] = []
        self._depth_trackers: dict[str, DepthTracker] = {}

    @property
    def state(self) -> ExchangeState:
        """Balances, orders and trades."""
        return self.engine.state

    def status(self, symbol: str) -> str:
        """Return a symbol's status as exchangeInfo shows it."""
        return self.engine.phase(symbol)

    def symbol_info(self, symbol: str) -> dict[str, Any]:
        """Return a symbol's entry in exchangeInfo."""
        info = self.market.symbols[self.market.column[symbol]].exchange_info(self.status(symbol))
        if changed := {entry["filterType"]: entry for entry in self.filters.get(symbol, ())}:
            kept = {entry["filterType"]: entry for entry in info["filters"]}
            info["filters"] = [kept.get(name, {}) | changed.get(name, {}) for name in kept | changed]
        return info | self.changed_rules.get(symbol, {})

    def depth_tracker(self, symbol: str) -> DepthTracker:
        """Return the depth tracker of a symbol; every view of the book must come from it."""
        book = self.engine.book(symbol)
        if (tracker := self._depth_trackers.get(symbol)) is None:
            tracker = self._depth_trackers[symbol] = DepthTracker(book)
        return tracker

    def book_snapshot(self, symbol: str) -> BookSnapshot:
        """Return the public view of a symbol's book."""
        return self.depth_tracker(symbol).snapshot()

    def market_trade_count(self, symbol: str) -> int:
        """Return the number of market trades so far, without the account's fills."""
        market = self.market
        return market.tape.market_trade_count(market.column[symbol], market.tick)

    def record_identity(self) -> None:
        """Record the account's identity in the ledger, with trade ids reserved ahead. Raises JournalError."""
        if self.ledger is not None:
            market = self.market
            self.identity = self.identity.reserving(market.tape.most_market_trades(market.tick))
            self.ledger.record_identity(self.identity)

    def new_client_order_id(self) -> str:
        """Generate a client order id for a request without one."""
        return "".join(self._ids.choices(_PAIRS, k=_ID_PAIRS))

    def commit(self, outcome: Outcome, now: int) -> Outcome:
        """Write an outcome to the ledger, then notify. Raises RequestRejected, and rolls back, if the write fails."""
        if not outcome.ledger_events:
            return outcome
        if self.ledger is not None:
            try:
                self.ledger.record(outcome.ledger_events, now)
            except JournalError as error:
                log.error("could not write to the ledger; the command is rolled back: %s", error)
                self._rollback()
                raise RequestRejected(
                    -1001, "Internal error; unable to process your request. Please try again.", 500
                ) from None
            if self.ledger.needs_compaction:
                self.ledger.compact(self.state)
        for fill in outcome.first_fills:
            self.limits.count_first_fill(fill.is_maker, now)
        self.notify(outcome, now)
        self._notify_market(outcome)
        return outcome

    def notify(self, outcome: Outcome, now: int) -> None:
        """Notify the listeners of an outcome."""
        for listener in self.listeners:
            listener(outcome, now)

    def _notify_market(self, outcome: Outcome) -> None:
        """Put the account's trades on the tape, and notify market listeners which books may have changed."""
        symbols: set[str] = set()
        trades: list[tuple[str, TapeTrade]] = []
        for report in outcome.reports:
            symbol = report.order.symbol
            symbols.add(symbol)
            trade = report.trade
            if trade is None or trade.is_self_trade_maker:
                continue
            if (shown := self.market.add_fill(symbol, account_fill(trade))) is not None:
                trades.append((symbol, shown))
        if symbols:
            for listener in self.market_listeners:
                listener(symbols, trades)

    def _rollback(self) -> None:
        """Restore the state from the ledger."""
        if self.ledger is not None:
            self.engine.restore(self.ledger.reload(self.state))

    def on_tick(self, tick: int) -> None:
        """Advance the market to ``tick`` and match open orders."""
        self.market.advance(tick)
        if self.state.open_orders:
            now = self.clock()
            self.commit(self.engine.on_tick(now), now)

    def deposit(self, balances: Mapping[str, Decimal]) -> None:
        """Credit deposits to the account; a negative quantity is a withdrawal. Raises ValueError if it is not free."""
        now = self.clock()
        for asset, quantity in balances.items():
            self.commit(self.engine.deposit(asset, quantity, now), now)

    def set_commission(self, rates: CommissionRates) -> None:
        """Change the account's commission rates on a symbol, or on all others if the symbol is empty."""
        now = self.clock()
        self.commit(self.engine.set_commission(rates, now), now)

    def wipe(self, balances: Mapping[str, Decimal]) -> None:
        """Reset the venue: orders, lists and trades are gone, and the account has these balances."""
        now = self.clock()
        self.commit(self.engine.wipe(dict(balances), now), now)


def account_fill(trade: Trade) -> AccountFill:
    """Return a trade of the account in the form the tape takes."""
    return AccountFill(
        id=trade.trade_id,
        price=trade.price,
        quantity=trade.quantity,
        time=trade.time,
        buyer_is_maker=trade.is_buyer == trade.is_maker,
        taker_order_id=0 if trade.is_maker else trade.order_id,
    )


def account_fills(state: ExchangeState) -> dict[str, list[AccountFill]]:
    """Return the fills in the state by symbol, oldest first."""
    fills: dict[str, list[AccountFill]] = {}
    for trade in state.trades:
        if trade.is_self_trade_maker:
            continue
        fills.setdefault(trade.symbol, []).append(account_fill(trade))
    return fills


def goes_back(market: Market, state: ExchangeState) -> bool:
    """Whether a symbol's next trade id would not follow those that the account has: the clock was set back."""
    latest = {trade.symbol: trade.trade_id for trade in state.trades}
    return any(
        market.last_trade_id(symbol) < trade_id for symbol, trade_id in latest.items() if symbol in market.column
    )


def last_trade_id(state: ExchangeState) -> int:
    """Return the highest trade id in the state; 0 without trades."""
    return max((trade.trade_id for trade in state.trades), default=0)
