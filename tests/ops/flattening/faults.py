"""Every kind of fault that the simulated exchange offers, as it meets a flatten."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cq_tui.ops.drills.private_exchange import PrivateExchange

#: What changes something at the exchange, as the trader asks for it.
CHANGES = (
    ("POST", "order"), ("POST", "order/cancelReplace"), ("POST", "orderList/oco"), ("DELETE", "order"),
    ("DELETE", "orderList"),
)  # fmt: skip
#: Occurrences of a fault that is taken away once it has occurred.
MANY = 1_000_000
SYMBOLS = {"BTCUSDT": "BTC", "ETHUSDT": "ETH"}
#: Coins that are not ours.
_FOREIGN = {"BTC": Decimal("0.5"), "ETH": Decimal(2)}

Begin = Callable[[PrivateExchange], object]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault. It stays until the command has answered, unless ``held`` says how long after it has hit (seconds)."""

    name: str
    begin: Begin
    held: float | None = None
    #: The symbol that nobody can sell while it is there.
    forbids: str = ""
    #: The exchange forgets what it had: nothing is left to be sold, and nobody can prove what was.
    forgets: bool = False
    #: By asset: coins that come with it, and are not ours.
    deposits: Mapping[str, Decimal] = field(default_factory=dict)


def _nothing(_: PrivateExchange) -> None:
    pass


def _changes(action: str, **fields: object) -> Begin:
    """Let each request that changes something fail."""

    def begin(exchange: PrivateExchange) -> None:
        for method, path in CHANGES:
            exchange.fault(action, method=method, path=f"/api/v3/{path}", **fields)

    return begin


def _one(action: str, **fields: object) -> Begin:
    return lambda exchange: exchange.fault(action, **fields)


def _all_requests(action: str, **fields: object) -> Begin:
    return _one(action, before=True, count=MANY, **fields)


def _refused(code: int, count: int, status: int = 400) -> Begin:
    """Refuse the next requests that change something, each of its kind so many times."""
    return _changes("error", code=code, http_status=status, before=True, count=count)


def _account_stream(action: str, **fields: object) -> Begin:
    return _one(action, stream="userData", **fields)


def _disorder(exchange: PrivateExchange) -> None:
    for action in ("stale", "reorder", "repeat"):
        exchange.fault(action, stream="userData")


def _filter(symbol: str, name: str, **values: object) -> Begin:
    return lambda exchange: exchange.filters(symbol, **{name: values})


def _rules(*symbols: str, **values: object) -> Begin:
    return lambda exchange: [exchange.fault("rules", symbol=symbol, rules=values) for symbol in symbols]


def _admin(control: str, **body: object) -> Begin:
    return lambda exchange: exchange.admin(control, **body)


def _deposit(coins: Mapping[str, Decimal]) -> Begin:
    return _admin("account", deposit={asset: str(amount) for asset, amount in coins.items()})


def _in_parts(exchange: PrivateExchange) -> None:
    exchange.filters("BTCUSDT", MARKET_LOT_SIZE={"maxQty": f"{exchange.balance('BTC') / 3:.5f}"})


def _withdraw(exchange: PrivateExchange) -> None:
    exchange.admin("account", withdraw={"USDT": f"{exchange.balance('USDT') - 1:.8f}"})


def _pay_in_bnb(exchange: PrivateExchange) -> None:
    exchange.admin("account", deposit={"BNB": "1"})
    exchange.admin("commission", standard={"taker": "0.001", "maker": "0.001"}, discount="0.75")


FAULTS = (
    Fault("none", _nothing),
    # Answers and requests
    Fault("answers lost", _changes("drop", count=1)),
    Fault("requests lost", _changes("drop", count=1, before=True)),
    Fault("outcome unknown", _changes("error", code=-1007, count=1)),
    Fault("unexpected response", _changes("error", code=-1006, count=1)),
    Fault("answered late", _changes("delay", delay_ms=1_500)),
    Fault("carried out late", _changes("delay", delay_ms=1_500, before=True)),
    Fault("answered twice", _changes("duplicate")),
    Fault("every connection breaks", _all_requests("drop"), held=2.0),
    Fault("the server ends all connections", _admin("shutdown", delay_ms=0)),
    # Refusals
    Fault("overloaded", _all_requests("error", code=-1008), held=2.0),
    Fault("too many requests", _one("error", code=-1003, before=True, count=1, retry_after=2)),
    Fault("banned", _one("ban", seconds=3, count=1)),
    Fault("rejected", _refused(-2010, 2)),
    Fault("a filter fails", _refused(-1013, 1)),
    Fault("key refused", _all_requests("error", code=-2015, http_status=401), held=2.0),
    # The clock
    Fault("timestamps refused", _refused(-1021, 1)),
    Fault("clock ahead", _one("offset", offset_ms=90_000)),
    Fault("clock behind", _one("offset", offset_ms=-90_000)),
    Fault("clock stands", _admin("clock", stand=True), held=2.0),
    # What comes by itself
    Fault("account silent", _account_stream("silence")),
    Fault("account stream cut", _account_stream("disconnect", count=2)),
    Fault("account stale", _account_stream("stale")),
    Fault("account out of order", _account_stream("reorder")),
    Fault("account repeated", _account_stream("repeat")),
    Fault("account in disorder", _disorder),
    Fault("account late", _account_stream("delay", delay_ms=2_000)),
    Fault("prices silent", _one("silence", stream="market")),
    # Symbols and their rules
    Fault("halted", _one("status", symbol="ETHUSDT", status="HALT"), forbids="ETHUSDT"),
    Fault("halted for a moment", _one("status", symbol="ETHUSDT", status="HALT"), held=1.0),
    Fault("delisted", _one("delist", symbol="BTCUSDT"), forbids="BTCUSDT"),
    Fault("no permission", _rules("BTCUSDT", permissionSets=[["MARGIN"]]), forbids="BTCUSDT"),
    Fault("the least is too much", _filter("BTCUSDT", "NOTIONAL", minNotional="1000.00000000"), forbids="BTCUSDT"),
    Fault("in parts", _in_parts),
    Fault("no replacement", _rules(*SYMBOLS, cancelReplaceAllowed=False)),
    Fault("no order lists", _rules(*SYMBOLS, ocoAllowed=False, otoAllowed=False, cancelReplaceAllowed=False)),
    # The account
    Fault("coins of others", _deposit(_FOREIGN), deposits=_FOREIGN),
    Fault("money gone", _withdraw),
    Fault("dearer", _admin("commission", standard={"taker": "0.01", "maker": "0.01"})),
    Fault("commission in BNB", _pay_in_bnb),
    Fault("wiped", _admin("wipe", balances={"USDT": "10000"}), forgets=True),
)


def together(*faults: Fault) -> Fault:
    """Return several faults as one; at most one of them may be held, or forbid something."""
    held = [fault.held for fault in faults if fault.held is not None]
    return Fault(
        " + ".join(fault.name for fault in faults),
        lambda exchange: [fault.begin(exchange) for fault in faults],
        held=held[0] if held else None,
        forbids="".join(fault.forbids for fault in faults),
        forgets=any(fault.forgets for fault in faults),
        deposits={asset: amount for fault in faults for asset, amount in fault.deposits.items()},
    )
