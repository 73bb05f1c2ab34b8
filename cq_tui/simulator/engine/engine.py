"""The matching engine of the simulated account: (state, market, command, now) -> ledger events and reports. No I/O.

Every change is a ledger event, so replaying the ledger rebuilds the same state.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Protocol

from cq_tui.binance.account_filters import AccountRules
from cq_tui.binance.commission import CommissionRates
from cq_tui.binance.filters import SymbolRules
from cq_tui.simulator.engine import amendment, cancellation, checks, list_submission, submission
from cq_tui.simulator.engine.command_context import CommandContext
from cq_tui.simulator.engine.fills import fill_ahead_of_background, fill_resting
from cq_tui.simulator.engine.ledger_events import CommissionSet, Deposited, Wiped
from cq_tui.simulator.engine.limit_order_book import LimitOrderBook
from cq_tui.simulator.engine.orders import ZERO, EngineOrder, EngineOrderList, NewOrder, NewOrderList
from cq_tui.simulator.engine.outcome import Outcome
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.engine.triggers import process_stops, trigger_by_own_trades
from cq_tui.simulator.market.background_liquidity import BackgroundLiquidity
from cq_tui.simulator.market.ticks import BackgroundTrade


class MarketView(Protocol):
    """What the engine needs to know about the market at the current tick."""

    ended: bool
    tick: int
    rules: dict[str, SymbolRules]

    def last_price(self, symbol: str) -> Decimal:
        """Price of the last trade."""

    def average_price(self, symbol: str) -> Decimal:
        """Volume-weighted average price of the last five minutes."""

    def best_ticks(self, symbol: str) -> tuple[int, int]:
        """Best bid and best ask without the account's orders, in tick sizes."""

    def liquidity(self, symbol: str) -> BackgroundLiquidity:
        """Background liquidity; the same object at every tick."""

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        """The background trade of this tick, if any."""


