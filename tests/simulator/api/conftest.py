"""A complete exchange on a market moved by the test, called through its route handlers."""

from decimal import Decimal
from typing import Any, cast

import pytest

from cq_tui.simulator.api.parameters import Parameters
from cq_tui.simulator.api.routes import ROUTES
from cq_tui.simulator.api.user_data_publisher import UserDataPublisher
from cq_tui.simulator.engine.state import ExchangeState
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from tests.simulator.conftest import COIN, HandMarket

START = 1_700_000_000_000
_HANDLERS = {(endpoint.method, endpoint.path.removeprefix("/api/v3/")): endpoint.handler for endpoint in ROUTES}


class _Tape:
    def market_trade_count(self, column: int, tick: int) -> int:
        return 0


class OneMarket(HandMarket):
    """The hand-moved market with what an exchange needs besides prices."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = (COIN,)
        self.column = {COIN.symbol: 0}
        self.tape = _Tape()

    def add_fill(self, symbol: str, fill: Any) -> None:
        """Ignore a fill: there is no tape."""


class Trader:
    """A client of the exchange with a clock that only the test moves."""

    def __init__(self, usdt: str = "100000", coin: str = "1000") -> None:
        self.now = START
        self.market = OneMarket()
        state = ExchangeState({COIN.symbol: (COIN.base_asset, COIN.quote_asset)})
        self.exchange = Exchange(cast(Any, self.market), state, None, cast(Any, None), lambda: self.now)
        self.exchange.deposit({"USDT": Decimal(usdt), "COIN": Decimal(coin)})
        self.events: list[dict[str, Any]] = []
        UserDataPublisher(self.exchange).subscribe(self.events.extend)

    def ask(self, method: str, path: str, values: dict[str, str] | None = None, **more: str) -> Any:
        """Return an endpoint's response; the default symbol is COINUSDT."""
        parameters = {"symbol": COIN.symbol} | (values or {}) | more
        return _HANDLERS[method, path](self.exchange, Parameters(parameters))

    def refusal(self, method: str, path: str, values: dict[str, str] | None = None, **more: str) -> RequestRejected:
        """Return the error with which an endpoint rejects a request."""
        with pytest.raises(RequestRejected) as caught:
            self.ask(method, path, values, **more)
        return caught.value

    def refused(self, method: str, path: str, values: dict[str, str] | None = None, **more: str) -> tuple[int, str]:
        """Return the code and text of that error."""
        error = self.refusal(method, path, values, **more)
        return error.code, error.message

    def move(self, bid: str, ask: str) -> None:
        """Move the market and match orders that it reaches."""
        self.market.move(bid, ask)
        self.now += 100
        self.exchange.commit(self.exchange.engine.on_tick(self.now), self.now)


@pytest.fixture
def trader() -> Trader:
    """A trader with 100,000 USDT and 1,000 COIN on a market of 100.00 to 100.02, last 100.01."""
    return Trader()
