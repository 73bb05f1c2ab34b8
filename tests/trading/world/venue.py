"""The exchange of the world: one account, with all that may change at it besides our own orders."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from typing import Any, cast

from cq_tui.binance.filters import SymbolRules
from cq_tui.binance.user_events import UserEvent
from cq_tui.lookback.fills import EngineFills, Result
from cq_tui.simulator.api.orders import cancel_all, place
from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.engine.commission_rates import DEFAULT_RATES
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.trading.core.effects import Request
from tests.trading.world.happenings import Rule
from tests.trading.world.market import SYMBOLS, VirtualMarket, WorldSymbol

START_BALANCES = {"USDT": Decimal(10_000)}


class Venue:
    """One account on one exchange. ``clock`` returns Unix ms."""

    def __init__(self, clock: Callable[[], int], symbols: Iterable[WorldSymbol] = SYMBOLS) -> None:
        self._clock = clock
        self.market = VirtualMarket(clock() // TICK_MS, [replace(one, overrides={}) for one in symbols])
        self._others = 0
        self._unlisted: dict[str, SymbolRules] = {}
        self._generation = 0
        #: When others than the trader last changed what is possible in a symbol (Unix ms).
        self.changed_at: dict[str, int] = {}
        self.exchange = self._open()

    def _open(self) -> Exchange:
        market = self.market
        state = ExchangeState({one.symbol: (one.base_asset, one.quote_asset) for one in market.symbols})
        # It asks of the market only what a VirtualMarket has, as long as nobody asks it for market data.
        exchange = Exchange(cast(Any, market), state, None, cast(Any, None), self._clock, seed=self._generation)
        exchange.limits.enforced = False
        exchange.deposit(START_BALANCES)
        self.fills = EngineFills(exchange)
        return exchange

    @property
    def state(self) -> ExchangeState:
        """Balances, orders and trades: the truth."""
        return self.exchange.state

    def wipe(self) -> None:
        """Forget everything, and give the account its first balances again."""
        self._generation += 1
        self.exchange = self._open()

    def carry_out(self, request: Request) -> Result:
        """Carry out a request of ours."""
        return self.fills.carry_out(request)

    def events(self) -> list[UserEvent]:
        """Take what the account stream tells."""
        return self.fills.events()

    def tick(self) -> None:
        """Go to the clock's time."""
        self.fills.move_to(self._clock() // TICK_MS)

    # Prices

    def price(self, symbol: str) -> Decimal:
        """Return the best bid."""
        return self.market.bid(symbol)

    def move(self, symbol: str, factor: Decimal, spread: int) -> None:
        """Multiply a price."""
        self.market.move(symbol, self.market.bid(symbol) * factor, spread)

    def thin(self, symbol: str, quote: int, levels: int) -> None:
        """Offer only this much, in quote units, at each of a few prices."""
        self.market.depth[symbol].set(Decimal(quote) / self.market.bid(symbol), levels)

    def pay_in_bnb(self) -> None:
        """Take commissions in BNB, at three quarters, while enough of it is free."""
        rates = replace(DEFAULT_RATES, discount_enabled=True, discount=Decimal("0.75"))
        self.exchange.commit(self.exchange.engine.set_commission(rates, self._clock()), self._clock())

    # Rules

    def change_rules(self, symbol: str, rule: Rule) -> None:
        """Change the rules of a symbol."""
        entry = self.market.entry(symbol)
        if rule is Rule.NORMAL:
            entry.overrides.clear()
            self.exchange.filters = {name: kept for name, kept in self.exchange.filters.items() if name != symbol}
        elif (flags := _FLAGS.get(rule)) is not None:
            entry.overrides.update(flags)
        else:
            changed = [*self.exchange.filters.get(symbol, ()), _filter(rule, entry)]
            self.exchange.filters = {**self.exchange.filters, symbol: changed}
        self._take_rules(symbol)

    def _take_rules(self, symbol: str) -> None:
        self.changed_at[symbol] = self._clock()
        self.exchange.engine.set_rules(SymbolRules.from_exchange_info(self.exchange.symbol_info(symbol)))

    def set_status(self, symbol: str, status: str) -> None:
        """Give a symbol a trading phase."""
        self.exchange.engine.set_phase(status, symbol)
        self._take_rules(symbol)

    def expire_all(self, symbol: str) -> None:
        """End all open orders of a symbol."""
        self.exchange.commit(self.exchange.engine.expire_all(symbol, self._clock()), self._clock())

    def cancel_all(self, symbol: str) -> None:
        """Cancel all open orders of a symbol, as a person does in the exchange's own app."""
        with suppress(RequestRejected):
            cancel_all(self.exchange, Parameters({"symbol": symbol}))

    def unlist(self, symbol: str) -> None:
        """Forget a symbol."""
        self.changed_at[symbol] = self._clock()
        self.expire_all(symbol)
        if (rules := self.market.rules.pop(symbol, None)) is not None:
            self._unlisted[symbol] = rules

    def list_again(self, symbol: str) -> None:
        """Know a symbol again."""
        self.changed_at[symbol] = self._clock()
        if (rules := self._unlisted.pop(symbol, None)) is not None:
            self.market.rules[symbol] = rules

    def rules(self, symbol: str) -> SymbolRules:
        """Return the rules of a symbol, also while it is not listed."""
        return self._unlisted.get(symbol) or self.exchange.engine.rules(symbol)

    def is_permitted(self, symbol: str) -> bool:
        """Whether the account may trade a symbol."""
        return "permissionSets" not in self.market.entry(symbol).overrides

    def why_closed(self, symbol: str) -> str:
        """Return why no order is taken in a symbol now; empty if orders are."""
        if symbol in self._unlisted:
            return "it is not listed"
        phase = self.exchange.status(symbol)
        if phase != "TRADING":
            return f"its status is {phase}"
        return "" if self.is_permitted(symbol) else "this account may not trade it"

    def why_unsellable(self, symbol: str, quantity: Decimal, order_type: str, stop: Decimal | None = None) -> str:
        """Return why no order of this type can sell any of ``quantity`` now; empty if one can."""
        rules = self.rules(symbol)
        most = rules.market_max_quantity if order_type == "MARKET" else None
        whole = rules.quantize_quantity(min(quantity, most or quantity))
        limit = None if stop is None or order_type == "STOP_LOSS" else rules.quantize_price(stop, ROUND_DOWN)
        if order_type not in rules.order_types:
            return f"{order_type} orders are not taken"
        fault = rules.violation(
            side="SELL", order_type=order_type, quantity=whole, price=limit, stop_price=stop,
            reference_price=self.price(symbol),
        )  # fmt: skip
        return "" if whole and fault is None else f"{whole} violate {fault}"

    # Others

    def place(self, symbol: str, client_order_id: str, side: str, **fields: str) -> bool:
        """Place somebody else's order; return whether it was taken."""
        values = {"symbol": symbol, "side": side, "newClientOrderId": client_order_id} | fields
        try:
            place(self.exchange, Parameters(values))
        except RequestRejected:
            return False
        return True

    def other_id(self) -> str:
        """Return a client order id as a person's app makes them."""
        self._others += 1
        return f"web_{self._others:06d}"

    def move_funds(self, asset: str, amount: Decimal) -> Decimal:
        """Deposit, or withdraw at most what is free; return the change."""
        free = self.state.balances[asset].free
        change = max(amount, -free)
        if change:
            self.exchange.commit(self.exchange.engine.deposit(asset, change, self._clock()), self._clock())
        return change


_FLAGS: dict[Rule, dict[str, Any]] = {
    Rule.NO_OCO: {"ocoAllowed": False},
    Rule.NO_OTO: {"otoAllowed": False},
    Rule.NO_OPO: {"opoAllowed": False},
    Rule.NO_REPLACE: {"cancelReplaceAllowed": False},
    Rule.NO_STOPS: {"orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"]},
    Rule.LIMITED_STOPS: {"orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT"]},
    Rule.NO_PERMISSION: {"permissionSets": [["TRD_GRP_999"]]},
}