class Engine:
    """Places, triggers, matches and cancels the account's orders.

    ``market_trade_count(symbol)`` is the number of market trades so far, without the account's fills. The update ids
    of every book begin at ``first_update_id``.
    """

    def __init__(
        self,
        state: ExchangeState,
        market: MarketView,
        market_trade_count: Callable[[str], int],
        first_update_id: int = 1,
    ) -> None:
        self.state = state
        self.account_rules: AccountRules | None = None
        self._market = market
        self._market_trade_count = market_trade_count
        self._first_update_id = first_update_id
        self._books: dict[str, LimitOrderBook] = {}
        self._phases: dict[str, str] = {}
        self._rules: dict[str, SymbolRules] = {}
        self._averages: dict[str, tuple[int, Decimal]] = {}
        self.restore(state)

    def restore(self, state: ExchangeState) -> None:
        """Continue with another account state."""
        self.state = state
        for symbol in self._market.rules:
            self.book(symbol).attach(state.resting[symbol])

    # Queries

    @property
    def market_ended(self) -> bool:
        """Whether the market has run out of prices."""
        return self._market.ended

    def rules(self, symbol: str) -> SymbolRules:
        """Return the trading rules of a symbol."""
        return self._rules.get(symbol) or self._market.rules[symbol]

    def phase(self, symbol: str) -> str:
        """Return a symbol's trading phase, as exchangeInfo's ``status`` shows it."""
        return "HALT" if self._market.ended else self._phases.get(symbol, "TRADING")

    def book(self, symbol: str) -> LimitOrderBook:
        """Return a symbol's book at the current tick."""
        market, book = self._market, self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = LimitOrderBook(
                market.liquidity(symbol), *market.best_ticks(symbol), market.tick, self._first_update_id
            )
        elif book.tick != market.tick:
            book.move_to_tick(*market.best_ticks(symbol), market.tick)
        return book

    def last_price(self, symbol: str) -> Decimal:
        """Return the price of the last trade."""
        return self._market.last_price(symbol)

    def reference_price(self, symbol: str) -> Decimal:
        """Return the average price that filters compare with, or the last price if their window is zero minutes."""
        if not self.rules(symbol).average_price_minutes:
            return self.last_price(symbol)
        known = self._averages.get(symbol)
        if known is None or known[0] != self._market.tick:
            known = self._averages[symbol] = (self._market.tick, self._market.average_price(symbol))
        return known[1]

    def background_trade(self, symbol: str) -> BackgroundTrade | None:
        """Return the background trade of this tick, if any."""
        return self._market.background_trade(symbol)

    def next_trade_id(self, symbol: str) -> int:
        """Return the id of the next trade."""
        return self._market_trade_count(symbol) + self.state.fill_counts[symbol] + 1

    # Operator controls

    def set_phase(self, phase: str, symbol: str | None = None) -> None:
        """Halt, break or resume trading in one symbol or all."""
        for name in self._market.rules if symbol is None else (symbol,):
            self._phases[name] = phase

    def set_rules(self, rules: SymbolRules) -> None:
        """Replace a symbol's trading rules."""
        self._rules[rules.symbol] = rules

    def expire_all(self, symbol: str, now: int) -> Outcome:
        """Expire all orders of a delisted symbol."""
        context = CommandContext(self, now)
        cancellation.expire_all(context, symbol)
        return context.outcome

    # Commands

    def deposit(self, asset: str, quantity: Decimal, now: int) -> Outcome:
        """Credit a deposit to the account; a negative quantity is a withdrawal. Raises ValueError if it is not free."""
        balance = self.state.balances.get(asset)
        free = balance.free if balance is not None else ZERO
        if free + quantity < 0:
            raise ValueError(f"{-quantity} {asset} cannot be withdrawn: {free} are free")
        context = CommandContext(self, now)
        context.apply(Deposited(asset, quantity, now))
        context.outcome.assets.add(asset)
        context.outcome.balance_changes.append((asset, quantity))
        return context.outcome

    def set_commission(self, rates: CommissionRates, now: int) -> Outcome:
        """Change the account's commission rates on a symbol, or on all others if the symbol is empty."""
        context = CommandContext(self, now)
        context.apply(CommissionSet(rates))
        return context.outcome

    def wipe(self, balances: dict[str, Decimal], now: int) -> Outcome:
        """Reset the venue as a test exchange does now and then: everything but the account and its ids is gone."""
        context = CommandContext(self, now)
        context.apply(Wiped(balances, now))
        return context.outcome

    def check_filters(self, new: NewOrder) -> None:
        """Raise RequestRejected if the order violates a rule or filter of its symbol or the account."""
        checks.check_filters(self, new)

    def place(self, new: NewOrder, now: int) -> Outcome:
        """Accept and match an order. Raises RequestRejected with the state unchanged."""
        context = CommandContext(self, now)
        submission.submit_order(context, new)
        return self._complete(context)

    def report_rejection(self, new: NewOrder, refusal: str, now: int) -> Outcome:
        """Report a rejected order to the user."""
        context = CommandContext(self, now)
        submission.report_rejection(context, new, refusal)
        return context.outcome

    def place_list(self, new: NewOrderList, now: int) -> Outcome:
        """Accept an order list. Raises RequestRejected with the state unchanged."""
        context = CommandContext(self, now)
        list_submission.submit_list(context, new)
        return self._complete(context)

    def cancel(self, order: EngineOrder, cancel_id: str, now: int) -> Outcome:
        """Cancel an open order, and the whole list it belongs to. Raises RequestRejected."""
        context = CommandContext(self, now)
        cancellation.cancel(context, order, cancel_id)
        return context.outcome

    def cancel_list(self, order_list: EngineOrderList, cancel_id: str, now: int) -> Outcome:
        """Cancel all open orders of a list. Raises RequestRejected if the list is already done."""
        context = CommandContext(self, now)
        cancellation.cancel_list(context, order_list, cancel_id)
        return context.outcome

    def amend(self, order: EngineOrder, quantity: Decimal, new_client_id: str, now: int) -> Outcome:
        """Reduce an open order's quantity, keeping its priority. Raises RequestRejected with the state unchanged."""
        context = CommandContext(self, now)
        amendment.amend(context, order, quantity, new_client_id)
        return context.outcome

    def on_tick(self, now: int) -> Outcome:
        """Fill resting orders that current prices reach, and trigger stops."""
        context = CommandContext(self, now)
        if self._market.ended:
            return context.outcome
        seen = 0
        for symbol in dict.fromkeys(name for name, _ in self.state.open_orders):
            # Orders in a symbol that is not currently offered wait.
            if symbol in self._market.rules and self.phase(symbol) == "TRADING":
                fill_resting(context, symbol)
                fill_ahead_of_background(context, symbol)
                seen = self._process_consequences(context, seen)
                process_stops(context, symbol, self.last_price(symbol))
                seen = self._process_consequences(context, seen)
        return context.outcome

    def _complete(self, context: CommandContext) -> Outcome:
        self._process_consequences(context, 0)
        return context.outcome

    @staticmethod
    def _process_consequences(context: CommandContext, seen: int) -> int:
        """Trigger stops by the new fills, then enter pending orders; return the number of reports processed.

        Earlier trades do not trigger an order that has just been entered.
        """
        seen = trigger_by_own_trades(context, seen)
        while context.filled_lists:
            list_submission.enter_pending(context)
            seen = trigger_by_own_trades(context, seen)
        return seen
