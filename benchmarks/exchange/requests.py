"""Order requests from form text to response JSON, without signature and connection."""

import time
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from itertools import count

import orjson

from benchmarks.report import Row, middle
from cq_tui.simulator.access.keys import ApiKeys
from cq_tui.simulator.api.orders import cancel, place
from cq_tui.simulator.api.parameters import read_form
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.server import SimulatorConfig, open_exchange

_SYMBOL = "BTCUSDT"
_PER_ROUND = 200
_FORMS = {
    "LIMIT": f"symbol={_SYMBOL}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.001&price={{price}}",
    "MARKET": f"symbol={_SYMBOL}&side=BUY&type=MARKET&quantity=0.001",
}


def measure(*, quick: bool) -> Iterator[Row]:
    """Measure the CPU time of one order of each type, and of a cancel."""
    exchange = _exchange()
    rounds = 5 if quick else 20
    numbers = count()
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for kind in _FORMS:
            placed, canceled = _round(exchange, kind, numbers)
            found[f"exchange: {kind} order, request to response JSON"].append(placed)
            if canceled:
                found["exchange: cancel, request to response JSON"].append(canceled)
    for what, times in found.items():
        yield Row(what, f"{middle(times):.0f} µs", "-", "-", "reported", None)


def _exchange() -> Exchange:
    now = time.time_ns() // 1_000_000
    balances = {"USDT": Decimal(10**9), "BTC": Decimal(10**6)}
    config = SimulatorConfig(symbols=(_SYMBOL,), seed=7, balances=balances)
    return open_exchange(config, ApiKeys("benchmark", "none"), lambda: now)


def _round(exchange: Exchange, kind: str, numbers: Iterator[int]) -> tuple[float, float]:
    """Return the CPU time of one order and of one cancel (microseconds); 0 without cancels."""
    price = (exchange.market.last_price(_SYMBOL) * Decimal("0.9")).quantize(Decimal("0.01"))
    form = _FORMS[kind].format(price=price)
    requests = [f"{form}&newClientOrderId=b{next(numbers)}&timestamp=1700000000000".encode() for _ in range(_PER_ROUND)]
    placing = canceling = 0.0
    for request in requests:
        began = time.process_time()
        answer = place(exchange, read_form(request))
        orjson.dumps(answer)
        placing += time.process_time() - began
        if kind == "LIMIT":
            began = time.process_time()
            orjson.dumps(cancel(exchange, read_form(b"symbol=%b&orderId=%d" % (_SYMBOL.encode(), answer["orderId"]))))
            canceling += time.process_time() - began
    return placing / _PER_ROUND * 1e6, canceling / _PER_ROUND * 1e6