def _filter(rule: Rule, entry: WorldSymbol) -> dict[str, Any]:
    step, tick = entry.step_size, entry.tick_size
    match rule:
        case Rule.COARSE_STEP:
            return {"filterType": "LOT_SIZE", "stepSize": f"{step * 100:.8f}", "minQty": f"{step * 100:.8f}"}
        case Rule.FINE_STEP:
            return {"filterType": "LOT_SIZE", "stepSize": f"{step:.8f}", "minQty": f"{step:.8f}"}
        case Rule.COARSE_TICK:
            return {"filterType": "PRICE_FILTER", "tickSize": f"{tick * 10:.8f}", "minPrice": f"{tick * 10:.8f}"}
        case Rule.MIN_NOTIONAL_UP:
            return {"filterType": "NOTIONAL", "minNotional": "200.00000000"}
        case Rule.MIN_NOTIONAL_DOWN:
            return {"filterType": "NOTIONAL", "minNotional": "1.00000000"}
        case Rule.MARKET_LOT:
            most = Decimal(40) / Decimal(entry.start_price) // step * step
            return {"filterType": "MARKET_LOT_SIZE", "maxQty": f"{most:.8f}"}
        case Rule.FEW_ORDERS:
            return {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 2}
        case Rule.MAX_POSITION:
            most = Decimal(130) / Decimal(entry.start_price) // step * step
            return {"filterType": "MAX_POSITION", "maxPosition": f"{most:.8f}"}
        case _:
            return {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 1}
