"""What is true at the exchange: our orders, our trades, what we own, what protects it. Independent of the trader."""

from collections import defaultdict
from decimal import Decimal

from cq_tui.simulator.engine.orders import EngineOrder, Trade
from cq_tui.simulator.engine.state import ExchangeState

ZERO = Decimal(0)
_STOPS = frozenset({"STOP_LOSS", "STOP_LOSS_LIMIT"})


class Violation(AssertionError):
    """An invariant of the trader does not hold."""


class Truth:
    """The exchange's records of one owner's orders, read as they grow."""

    def __init__(self, state: ExchangeState, owner: str) -> None:
        self._prefixes: tuple[str, ...] = (f"cq{owner}",)
        self.excused: set[str] = set()
        #: After that, what is ours by the book may be anybody's.
        self.is_wiped = False
        self.state = state
        self.restart(state)

    def restart(self, state: ExchangeState) -> None:
        """Read another exchange's records, from its beginning."""
        self.state = state
        self.names: set[tuple[str, str]] = set()
        self.trades: dict[tuple[str, int], Trade] = {}
        self.owned: dict[str, Decimal] = defaultdict(Decimal)
        #: What our trades did to the quote balance.
        self.cash = ZERO
        #: Coins of others that became ours: symbol, quantity, price.
        self._adopted: list[tuple[str, Decimal, Decimal]] = []
        #: By trade: what own coins of another symbol paid of its commission, as it was booked, and which symbol.
        self._paid: dict[tuple[str, int], tuple[str, Decimal]] = {}
        self._last_orders: dict[str, int] = defaultdict(int)
        self._trade_count = 0

    def is_ours(self, order: EngineOrder) -> bool:
        """Whether our trader placed an order."""
        return self.is_our_name(order.client_order_id) and order.client_order_id not in self.excused

    def is_our_name(self, client_order_id: str) -> bool:
        """Whether a client order id carries our trader's mark."""
        return client_order_id.startswith(self._prefixes)

    def share(self, *owners: str) -> None:
        """Have all that these own together: copies of one directory. What was read is read anew."""
        self._prefixes = tuple(f"cq{owner}" for owner in owners)
        self.restart(self.state)

    def read(self) -> None:
        """Take new orders and trades. Raises Violation for an id that is there twice, and for coins sold, not ours."""
        self._read_orders()
        self._read_trades()

    def _read_orders(self) -> None:
        for symbol, last in self.state.last_order_ids.items():
            for number in range(self._last_orders[symbol] + 1, last + 1):
                order = self.state.orders[symbol, number]
                if not self.is_ours(order):
                    continue
                if (symbol, order.client_order_id) in self.names:
                    raise Violation(f"{order.client_order_id} is at the exchange twice")
                self.names.add((symbol, order.client_order_id))
            self._last_orders[symbol] = last

    def _read_trades(self) -> None:
        trades = self.state.trades
        for number in range(self._trade_count, len(trades)):
            trade = trades[number]
            if self.is_ours(self.state.orders[trade.symbol, trade.order_id]):
                self._take(trade)
        self._trade_count = len(trades)

    def _take(self, trade: Trade) -> None:
        self.trades[trade.symbol, trade.trade_id] = trade
        base, quote = self.state.assets_of(trade.symbol)
        fee_base = trade.commission if trade.commission_asset == base else ZERO
        fee_quote = trade.commission if trade.commission_asset == quote else ZERO
        if trade.is_buyer:
            self.owned[trade.symbol] += trade.quantity - fee_base
            self.cash -= trade.quote + fee_quote
        else:
            self.owned[trade.symbol] -= trade.quantity
            # What our coins cannot pay, coins of others do.
            self.owned[trade.symbol] -= min(fee_base, max(self.owned[trade.symbol], ZERO))
            self.cash += trade.quote - fee_quote
        if self.owned[trade.symbol] < 0 and not self.is_wiped:
            raise Violation(f"sold {-self.owned[trade.symbol]} {base} that are not ours")

    def adopt(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Take that coins of others became ours."""
        self._adopted.append((symbol, quantity, price))
        self.owned[symbol] += quantity
        self.cash -= quantity * price

    def forget_adoptions(self) -> None:
        """Forget them: a trader that lost what it had recorded knows of none."""
        for symbol, quantity, price in self._adopted:
            self.owned[symbol] -= quantity
            self.cash += quantity * price
        self._adopted.clear()

    def pay(self, key: tuple[str, int], own: Decimal) -> None:
        """Take how much of a trade's commission own coins of another symbol paid. Raises Violation if it is more."""
        trade = self.trades.get(key)
        if trade is None or key in self._paid:
            return
        _, quote = self.state.assets_of(trade.symbol)
        payer = trade.commission_asset + quote
        self._paid[key] = payer, own
        self.owned[payer] -= own
        if own > trade.commission or (self.owned[payer] < 0 and not self.is_wiped):
            raise Violation(f"own coins paid {own} of the commission {trade.commission} {trade.commission_asset}")

    def forget_payments(self) -> None:
        """Forget who paid: a trader that lost what it had booked may book it anew."""
        for payer, own in self._paid.values():
            self.owned[payer] += own
        self._paid.clear()

    def traded_at(self, symbol: str) -> int:
        """Return when anybody on the account last traded a symbol (Unix ms); 0 for never."""
        return next((trade.time for trade in reversed(self.state.trades) if trade.symbol == symbol), 0)

    def in_reach(self, symbol: str) -> Decimal:
        """Return how much of a base asset the account holds that no open order of others keeps for itself."""
        balance = self.state.balances[self.state.assets_of(symbol)[0]]
        kept = [one.locked for one in self.state.open_orders_of(symbol) if one.side == "SELL" and not self.is_ours(one)]
        return balance.free + balance.locked - sum(kept, ZERO)

    def orders_of_others(self, symbol: str) -> int:
        """Return how many open orders of a symbol are not ours."""
        return sum(not self.is_ours(one) for one in self.state.open_orders_of(symbol))

    def protected(self, symbol: str) -> Decimal:
        """Return how much our working stops and exits cover."""
        covered = ZERO
        for order in self.state.open_orders_of(symbol):
            if order.side == "SELL" and self.is_ours(order) and not order.is_pending and order.type in _STOPS:
                covered += order.remaining
        return covered
