"""Makes plans from seeds: some lives are calm, some have one kind of trouble, some have all at once."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import TypeVar

from tests.trading.world import happenings as h
from tests.trading.world.happenings import Break, Fate, Happening, Plan, Rule

_T = TypeVar("_T")
NAMES = ("COINUSDT", "GOLDUSDT", "DUSTUSDT")
_KINDS = ("", "", "PlaceList", "PlaceOrder", "ReplaceOrder", "CancelList", "QueryOrder", "FetchTrades", "FetchAccount",
          "FetchOpenOrders", "FetchRules")  # fmt: skip
CODES = (
    (-1003, "Too much request weight used."),
    (-1013, "Filter failure: NOTIONAL"),
    (-1013, "Filter failure: LOT_SIZE"),
    (-1015, "Too many new orders."),
    (-1021, "Timestamp for this request is outside of the recvWindow."),
    (-1121, "Invalid symbol."),
    (-2010, "Account has insufficient balance for requested action."),
    (-2010, "Order would trigger immediately."),
    (-2010, "This order type is not possible in this trading phase."),
    (-2010, "The relationship of the prices for the orders is not correct."),
    (-2011, "Unknown order sent."),
    (-2013, "Order does not exist."),
    (-2015, "Invalid API-key, IP, or permissions for action."),
)


def make_plan(seed: int) -> Plan:
    """Return the plan of a seed. Trouble comes when it matters: around signals and moves of the price."""
    random = Random(seed)
    ms = random.choice((12_000, 20_000, 40_000, 60_000))
    found: list[Happening] = [*_trading(random, ms), *_prices(random, ms)]
    moments = [one.at for one in found]
    for kind in random.sample(TROUBLES, random.choice((0, 1, 1, 2, 2, 3, 4))):
        for _ in range(random.choice((1, 1, 2, 3))):
            at = random.choice(moments) + random.randint(-100, 600) if random.random() < 0.7 else random.randrange(ms)
            found.append(kind(random, max(at, 0)))
    if random.random() < _MORE_SHARE:
        found.append(random.choice(MORE_TROUBLES)(random, max(random.choice(moments) + random.randint(-100, 600), 0)))
    if isinstance(found[-1], h.PaidInBnb):
        found += [replace(_buy(random, random.randrange(1_000, ms)), symbol="BNBUSDT") for _ in range(2)]
    found += [*part_sales(f"{seed}", found, ms), *additions(f"{seed}", found, ms), *limited(seed, ms)]
    return Plan(seed, tuple(sorted(found, key=lambda one: one.at)), ms)


def limited(seed: int, ms: int) -> list[Happening]:
    """Return signals with a limit below the price, in some lives, and moves of the price that reach some of them."""
    random, found = Random(f"limited {seed}"), list[Happening]()
    if random.random() > _LIMITED_SHARE:
        return found
    for _ in range(random.choice((1, 1, 2, 3))):
        at, limit_ms = random.randrange(1_000, max(ms - 3_000, 2_000)), random.choice((800, 6_000, 20_000, 60_000))
        limit = random.choice(("0.999", "0.998", "0.995", "0.98", "1", "1.001"))
        buy = replace(_buy(random, at), limit=limit, limit_ms=limit_ms, stop=random.choice(("0.97", "0.96", "0.9")))
        found.append(buy)
        if random.random() < 0.8:
            factor = random.choice(("0.9985", "0.997", "0.994", "0.975", "0.95"))
            found.append(h.Move(at + random.randint(100, 8_000), buy.symbol, factor, random.choice((1, 1, 10))))
        if random.random() < 0.25:
            found.append(h.Signal(at + random.randint(100, 8_000), buy.symbol, "SELL", "1.02", "0.98"))
        if random.random() < 0.4:
            found.append(random.choice(_WHILE_WAITING)(random, at + random.randint(50, 9_000), buy.symbol))
    return found


def additions(seed: str, found: list[Happening], ms: int) -> list[Happening]:
    """Return signals that add to what is bought, in some lives, mostly of the same strategy."""
    random, bought = Random(f"more {seed}"), [one for one in found if isinstance(one, h.Signal) and one.side == "BUY"]
    adding: list[Happening] = []
    for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
        buy, wait = random.choice(bought), random.choice((200, 1_500, 4_000, 12_000))
        more = replace(
            _buy(random, min(buy.at + wait + random.randint(0, 900), ms)),
            symbol=buy.symbol,
            strategy=random.choice((buy.strategy, buy.strategy, buy.strategy, "other")),
            scale_in=True,
        )
        adding.append(_with_size(random, more) if random.random() < 0.2 and buy.symbol in _PRICES else more)
    return adding


def part_sales(seed: str, found: list[Happening], ms: int) -> list[Happening]:
    """Return sales of a part of what is bought, in some lives: drawn apart, so that the others stay as they are."""
    random, bought = Random(f"parts {seed}"), [one for one in found if isinstance(one, h.Signal) and one.side == "BUY"]
    sells: list[Happening] = []
    for _ in range(random.choice((0, 0, 0, 1, 2, 3))):
        buy, wait = random.choice(bought), random.choice((200, 1_500, 4_000, 12_000))
        part = random.choice(("0.5", "0.5", "0.333", "0.9", "0.96", "0.02"))
        at, times = min(buy.at + wait + random.randint(0, 900), ms), random.choice((1, 1, 1, 2))
        sells.append(
            h.Signal(at, buy.symbol, "SELL", "1.02", "0.98", strategy=buy.strategy, part=part, age_ms=100, times=times)
        )
    return sells


def make_tight_plan(seed: int) -> Plan:
    """Return the plan of a seed with more signals, and with limits that hold many of them back."""
    plan, random = make_plan(seed), Random(f"tight {seed}")
    limits = [(name, random.choice(values)) for name, values in _TIGHT.items() if random.random() < _TIGHT_SHARE]
    signals = [_with_size(random, _buy(random, random.randrange(2_000, plan.ms))) for _ in range(10)]
    found = [*(h.Setting(0, name, value) for name, value in limits), *plan.happenings, *signals]
    return replace(plan, happenings=tuple(sorted(found, key=lambda one: one.at)))


def _with_size(random: Random, signal: h.Signal) -> h.Signal:
    """Let a signal ask for a size of its own: less than can be traded, less than the settings allow, or more."""
    share = random.choice((None, None, "0.04", "0.3", "0.9", "3"))
    return signal if share is None else replace(signal, size=str(100 * Decimal(share) / _PRICES[signal.symbol]))


def make_flattened_plan(seed: int) -> Plan:
    """Return the plan of a seed in which a person flattens, in every second one with coins of others."""
    plan, random = make_plan(seed), Random(f"flattened {seed}")
    moments = [one.at for one in plan.happenings]
    at = max(random.choice(moments) + random.randint(-50, 1_500), 2_000)
    foreign = seed % 2 == 0
    found = [*plan.happenings, h.Order(at, "flatten", "" if foreign else random.choice(("", *NAMES)), foreign=foreign)]
    found += [kill(random, at + random.randint(-20, 1_500)) for _ in range(random.choice((0, 1, 1, 2)))]
    found += [_buy(random, random.randrange(1_000, plan.ms)) for _ in range(2)]
    if foreign:
        found += [_others(random, random.randrange(0, at + 2_500)) for _ in range(random.choice((1, 2, 4, 6)))]
    return replace(plan, happenings=tuple(sorted(found, key=lambda one: one.at)))


def _others(random: Random, at: int) -> Happening:
    """Coins and orders of others."""
    name, share = random.choice(NAMES), random.choice(("300", "45", "9.7", "0.05", "-20", "-300"))
    quantity = str(Decimal(share) / _PRICES[name])
    return random.choice(
        (
            h.Funds(at, name.removesuffix("USDT"), quantity),
            h.Funds(at, name.removesuffix("USDT"), quantity),
            h.ForeignOrder(at, name, random.choice(("SELL", "SELL", "BUY"))),
            h.ForeignTrade(at, name, random.choice(("BUY", "BUY", "SELL")), random.choice((3, 20, 300))),
        )
    )


_PRICES = {"COINUSDT": Decimal(100), "GOLDUSDT": Decimal(2_000), "DUSTUSDT": Decimal("0.05")}
#: Of 10,000 USDT, with entries of 100.
_TIGHT = {
    "orders_minute": ("1", "2", "3"),
    "orders_day": ("1", "2", "4"),
    "order_notional": ("20", "60", "150"),
    "symbol_notional": ("50", "99", "130"),
    "total_notional": ("90", "150", "250"),
    "max_positions": ("1", "2"),
    "max_exposure": ("0.011", "0.021"),
    "min_confidence": ("0.5", "0.7", "0.8"),
    "target_costs": ("2", "5", "12"),
    "risk_fraction": ("0.00005", "0.0001", "0.0005"),
}
_TIGHT_SHARE = 0.5
#: Share of the lives with limits on the price.
_LIMITED_SHARE = 0.3
#: Share of the lives that have one more trouble, of another kind.
_MORE_SHARE = 0.1


def _trading(random: Random, ms: int) -> list[Happening]:
    """Signals: most of them good, some before the trader is ready, some that close."""
    found: list[Happening] = [
        _buy(random, random.choice((random.randrange(0, ms), random.randrange(1_000, 4_000))))
        for _ in range(random.choice((1, 1, 2, 3, 5)))
    ]
    for _ in range(random.choice((0, 0, 0, 1, 2))):
        symbol, at = random.choice(NAMES), random.randrange(2_000, ms)
        stop, target = random.choice((("1.02", "0.98"), ("1.5", "0.5")))
        found.append(h.Signal(at, symbol, "SELL", stop, target, age_ms=random.choice((100, 100, 12_000))))
    return found


def _buy(random: Random, at: int) -> h.Signal:
    def rarely(usual: _T, *others: _T) -> _T:
        return random.choice(others) if random.random() < 0.12 else usual

    return h.Signal(
        at,
        random.choice(NAMES),
        stop=random.choice(("0.98", "0.98", "0.995", rarely("0.97", "0.9997", "0.8", "0.9999"))),
        target=random.choice(("1.03", "1.03", "1.005", rarely("1.02", "1.0005", "1.3"))),
        entry=rarely("1", "1.5", "0.99", "1.03"),
        trail=random.choice((None, None, "0.01", "0.003")),
        max_bars=random.choice((None, None, None, 1, 2)),
        cooldown_bars=random.choice((0, 0, 3)),
        confidence=rarely(0.7, 0.0, 1.5),
        age_ms=random.choice((50, 100, 300, rarely(300, 30_000, -2_000))),
        strategy=random.choice(("trend", "revert")),
        times=rarely(1, 2),
        mode=rarely("simulation", None, "live"),
    )


def _prices(random: Random, ms: int) -> list[Happening]:
    """A walk with gaps in each symbol."""
    found: list[Happening] = []
    for symbol in NAMES:
        for _ in range(random.randint(0, 6)):
            factor = random.choice(("1.002", "0.998", "1.006", "0.994", "1.02", "0.98", "1.04", "0.95", "1", "0.9"))
            found.append(h.Move(random.randrange(1_000, ms), symbol, factor, random.choice((1, 1, 2, 10))))
    return found


def request(random: Random, at: int) -> Happening:
    """Return the fate of requests."""
    fate = random.choice(list(Fate))
    code, text = random.choice(CODES)
    ms = random.choice((50, 300, 1_000, 3_000, 5_000, 12_000))
    count = random.choice((1, 1, 2, 3, 6))
    symbol = random.choice(("", "", *NAMES))
    return h.Request(at, fate, random.choice(_KINDS), symbol, count, ms, code, text)


def _ms(random: Random) -> int:
    return random.choice((300, 1_000, 3_000, 8_000, 25_000))


def _rules(random: Random, at: int) -> Happening:
    return h.Rules(at, random.choice(NAMES), random.choice(_RULES))


_RULES = [rule for rule in Rule if rule not in (Rule.LIMITED_STOPS, Rule.FEW_ORDERS, Rule.MAX_POSITION)]


def _funds(random: Random, at: int) -> Happening:
    asset = random.choice(("USDT", "USDT", "COIN", "GOLD", "BNB"))
    amount = random.choice(("500", "100.5", "-100", "3", "-2000", "-0.5"))
    return h.Funds(at, asset, amount)


def _setting(random: Random, at: int) -> Happening:
    name, value = random.choice(
        (
            ("trading_state", "halted"),
            ("trading_state", "reducing"),
            ("trading_state", "active"),
            ("trading_state", "active"),
            ("order_quote", "6"),
            ("order_quote", "3000"),
            ("max_positions", "1"),
            ("max_exposure", "0.02"),
            ("cooldown", "30"),
            ("symbols", "GOLDUSDT,DUSTUSDT"),
            ("guardrails_disabled", "true"),
            ("mode_blocked", "no key"),
            ("mode_blocked", ""),
            ("quote", "BTC"),
        )
    )
    return h.Setting(at, name, value)


def kill(random: Random, at: int) -> Happening:
    """Return a kill."""
    return h.Kill(
        at,
        skip=random.choice((0, 1, 2, 3, 4, 5, 7, 10)),
        ms=random.choice((100, 500, 3_000)),
        power=random.random() < 0.3,
        snapshot=random.choice(("fresh", "old", "none")),
        executes=random.random() < 0.7,
    )


def _health(random: Random, at: int) -> Happening:
    service = random.choice(("ares", "feeder", "memory"))
    return h.Health(at, service, random.choice(("error", "degraded", "silent", "damaged")), _ms(random) * 2)


_Maker = Callable[[Random, int], Happening]
TROUBLES: tuple[_Maker, ...] = (
    request,
    request,
    request,
    kill,
    kill,
    _rules,
    _funds,
    _setting,
    _health,
    lambda r, at: h.Outage(at, _ms(r), r.random() < 0.5),
    lambda r, at: h.StaleReplica(at, _ms(r)),
    lambda r, at: h.NoBudget(at, _ms(r), r.random() < 0.3),
    lambda r, at: h.Stream(at, r.choice(list(Break)), r.choice((1, 2, 5, 20)), _ms(r)),
    lambda r, at: h.Stream(at, Break.DOWN, 1, _ms(r)),
    lambda r, at: h.Status(at, r.choice(NAMES), r.choice(("HALT", "BREAK", "END_OF_DAY")), _ms(r)),
    lambda r, at: h.Delisted(at, r.choice(NAMES), _ms(r)),
    lambda r, at: h.Gone(at, r.choice(NAMES), _ms(r)),
    lambda r, at: h.ExchangeCancels(at, r.choice(NAMES)),
    lambda r, at: h.PersonCancels(at, r.choice(NAMES)),
    lambda r, at: h.Wiped(at),
    lambda r, at: h.ForeignOrder(at, r.choice(NAMES), r.choice(("BUY", "SELL"))),
    lambda r, at: h.ForeignTrade(at, r.choice(NAMES), r.choice(("BUY", "BUY", "SELL")), r.choice((20, 300))),
    lambda r, at: h.OtherOwner(at, r.choice(NAMES)),
    lambda r, at: h.SameOwner(at, r.choice(NAMES)),
    lambda r, at: h.Clock(at, r.choice((-10_000, -500, 700, 10_000))),
    lambda r, at: h.FeederSilent(at, _ms(r)),
    lambda r, at: h.WrongQuotes(at, r.choice(NAMES), r.choice(("0.1", "10", "0.97", "1.03")), _ms(r)),
    lambda r, at: h.Thin(at, r.choice(NAMES), r.choice((5, 30, 60)), r.choice((1, 2, 3)), _ms(r)),
    lambda r, at: h.DiskFull(at, _ms(r)),
    lambda r, at: h.Owner(at, _ms(r)),
    lambda r, at: h.Order(at, r.choice(("flatten", "release_symbol", "accept", "adopt")), r.choice((*NAMES, ""))),
)
#: What meets an entry that waits for its price.
_WHILE_WAITING: tuple[Callable[[Random, int, str], Happening], ...] = (
    lambda r, at, _: kill(r, at),
    lambda r, at, _: kill(r, at),
    lambda r, at, _: _setting(r, at),
    lambda r, at, symbol: h.Thin(max(at - 8_000, 0), symbol, r.choice((5, 30)), 1, r.choice((5_000, 16_000))),
    lambda r, at, symbol: h.Thin(max(at - 4_000, 0), symbol, 5, 2, r.choice((3_000, 9_000))),
    lambda r, at, _: h.Request(at, r.choice(list(Fate)), "PlaceList", count=r.choice((1, 2, 5))),
    lambda r, at, symbol: h.Order(at, r.choice(("close", "flatten")), r.choice(("", symbol))),
    lambda r, at, symbol: h.Order(at, "quarantine", r.choice((symbol, "trend"))),
)
#: Rarer ones.
MORE_TROUBLES: tuple[_Maker, ...] = (lambda r, at: h.FewOrders(at, r.choice((0, 1, 2, 3)), _ms(r)),)
