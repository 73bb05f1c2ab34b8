"""Lives of the world written by hand: what random plans seldom reach, each named for what it shows."""

from dataclasses import replace

from tests.trading.world import happenings as h
from tests.trading.world.happenings import Break, Fate, Plan, Rule

COIN, GOLD, DUST, BNB = "COINUSDT", "GOLDUSDT", "DUSTUSDT", "BNBUSDT"
#: When the trader is ready, and a signal finds it so.
T = 3_000


def _plan(*happenings: h.Happening, ms: int = 20_000, seed: int = 0) -> Plan:
    return Plan(seed, tuple(sorted(happenings, key=lambda one: one.at)), ms)


def _fate(at: int, fate: Fate, kind: str, ms: int = 1_000, code: int = 0, text: str = "", count: int = 1) -> h.Request:
    return h.Request(at, fate, kind, COIN, count, ms, code, text)


BUY = h.Signal(T, COIN)
#: Bought with a stop that is far away; and a signal for another symbol.
_FAR, _HALF_LATE = h.Signal(T, COIN, stop="0.7", target="1.6"), h.Signal(17_000, GOLD)
#: Entries at market, then protected.
AT_MARKET = h.Rules(0, COIN, Rule.NO_OTO), h.Rules(0, COIN, Rule.NO_OPO)
SELL = h.Signal(T + 5_000, COIN, "SELL", "1.02", "0.98")
#: Half of it is sold by a signal, and the other half is protected again.
HALF = h.Signal(T + 5_000, COIN, "SELL", "1.02", "0.98", part="0.5")
SELL_LATE = h.Signal(14_000, COIN, "SELL", "1.02", "0.98")
#: A time when the bought position is protected, and nothing is under way.
LATER = T + 4_000


def _stopped(at: int) -> tuple[h.Happening, ...]:
    """A life that ends at its stop, and the price back where it was."""
    return h.Signal(at, COIN), h.Move(at + 2_500, COIN, "0.979"), h.Move(at + 4_000, COIN, "1.0215")


#: Coins of others, and a person who wants all of the account sold.
_COINS, _ALL = h.Funds(1_000, "COIN", "3"), h.Order(LATER, "flatten", "", foreign=True)
#: What two directories with one position both act on.
_TO_SHARE: dict[str, tuple[h.Happening, ...]] = {
    "both are told to sell": (h.Signal(T, COIN, target="1.3"), h.Signal(12_000, COIN, "SELL", "1.02", "0.98")),
    "the time of both is over": (h.Signal(T, COIN, target="1.3", max_bars=1),),
    "both protect anew": (h.Signal(T, COIN, target="1.3"), h.PersonCancels(12_000, COIN), h.Move(18_000, COIN, "0.9")),
    "both move the stop": (
        h.Signal(T, COIN, target="1.6", trail="0.01"),
        *(h.Move(8_000 + 3_000 * number, COIN, "1.01") for number in range(6)),
        h.Move(30_000, COIN, "0.9"),
    ),
    "a gap over the stop": (
        h.Rules(0, COIN, Rule.LIMITED_STOPS),
        h.Signal(T, COIN, target="1.3"),
        h.Move(12_000, COIN, "0.9"),
    ),
}

#: Sales of a part, and what meets them.
_PARTS: dict[str, tuple[h.Happening, ...]] = {
    "is sold, and the rest at its target": (HALF, h.Move(T + 9_000, COIN, "1.04")),
    "is sold, and the rest at its stop": (HALF, h.Move(T + 9_000, COIN, "0.979")),
    "is sold, a part of the rest, and the last by a signal": (HALF, replace(HALF, at=T + 8_000), SELL_LATE),
    "is sold where cancelReplace is not allowed": (h.Rules(0, COIN, Rule.NO_REPLACE), HALF),
    "is too small to be sold": (replace(HALF, part="0.02"),),
    "leaves too little to be protected": (replace(HALF, part="0.97"),),
    "is asked for twice, and by another signal meanwhile": (
        replace(HALF, times=2),
        _fate(HALF.at - 10, Fate.NOT_SENT, "ReplaceOrder", 5_000),
        replace(HALF, at=HALF.at + 1_000),
    ),
    "is refused": (_fate(HALF.at - 10, Fate.REFUSED, "ReplaceOrder", code=-2010, text="not now"), HALF),
    "is sold, and the answer is lost": (_fate(HALF.at - 10, Fate.UNKNOWN, "ReplaceOrder"), HALF),
    "may have been sold": (_fate(HALF.at - 10, Fate.LOST, "ReplaceOrder"), HALF),
    "is sold late": (_fate(HALF.at - 10, Fate.LATE, "ReplaceOrder", 3_000), HALF),
    "is sold, and nothing tells it for long": (
        _fate(HALF.at - 10, Fate.SLOW, "ReplaceOrder", 9_000),
        h.Stream(HALF.at - 10, Break.LOST, 20, 20_000),
        HALF,
    ),
    "finds no room for the orders that follow": (h.FewOrders(HALF.at - 10, 2, 8_000), HALF),
    "meets a full disk": (HALF, h.DiskFull(HALF.at, 6_000)),
    "meets a full disk and a kill": (HALF, h.DiskFull(HALF.at, 6_000), h.Kill(HALF.at + 100, 0, 500)),
    "is asked for, and the stop fills": (h.Move(HALF.at - 1, COIN, "0.979"), HALF),
    "is asked for at the target": (h.Move(HALF.at - 1, COIN, "1.0305"), HALF),
    "is sold in parts below the market lot": (h.Rules(LATER - 2_000, COIN, Rule.MARKET_LOT), HALF),
    "is sold in a thin book": (h.Thin(HALF.at - 10, COIN, 10, 3, 20_000), HALF),
    "is asked for, and the symbol halts": (HALF, h.Status(HALF.at + 1, COIN, "HALT", 8_000)),
    "is sold of what was bought at market": (*AT_MARKET, HALF),
    "is sold by a copied directory, too": (h.Twin(T + 3_000, copy=True, doubted=False), HALF),
    "is not sold by a directory that knows it is a copy": (h.Twin(T + 3_000, copy=True), HALF),
}

#: Its strategy buys more of what it holds.
MORE = h.Signal(T + 5_000, COIN, stop="0.985", target="1.04", scale_in=True)
_ADDITIONS: dict[str, tuple[h.Happening, ...]] = {
    "and all is sold at the target": (MORE, h.Move(T + 9_000, COIN, "1.05")),
    "and all is sold at the stop": (MORE, h.Move(T + 9_000, COIN, "0.984")),
    "twice, then half is sold, then all": (MORE, replace(MORE, at=T + 7_500), replace(HALF, at=T + 9_000), SELL_LATE),
    "where cancelReplace is not allowed": (h.Rules(0, COIN, Rule.NO_REPLACE), MORE, SELL_LATE),
    "with a lower stop": (replace(MORE, stop="0.9"), h.Move(T + 9_000, COIN, "0.979")),
    "with the most positions open": (h.Setting(0, "max_positions", "1"), MORE),
    "of another strategy": (replace(MORE, strategy="revert"),),
    "where nothing is held": (replace(MORE, symbol=GOLD),),
    "while half is being sold": (
        _fate(HALF.at - 10, Fate.NOT_SENT, "ReplaceOrder", 5_000),
        HALF,
        replace(MORE, at=HALF.at + 500),
    ),
    "and the answer is lost": (_fate(MORE.at - 10, Fate.UNKNOWN, "PlaceOrder"), MORE),
    "and the answer is slow, as a person sells all": (
        _fate(MORE.at - 10, Fate.SLOW, "PlaceOrder", 9_000),
        h.Stream(MORE.at - 10, Break.LOST, 4, 3_000),
        MORE,
        h.Order(MORE.at + 500, "flatten", COIN),
    ),
    "late, after the stop was hit": (
        _fate(MORE.at - 10, Fate.LATE, "PlaceOrder", 3_000),
        MORE,
        h.Move(MORE.at + 300, COIN, "0.979"),
    ),
    "and it may not have been bought, as the stop is hit": (
        _fate(MORE.at - 10, Fate.LOST, "PlaceOrder"),
        MORE,
        h.Move(MORE.at + 300, COIN, "0.979"),
    ),
    "and the new stop is refused": (_fate(MORE.at, Fate.REFUSED, "ReplaceOrder", code=-2010, text="no", count=1), MORE),
    "and the rules cannot be read": (
        _fate(MORE.at, Fate.REFUSED, "FetchRules", code=-1003, text="later", count=4),
        MORE,
    ),
    "in a thin book": (h.Thin(MORE.at - 10, COIN, 30, 2, 20_000), MORE),
    "and its stop trails": (
        replace(MORE, trail="0.005"),
        *(h.Move(T + 6_000 + 4_000 * number, COIN, "1.004") for number in range(6)),
    ),
}

#: Killed before the stop for the whole is sent: what was added gets one of its own, beside the old one.
_TWO_STOPS = (
    h.Kill(MORE.at - 1, 6, 800, snapshot="fresh", executes=False),
    BUY,
    replace(MORE, trail="0.006", target="1.3"),
)
_AFTER_TWO: dict[str, tuple[h.Happening, ...]] = {
    "all is sold by a signal": (h.Signal(30_000, COIN, "SELL", "1.02", "0.98"),),
    "more is bought again": (replace(MORE, at=30_000), h.Signal(34_000, COIN, "SELL", "1.02", "0.98")),
    "the price gaps over both": (h.Move(30_000, COIN, "0.9"),),
    "they trail": tuple(h.Move(17_000 + 3_000 * number, COIN, "1.006") for number in range(8)),
    "half is sold a minute later": (replace(HALF, at=80_000), h.Signal(85_000, COIN, "SELL", "1.02", "0.98")),
}

PLANS: dict[str, Plan] = {
    **{f"two stops cover it, and {what}": _plan(*_TWO_STOPS, *then, ms=90_000) for what, then in _AFTER_TWO.items()},
    **{f"more is bought {what}": _plan(BUY, *more, ms=45_000) for what, more in _ADDITIONS.items()},
    **{f"a part {what}": _plan(BUY, *parts, ms=40_000) for what, parts in _PARTS.items()},
    "nothing happens": _plan(),
    "bought, and sold at its target": _plan(BUY, h.Move(LATER, COIN, "1.04"), h.Move(LATER + 2_000, COIN, "1.01")),
    "bought, and sold at its stop": _plan(BUY, h.Move(LATER, COIN, "0.979"), h.Move(LATER + 2_000, COIN, "0.999")),
    "bought, and the price gaps over its stop": _plan(BUY, h.Move(LATER, COIN, "0.9")),
    "bought, and sold by a signal": _plan(BUY, SELL),
    "bought, and sold when its time is over": _plan(h.Signal(T, COIN, max_bars=1), ms=40_000),
    "bought beside coins of others before the commission is known, and stopped out while queries lag": _plan(
        h.Funds(1_000, "DUST", "3"),
        h.StaleReplica(1_061, 8_000),
        h.Kill(1_484, 3, 100, snapshot="old"),
        h.Signal(1_507, DUST, strategy="revert"),
        h.Move(5_333, DUST, "0.979"),
        seed=47_632,
    ),
    "bought, and its stop trails": _plan(
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        *(h.Move(5_000 + 4_000 * number, COIN, "1.01") for number in range(8)),
        ms=60_000,
    ),
    "a stop trails where cancelReplace is not allowed": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        *(h.Move(5_000 + 4_000 * number, COIN, "1.01") for number in range(8)),
        ms=60_000,
    ),
    "a stop trails, and stop orders are taken no more": _plan(
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        h.Rules(LATER, COIN, Rule.NO_STOPS),
        *(h.Move(LATER + 4_000 * number, COIN, "1.01") for number in range(1, 9)),
        ms=60_000,
    ),
    "a stop trails, and the rules cannot be read": _plan(
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        *(h.Move(LATER + 2_000 * number, COIN, "1.01") for number in range(1, 9)),
        h.Status(14_000, COIN, "HALT", 25_000),
        _fate(14_500, Fate.REFUSED, "FetchRules", code=-1003, text="later", count=4),
        ms=60_000,
    ),
    "no order is left for an entry by list": _plan(h.FewOrders(0, 0, 4_000), BUY),
    "no order is left for an entry at market, and for an exit": _plan(
        h.Rules(0, COIN, Rule.NO_OTO),
        h.Rules(0, COIN, Rule.NO_OPO),
        h.FewOrders(0, 0, 4_000),
        BUY,
        h.Signal(9_000, COIN),
        h.FewOrders(12_000, 0, 6_000),
        SELL_LATE,
        ms=40_000,
    ),
    "no order is left for what follows a cancel": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        h.FewOrders(LATER, 1, 20_000),
        *(h.Move(LATER + 1_000 * number, COIN, "1.01") for number in range(1, 9)),
        h.FewOrders(40_000, 0, 10_000),
        h.Signal(42_000, COIN, "SELL", "1.02", "0.9"),
        ms=60_000,
    ),
    "bought at market where OPO orders alone are allowed": _plan(h.Rules(0, COIN, Rule.NO_OTO), BUY, SELL),
    "bought before the commission is known": _plan(h.Signal(300, COIN), SELL),
    "bought at market, then protected": _plan(h.Rules(0, COIN, Rule.NO_OTO), h.Rules(0, COIN, Rule.NO_OPO), BUY, SELL),
    "bought at market in a thin book": _plan(
        h.Rules(0, COIN, Rule.NO_OTO), h.Rules(0, COIN, Rule.NO_OPO), h.Thin(T - 500, COIN, 10, 3, 20_000), BUY, SELL
    ),
    "a fill-or-kill entry in a thin book": _plan(h.Thin(T - 500, COIN, 10, 3, 5_000), BUY),
    "sold in a thin book, part by part": _plan(BUY, h.Thin(LATER, COIN, 10, 3, 20_000), SELL, ms=40_000),
    "sold in parts below the market lot": _plan(
        BUY, h.Rules(LATER, COIN, Rule.MARKET_LOT), SELL, h.Rules(25_000, COIN, Rule.NORMAL), ms=60_000
    ),
    "the step becomes coarse while held": _plan(BUY, h.Rules(LATER, COIN, Rule.COARSE_STEP), SELL, ms=40_000),
    "three entries just after the step became coarse": _plan(
        *AT_MARKET,
        h.Rules(T - 500, COIN, Rule.COARSE_STEP),
        *(h.Signal(T + 700 * number, COIN, strategy=f"s{number}") for number in range(3)),
        ms=40_000,
    ),
    "entries into a halt": _plan(
        h.Status(T - 500, COIN, "HALT", 20_000),
        *(h.Signal(T + 700 * number, COIN, strategy=f"s{number}") for number in range(3)),
        h.Signal(T + 30_000, COIN),
        ms=60_000,
    ),
    "the tick becomes coarse while held": _plan(
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        h.Rules(LATER, COIN, Rule.COARSE_TICK),
        h.Move(LATER + 500, COIN, "1.05"),
        SELL,
        ms=60_000,
    ),
    "the tick becomes coarse, and a stop trails where cancelReplace is not allowed": _plan(
        h.Rules(0, GOLD, Rule.NO_REPLACE),
        h.Rules(6_952, GOLD, Rule.COARSE_TICK),
        h.Move(10_000, GOLD, "1.06646"),
        h.Signal(25_866, GOLD, target="1.3", trail="0.003"),
        ms=60_000,
    ),
    "the minimum notional rises above what is held": _plan(
        BUY, h.Rules(LATER, COIN, Rule.MIN_NOTIONAL_UP), SELL, h.Rules(30_000, COIN, Rule.NORMAL), ms=60_000
    ),
    "the account may hold little": _plan(
        h.Rules(0, COIN, Rule.MAX_POSITION),
        h.ForeignTrade(1_000, COIN, "BUY", 50),
        BUY,
        SELL,
        h.ForeignTrade(14_000, COIN, "BUY", 75),
        h.Signal(20_000, COIN),
        ms=40_000,
    ),
    "no stop orders any more": _plan(
        BUY, h.Rules(LATER, COIN, Rule.NO_STOPS), h.ExchangeCancels(LATER + 500, COIN), ms=40_000
    ),
    "the exchange cancels the protection": _plan(BUY, h.ExchangeCancels(LATER, COIN)),
    "the exchange cancels each protection": _plan(
        BUY, *(h.ExchangeCancels(LATER + 1_000 * number, COIN) for number in range(8)), ms=60_000
    ),
    "delisted while held, and back": _plan(BUY, h.Delisted(LATER, COIN, 10_000), ms=60_000),
    "halted while an exit is wanted": _plan(BUY, h.Status(LATER, COIN, "HALT", 15_000), SELL, ms=60_000),
    "not listed any more while held": _plan(BUY, h.Gone(LATER, COIN, 10_000), SELL, ms=90_000),
    "protection refused twice": _plan(
        h.Rules(0, COIN, Rule.NO_OTO),
        h.Rules(0, COIN, Rule.NO_OPO),
        BUY,
        _fate(T, Fate.REFUSED, "PlaceList", code=-2010, text="too many algo orders", count=6),
        ms=40_000,
    ),
    "an exit refused by its filter": _plan(
        BUY, _fate(LATER, Fate.REFUSED, "ReplaceOrder", code=-1013, text="Filter failure: LOT_SIZE"), SELL, ms=40_000
    ),
    "an exit refused after its cancel": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        _fate(LATER, Fate.REFUSED, "PlaceOrder", code=-1015, text="Too many new orders.", count=3),
        SELL,
        ms=60_000,
    ),
    "an exit whose outcome is unknown": _plan(BUY, _fate(LATER, Fate.UNKNOWN, "ReplaceOrder"), SELL, ms=40_000),
    "an exit that is lost": _plan(BUY, _fate(LATER, Fate.LOST, "ReplaceOrder"), SELL, ms=60_000),
    "an exit that arrives late": _plan(BUY, _fate(LATER, Fate.LATE, "ReplaceOrder", ms=4_500), SELL, ms=60_000),
    "an exit lost after its cancel": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE), BUY, _fate(LATER, Fate.LOST, "PlaceOrder", ms=300), SELL, ms=60_000
    ),
    "an exit lost after its cancel, and the price falls below the stop": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        _fate(LATER, Fate.LOST, "PlaceOrder", ms=300),
        SELL,
        h.Move(SELL.at + 200, COIN, "0.9"),
        ms=60_000,
    ),
    **{
        f"others {what} just before an exit that arrives late, far below its stop{how}": _plan(
            BUY,
            *setting,
            coins,
            _fate(LATER, Fate.LATE, kind, ms=200),
            h.Move(LATER + 40, COIN, "0.9"),
            ms=40_000,
        )
        for how, kind, setting in (
            ("", "ReplaceOrder", ()),
            (
                ", and no stream tells it",
                "PlaceOrder",
                (h.Rules(0, COIN, Rule.NO_REPLACE), h.Stream(LATER - 1, Break.LOST, 60)),
            ),
        )
        for what, coins in (
            ("buy coins", h.ForeignTrade(LATER, COIN, "BUY", 300)),
            ("deposit coins", h.Funds(LATER, "COIN", "3")),
        )
    },
    "the price gaps over a stop with a limit": _plan(
        h.Rules(0, COIN, Rule.LIMITED_STOPS), BUY, h.Move(LATER, COIN, "0.9"), ms=60_000
    ),
    "the price gaps over a stop with a limit, and no quote tells it": _plan(
        h.Rules(0, COIN, Rule.LIMITED_STOPS),
        BUY,
        h.FeederSilent(LATER, 12_000),
        h.Move(LATER + 1_000, COIN, "0.9"),
        ms=60_000,
    ),
    "the venue is wiped while an entry is on its way": _plan(
        _fate(0, Fate.SLOW_THERE, "PlaceList", ms=1_000), BUY, h.Wiped(T + 500), ms=60_000
    ),
    "the venue is wiped while an exit is on its way": _plan(
        BUY, _fate(LATER, Fate.SLOW_THERE, "ReplaceOrder", ms=1_000), SELL, h.Wiped(SELL.at + 500), ms=60_000
    ),
    "the venue is wiped while the answer to an entry is on its way": _plan(
        _fate(0, Fate.SLOW, "PlaceList", ms=2_000), BUY, h.Wiped(T + 500), ms=60_000
    ),
    "another quote asset while a position is open": _plan(
        BUY,
        h.Setting(LATER, "quote", "BTC"),
        h.Signal(LATER + 500, GOLD),
        h.ExchangeCancels(LATER + 1_000, COIN),
        h.Signal(SELL.at + 2_000, COIN, "SELL", "1.02", "0.98"),
        h.Setting(20_000, "quote", "USDT"),
        h.Signal(22_000, COIN),
        ms=40_000,
    ),
    "a wider and a narrower price gap": _plan(
        h.Setting(0, "max_price_gap", "0.001"),
        h.Signal(T, COIN, entry="0.997"),
        h.Setting(T + 500, "max_price_gap", "0.2"),
        h.Signal(T + 2_000, COIN, entry="0.99"),
    ),
    "a signal that its strategy trusts too little": _plan(h.Setting(0, "min_confidence", "0.8"), BUY),
    "a signal for less than can be traded": _plan(h.Signal(T, COIN, size="0.00001")),
    "a signal for less than the settings allow": _plan(h.Signal(T, COIN, size="0.2"), h.Signal(LATER, GOLD, size="9")),
    "a signal that asks for what is not done": _plan(
        h.Signal(T, COIN, unsupported="limit_price 90"),
        replace(BUY, at=T + 2_000),
        replace(SELL, at=LATER + 1_000, unsupported="part 0.5"),
    ),
    "an entry waits for its price, and is stopped out": _plan(
        h.Signal(T, COIN, limit="0.99", stop="0.97"), h.Move(LATER, COIN, "0.989"), h.Move(LATER + 4_000, COIN, "0.97")
    ),
    "an entry waits for its price, is sold at its target, and is not made again": _plan(
        h.Signal(T, COIN, limit="0.99", stop="0.97", target="0.999", limit_ms=60_000),
        h.Move(LATER, COIN, "0.989"),
        h.Move(LATER + 4_000, COIN, "1.02"),
        h.Move(LATER + 8_000, COIN, "0.979"),
    ),
    "an entry waits for a price that does not come": _plan(h.Signal(T, COIN, limit="0.99", limit_ms=5_000)),
    "an entry waits over a restart, and while the trader is dead its time passes": _plan(
        h.Signal(T, COIN, limit="0.99", stop="0.97"),
        h.Signal(T, GOLD, limit="0.99", limit_ms=3_000),
        h.Kill(LATER - 3_000, ms=3_000, power=True),
        h.Move(12_000, COIN, "0.989"),
        ms=25_000,
    ),
    "an entry that waited finds too few sellers, and is tried again": _plan(
        h.Signal(T, COIN, limit="0.999", stop="0.97"),
        h.Thin(LATER - 100, COIN, 5, 1, 4_000),
        h.Move(LATER, COIN, "0.9985"),
        h.Move(LATER + 4_500, COIN, "1"),
    ),
    "an entry that waited is of unknown outcome, and the trader dies": _plan(
        h.Signal(T, COIN, limit="0.99", stop="0.97"),
        _fate(LATER - 500, Fate.UNKNOWN, "PlaceList"),
        h.Move(LATER, COIN, "0.989"),
        h.Kill(LATER + 500),
        ms=30_000,
    ),
    "the time of an entry that waited passes while it is on its way": _plan(
        _fate(0, Fate.SLOW_THERE, "PlaceList", ms=1_000), h.Signal(T, COIN, limit="1", limit_ms=800, stop="0.97")
    ),
    "an entry that waits is called off": _plan(
        h.Signal(T, COIN, limit="0.99", stop="0.97"),
        h.Signal(T + 1_000, COIN, limit="0.98", stop="0.97"),
        h.Signal(LATER, COIN, "SELL", "1.02", "0.98"),
        h.Signal(LATER + 2_000, COIN, limit="0.99", stop="0.97"),
        h.Order(LATER + 3_000, "close", COIN),
        h.Signal(LATER + 4_000, COIN, limit="0.99", stop="0.97"),
        h.Setting(LATER + 5_000, "trading_state", "reducing"),
        h.Setting(LATER + 7_000, "trading_state", "active"),
        h.Move(LATER + 8_000, COIN, "0.985"),
    ),
    "a target that brings too little": _plan(h.Setting(0, "target_costs", "20"), BUY),
    "a stop between bid and ask": _plan(h.Move(T - 2_500, COIN, "1", 10), h.Signal(T, COIN, stop="0.9997")),
    "a second entry in a minute": _plan(
        h.Setting(0, "orders_minute", "1"), BUY, h.Signal(LATER, GOLD), h.Signal(T + 61_000, GOLD), ms=70_000
    ),
    "a second entry on a day": _plan(
        h.Setting(0, "orders_day", "1"), BUY, h.Kill(LATER), h.Signal(LATER + 5_000, GOLD), ms=20_000
    ),
    "no room for an entry": _plan(h.Setting(0, "order_notional", "1"), BUY),
    "no room in a symbol": _plan(h.Setting(0, "symbol_notional", "1"), BUY),
    "room for one entry and a half": _plan(
        h.Setting(0, "total_notional", "150"),
        BUY,
        h.Signal(T + 100, GOLD),
        h.Signal(LATER, DUST),
        ms=20_000,
    ),
    "less than a lot": _plan(h.Setting(0, "order_quote", "0.01"), BUY),
    "little money": _plan(
        h.Setting(0, "guardrails_disabled", "true"),
        h.Funds(1_000, "USDT", "-9998"),
        h.Signal(14_000, COIN),
        ms=20_000,
    ),
    "sized by risk": _plan(h.Setting(0, "risk_fraction", "0.0001"), BUY),
    "others and this computer make trouble while a position is open": _plan(
        BUY,
        h.Clock(LATER, 700),
        h.ForeignOrder(LATER + 500, COIN, "SELL"),
        h.Health(LATER + 1_000, "memory", "error", 3_000),
        h.Owner(LATER + 1_500, 3_000),
        h.OtherOwner(LATER + 2_000, COIN),
        h.Signal(LATER + 4_000, COIN, "SELL", "1.02", "0.98"),
        ms=40_000,
    ),
    "rules and status change while an entry is on its way": _plan(
        _fate(0, Fate.SLOW_THERE, "PlaceList", ms=1_500),
        BUY,
        h.Rules(T + 300, COIN, Rule.NO_OTO),
        h.Status(T + 600, COIN, "HALT", 9_000),
        ms=40_000,
    ),
    "a market exit sweeps a thin book, and expires in part": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE), BUY, h.Thin(LATER, COIN, 20, 2, 4_000), SELL, ms=40_000
    ),
    "delisted for good while held": _plan(BUY, h.Delisted(LATER, COIN, 55_000), SELL, ms=60_000),
    "an entry whose outcome is unknown, seen by no stream": _plan(
        h.Stream(T - 100, Break.LOST, 20), _fate(0, Fate.UNKNOWN, "PlaceList"), BUY, ms=40_000
    ),
    "an entry that nobody finds for 25 s": _plan(
        h.Stream(T - 100, Break.LOST, 20),
        _fate(0, Fate.UNKNOWN, "PlaceList"),
        BUY,
        h.StaleReplica(T - 50, 25_000),
        ms=60_000,
    ),
    **{
        f"an entry at market is found by no query for long{what}": _plan(
            *AT_MARKET,
            h.Stream(T - 100, Break.LOST, 20),
            _fate(0, Fate.UNKNOWN, "PlaceOrder", ms=100),
            BUY,
            h.StaleReplica(T - 50, 25_000),
            *more,
            ms=60_000,
        )
        for what, more in {
            "": (),
            ", and the stream is down": (h.Stream(T - 100, Break.DOWN, 1, 20_000),),
            ", in a thin book": (h.Thin(T - 500, COIN, 30, 1, 5_000),),
            ", others own coins": (h.Funds(500, "COIN", "30"),),
            ", others' coins are withdrawn": (h.Funds(500, "COIN", "30"), h.Funds(T + 1_000, "COIN", "-30")),
            ", coins are deposited": (h.Funds(T + 1_000, "COIN", "30"),),
            ", the trader is killed": (h.Kill(T + 20, 0, 400),),
            ", the trader is killed, and nothing is left but its events": (h.Kill(T + 20, 1, 400, snapshot="none"),),
        }.items()
    },
    **{
        f"the answer to {what} is slow, and the stream is down": _plan(
            *rules,
            h.Stream(at - 100, Break.DOWN, 1, 20_000),
            _fate(at - 50, Fate.SLOW, kind, ms=12_000),
            BUY,
            *more,
            ms=60_000,
        )
        for what, kind, rules, at, more in (
            ("an entry at market", "PlaceOrder", AT_MARKET, T, ()),
            ("an entry by list", "PlaceList", (), T, ()),
            ("a stop and target", "PlaceList", AT_MARKET, T, ()),
            ("an exit", "ReplaceOrder", (), SELL.at, (SELL,)),
            ("an exit after its cancel", "PlaceOrder", (h.Rules(0, COIN, Rule.NO_REPLACE),), SELL.at, (SELL,)),
            ("the cancel before an exit", "CancelList", (h.Rules(0, COIN, Rule.NO_REPLACE),), SELL.at, (SELL,)),
        )
    },
    "an exit at market is found by no query for long": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        h.Stream(SELL.at - 1, Break.LOST, 20),
        _fate(LATER, Fate.UNKNOWN, "PlaceOrder"),
        SELL,
        h.StaleReplica(SELL.at - 1, 25_000),
        ms=60_000,
    ),
    "an entry that is lost": _plan(_fate(0, Fate.LOST, "PlaceList"), BUY, ms=60_000),
    "a signal while it is not known what became of an entry": _plan(
        _fate(0, Fate.LOST, "PlaceList", ms=50), BUY, h.Signal(T + 2_000, COIN, strategy="other"), ms=60_000
    ),
    "an entry that arrives late": _plan(_fate(0, Fate.LATE, "PlaceList", ms=4_900), BUY, ms=60_000),
    "an entry refused": _plan(_fate(0, Fate.REFUSED, "PlaceList", code=-2010, text="no"), BUY),
    "three entries refused: quarantine, and its release": _plan(
        *(_fate(0, Fate.REFUSED, "PlaceList", code=-2010, text="no") for _ in range(3)),
        *(h.Signal(T + 2_000 * number, COIN) for number in range(5)),
        h.Order(T + 12_000, "release_symbol", COIN),
        h.Signal(T + 13_000, COIN),
        ms=40_000,
    ),
    "an outage in which everything is executed": _plan(BUY, h.Outage(T - 10, 8_000, executes=True), ms=60_000),
    "a signal in an outage": _plan(h.Outage(T - 2_000, 8_000), h.Signal(T + 3_000, COIN)),
    "an outage while an exit is wanted": _plan(BUY, h.Outage(LATER, 8_000), SELL, ms=60_000),
    "the stream is silent": _plan(h.Stream(T - 100, Break.LOST, 60), BUY, SELL, ms=40_000),
    "the stream is down": _plan(h.Stream(T - 100, Break.DOWN, 1, 10_000), BUY, SELL, ms=40_000),
    "reports out of order": _plan(h.Stream(T - 100, Break.REORDERED, 20, 500), BUY, SELL, ms=40_000),
    "flattened": _plan(BUY, h.Order(LATER, "flatten", "")),
    "halted, and flattened": _plan(
        BUY,
        h.Setting(LATER, "trading_state", "halted"),
        h.Order(LATER + 100, "flatten", COIN),
        h.Signal(LATER + 3_000, COIN),
        h.Setting(15_000, "trading_state", "active"),
    ),
    "flattened, resumed, and bought again": _plan(
        BUY,
        h.Order(LATER, "flatten", ""),
        h.Signal(LATER + 2_000, COIN),
        h.Order(LATER + 4_000, "resume", ""),
        h.Signal(LATER + 6_000, COIN),
    ),
    "a symbol is flattened, and another one is bought": _plan(
        BUY,
        h.Order(LATER, "flatten", COIN),
        h.Signal(LATER + 2_000, COIN),
        h.Signal(LATER + 2_500, GOLD),
        h.Kill(LATER + 3_000, 0, 400, snapshot="none"),
        h.Signal(LATER + 6_000, COIN),
        h.Order(LATER + 8_000, "resume", COIN),
        h.Signal(LATER + 10_000, COIN),
    ),
    "flattened with coins of others": _plan(
        _COINS,
        h.Funds(1_000, "GOLD", "0.2"),
        BUY,
        _ALL,
        h.Funds(SELL_LATE.at, "COIN", "2"),
        ms=40_000,
    ),
    "flattened with coins of others, locked by their orders": _plan(
        _COINS,
        h.ForeignOrder(1_500, COIN, "SELL"),
        h.ForeignOrder(1_600, COIN, "SELL"),
        h.ForeignOrder(1_700, COIN, "BUY"),
        h.ForeignOrder(1_800, GOLD, "BUY"),
        BUY,
        _ALL,
        ms=40_000,
    ),
    "flattened with coins of others, in parts below the market lot": _plan(
        _COINS, h.Rules(LATER - 500, COIN, Rule.MARKET_LOT), BUY, _ALL, ms=40_000
    ),
    "flattened with coins of others that are too few to be sold": _plan(
        h.Funds(1_000, "COIN", "0.01"), h.Funds(1_000, "GOLD", "0.00005"), _ALL, ms=40_000
    ),
    "flattened with coins of others that nobody watches": _plan(
        h.Setting(0, "symbols", GOLD), _COINS, h.Funds(1_000, "DUST", "5000.5"), _ALL, ms=40_000
    ),
    "flattened with coins of others in maintenance": _plan(
        _COINS,
        h.Status(LATER - 1_000, COIN, "BREAK", 20_000),
        _ALL,
        h.Funds(LATER + 8_000, "COIN", "5"),
        ms=60_000,
    ),
    "flattened with coins of others of which some are withdrawn and sold meanwhile": _plan(
        _COINS,
        h.Status(LATER - 1_000, COIN, "HALT", 8_000),
        _ALL,
        h.Funds(LATER + 3_000, "COIN", "-1.5"),
        h.ForeignTrade(LATER + 7_500, COIN, "SELL", 50),
        ms=60_000,
    ),
    "flattened with coins of others and a position that cannot be sold": _plan(
        _COINS, BUY, h.Rules(LATER - 1_000, COIN, Rule.MIN_NOTIONAL_UP), _ALL, ms=60_000
    ),
    "flattened with coins of others, resumed, and bought again": _plan(
        _COINS,
        h.Status(LATER - 1_000, COIN, "BREAK", 20_000),
        _ALL,
        h.Order(LATER + 5_000, "resume", ""),
        h.Signal(LATER + 25_000, GOLD),
        ms=60_000,
    ),
    **{
        f"flattened with coins of others, killed before effect {skip}": _plan(
            _COINS,
            h.ForeignOrder(1_500, COIN, "SELL"),
            BUY,
            _ALL,
            h.Kill(LATER + 1, skip, 400, skip % 2 == 0, ("fresh", "old", "none")[skip % 3], executes=skip % 3 == 0),
            ms=40_000,
        )
        for skip in range(24)
    },
    "flattened with coins of others while their sale is lost": _plan(
        _COINS, _ALL, _fate(LATER, Fate.UNKNOWN, "PlaceOrder"), h.StaleReplica(LATER, 25_000), ms=60_000
    ),
    "flattened while nothing is held": _plan(h.Order(T, "flatten", GOLD), h.Signal(T + 500, GOLD)),
    "closed, and bought again": _plan(BUY, h.Order(LATER, "close", COIN), h.Signal(LATER + 3_000, COIN)),
    "flattened while an entry is on its way": _plan(
        _fate(0, Fate.SLOW_THERE, "PlaceList", ms=2_000), BUY, h.Order(T + 500, "flatten", ""), ms=40_000
    ),
    "flattened after an entry was found by no query for long": _plan(
        *AT_MARKET,
        h.Stream(T - 100, Break.LOST, 20),
        _fate(0, Fate.UNKNOWN, "PlaceOrder", ms=100),
        BUY,
        h.StaleReplica(T - 50, 25_000),
        h.Order(T + 20_000, "flatten", COIN),
        ms=60_000,
    ),
    "flattened on a full disk": _plan(
        BUY, h.DiskFull(LATER - 500, 10_000), h.Order(LATER, "flatten", ""), h.Kill(LATER + 3_000, 0, 400), ms=40_000
    ),
    "a sale that nothing tells after a full disk, and coins of others": _plan(
        h.ForeignTrade(1_906, GOLD, "BUY", 20),
        h.Signal(1_996, GOLD, age_ms=300),
        h.DiskFull(2_449, 8_000),
        h.Order(3_091, "flatten", ""),
        h.Kill(3_498, 7, 3_000),
        ms=20_000,
        seed=511,
    ),
    "a sale that nothing tells after a power failure on a full disk, and coins of others": _plan(
        _COINS,
        h.Signal(3_203, COIN),
        h.DiskFull(9_654, 1_000),
        h.Order(10_456, "flatten", "", foreign=True),
        h.Kill(10_767, 1, 3_000, power=True, snapshot="fresh", executes=False),
        h.Move(10_851, COIN, "1.04"),
        ms=20_000,
        seed=6650,
    ),
    "flattened in parts below the market lot": _plan(
        BUY, h.Rules(LATER, COIN, Rule.MARKET_LOT), h.Order(LATER + 2_000, "flatten", COIN), ms=60_000
    ),
    "flattened while the minimum notional is above what is held": _plan(
        BUY,
        h.Rules(LATER, COIN, Rule.MIN_NOTIONAL_UP),
        h.Order(LATER + 2_000, "flatten", COIN),
        ms=60_000,
    ),
    "a remainder becomes worth an order, and is flattened": _plan(
        h.Rules(0, COIN, Rule.COARSE_STEP),
        h.Setting(0, "order_quote", "3000"),
        BUY,
        SELL,
        h.Rules(60_000, COIN, Rule.NORMAL),
        h.Order(72_000, "close", COIN),
        h.Order(74_000, "flatten", ""),
        ms=85_000,
    ),
    "coins adopted, then sold": _plan(
        h.Funds(1_000, "COIN", "3"), h.Order(T, "adopt", COIN, strategy="trend"), SELL, ms=40_000
    ),
    "coins adopted by a person, whom no signal sells them for": _plan(
        h.Funds(1_000, "COIN", "3"), h.Order(T, "adopt", COIN), SELL, h.Order(14_000, "close", COIN), ms=40_000
    ),
    "coins are gone, and a person accepts it": _plan(
        BUY,
        h.ExchangeCancels(LATER, COIN),
        h.Funds(LATER + 1, "COIN", "-0.5"),
        h.Order(40_000, "accept", COIN),
        ms=60_000,
    ),
    "the venue is wiped": _plan(BUY, h.Wiped(LATER), ms=60_000),
    "another owner": _plan(h.OtherOwner(T - 500, COIN), BUY, h.Order(20_000, "accept", ""), ms=40_000),
    "a trader of the first version": _plan(
        h.ForeignOrder(T - 500, COIN, "BUY", "cq-entry-wabr6l47gab4ac7yk2modbfyqq"),
        BUY,
        h.Signal(6_000, GOLD),
        h.PersonCancels(20_000, COIN),
        h.Signal(34_000, GOLD),
        ms=45_000,
    ),
    "commissions are paid in BNB that is not ours": _plan(h.PaidInBnb(0, "1"), BUY, SELL, h.Signal(14_000, GOLD)),
    "commissions begin to be paid in BNB while a position is open": _plan(BUY, h.PaidInBnb(LATER, "1"), SELL),
    "commissions are paid in BNB while BNB is held": _plan(
        h.PaidInBnb(0, "0"),
        h.Signal(T, BNB),
        BUY,
        h.Signal(SELL.at, BNB, "SELL", "1.02", "0.98"),
        h.Signal(SELL.at + 2_000, GOLD),
        replace(SELL, at=SELL.at + 5_000),
        h.Signal(SELL.at + 7_000, BNB),
        ms=40_000,
    ),
    "little BNB is not ours, and BNB is held": _plan(
        h.PaidInBnb(0, "0.0002"),
        h.Signal(T, BNB),
        h.Signal(T + 1_000, COIN),
        h.Signal(T + 2_000, GOLD),
        h.Signal(SELL.at, BNB, "SELL", "1.02", "0.98"),
        replace(SELL, at=SELL.at + 2_000),
        h.Signal(16_000, DUST),
        h.Kill(16_010, 2),
        h.Move(20_000, BNB, "1.05"),
        ms=40_000,
    ),
    "a second trader from the beginning, with the same signals": _plan(
        h.Twin(0), BUY, h.Signal(T + 2_000, COIN), SELL, h.Signal(14_000, GOLD), ms=40_000
    ),
    "a second trader while a position is open": _plan(
        BUY, h.Twin(LATER), h.Signal(LATER + 3_000, COIN), h.Signal(LATER + 3_500, GOLD), SELL_LATE, ms=60_000
    ),
    "a second trader, and the market moves": _plan(
        h.Twin(0), BUY, h.Move(LATER, COIN, "0.979"), h.Signal(LATER + 2_000, COIN), ms=60_000
    ),
    "a copy of the directory begins while a position is open": _plan(
        BUY, h.Twin(LATER, copy=True), h.Signal(LATER + 3_000, GOLD), SELL_LATE, ms=60_000
    ),
    "a copy that does not know that it is one": _plan(
        BUY, h.Twin(LATER, copy=True, doubted=False), h.Signal(LATER + 3_000, GOLD), SELL_LATE, ms=60_000
    ),
    **{
        f"a copy that {who} it is one, beside coins of others: {what}": _plan(
            _COINS, first, h.Twin(LATER, copy=True, doubted=who == "knows that"), *then, ms=40_000
        )
        for who in ("knows that", "does not know that")
        for what, (first, *then) in _TO_SHARE.items()
    },
    "a copy of the directory": _plan(
        BUY, SELL, h.SameOwner(14_000, COIN), h.Signal(16_000, COIN), h.Order(25_000, "accept", ""), ms=40_000
    ),
    "power is lost with what was heard of an entry, and a copy of the directory uses its id": _plan(
        BUY, h.Kill(T + 3_000, 0, 3_000, power=True, snapshot="none"), h.SameOwner(T + 8_500, COIN), ms=40_000
    ),
    "power is lost with an entry on its way, and a copy of the directory uses its id": _plan(
        BUY, h.Kill(T + 14, 2, 500, power=True, snapshot="fresh"), h.SameOwner(T + 140, COIN), ms=40_000
    ),
    "an entry never arrives, and a copy of the directory uses the id of another": _plan(
        BUY,
        h.Move(LATER, COIN, "1.04"),
        _fate(14_000, Fate.LOST, "PlaceList", 100),
        h.Stream(14_000, Break.DOWN, 1, 4_000),
        h.Signal(14_000, COIN),
        h.SameOwner(15_000, COIN),
        ms=60_000,
    ),
    "coins are adopted and sold, and power is lost before any of it is recorded": _plan(
        h.Funds(1_000, "COIN", "3"),
        h.Order(T, "adopt", COIN),
        h.Kill(T + 40, 7, 3_000, power=True, snapshot="fresh"),
        h.DiskFull(T + 100, 25_000),
        h.Signal(T + 4_500, COIN, "SELL", "1.02", "0.98"),
        ms=50_000,
    ),
    "the request limits are used up": _plan(h.NoBudget(T - 1_500, 4_000), BUY, h.Signal(T + 5_000, COIN), ms=30_000),
    "the disk is full": _plan(h.DiskFull(T - 500, 4_000), BUY, h.Signal(T + 5_000, COIN), ms=30_000),
    "the disk is full while an exit is wanted": _plan(
        BUY, h.DiskFull(LATER, 8_000), SELL, h.Kill(SELL.at + 500, 0), ms=60_000
    ),
    "a deposit and a withdrawal": _plan(
        BUY, h.Funds(LATER, "USDT", "500"), h.Funds(LATER + 2_000, "USDT", "-250.5"), SELL, ms=40_000
    ),
    "foreign coins and orders beside ours": _plan(
        h.ForeignTrade(1_000, COIN, "BUY", 50),
        h.ForeignOrder(1_500, COIN, "SELL"),
        BUY,
        SELL,
        h.ForeignTrade(12_000, COIN, "SELL", 20),
        ms=40_000,
    ),
}
#: By kind of request: a life in which the trader sends it, and when.
_AT_MARKET = (h.Rules(0, COIN, Rule.NO_OTO), h.Rules(0, COIN, Rule.NO_OPO))
_SINGLE_STOP = (
    BUY,
    h.Rules(LATER, COIN, Rule.NO_OCO),
    h.Rules(LATER, COIN, Rule.NO_REPLACE),
    h.ExchangeCancels(LATER + 1, COIN),
)
_LOST = h.Stream(T - 100, Break.LOST, 30)
_SENT: dict[str, tuple[int, tuple[h.Happening, ...]]] = {
    "PlaceOrder": (T - 1, (*_AT_MARKET, BUY, SELL)),
    "PlaceList": (T - 1, (BUY, h.ExchangeCancels(LATER, COIN))),
    "CancelOrder": (T + 11_000, (*_SINGLE_STOP, h.Signal(T + 12_000, COIN, "SELL", "1.02", "0.98"))),
    "CancelList": (LATER, (h.Rules(0, COIN, Rule.NO_REPLACE), BUY, SELL)),
    "ReplaceOrder": (LATER, (BUY, SELL)),
    "QueryOrder": (T, (_LOST, BUY, SELL)),
    "FetchTrades": (T, (_LOST, h.Stream(T + 1_000, Break.DOWN, 1, 1_000), BUY, SELL)),
    "FetchRules": (LATER, (BUY, h.Rules(LATER, COIN, Rule.COARSE_STEP), SELL)),
    "FetchOpenOrders": (0, (BUY, SELL)),
    "FetchAccount": (0, (BUY, SELL)),
    "FetchCommission": (0, (BUY, SELL)),
    "FetchBookTicker": (LATER, (_COINS, BUY, _ALL)),
}
for _kind, (_at, _happenings) in _SENT.items():
    for _fate_ in Fate:
        _request = h.Request(_at, _fate_, _kind, "", 1, 1_000, -1003, "Too much request weight used.")
        PLANS[f"{_kind} is {_fate_}"] = _plan(_request, *_happenings, ms=30_000)
    PLANS[f"killed before {_kind}"] = _plan(h.Kill(_at, before=_kind), *_happenings, ms=30_000)
for _fate_ in Fate:
    _request = h.Request(LATER - 1, _fate_, "", COIN, 2, 1_000, -2010, "no")
    PLANS[f"{_fate_}, while exposed"] = _plan(BUY, h.ExchangeCancels(LATER, COIN), _request, ms=30_000)
    _trail = h.Signal(T, COIN, trail="0.01", target="1.3")
    _moves = (h.Move(4_500, COIN, "1.02"), h.Move(20_000, COIN, "1.02"))
    _request = h.Request(29_000, _fate_, "ReplaceOrder", COIN, 1, 1_000, -2010, "no")
    PLANS[f"{_fate_}, while protected"] = _plan(_trail, *_moves, _request, ms=40_000)
#: What a signal may be denied for.
_HALF = h.Signal(T + 100, GOLD)
PLANS |= {
    "not enough money for one order": _plan(h.Funds(1_000, "USDT", "-9950"), h.Setting(0, "max_exposure", "3"), BUY),
    "the feeder is silent": _plan(h.FeederSilent(0, 30_000), h.Signal(15_000, COIN), ms=40_000),
    "the feeder is ill": _plan(h.Health(0, "feeder", "error", 30_000), BUY),
    "memory is ill": _plan(h.Health(0, "memory", "damaged", 30_000), BUY),
    "a signal before anything is known": _plan(h.Signal(1, COIN), BUY),
    "two signals for one symbol at once": _plan(
        _fate(0, Fate.SLOW, "PlaceList", ms=3_000),
        h.Stream(T - 100, Break.DELAYED, 8, 2_000),
        BUY,
        h.Signal(T + 10, COIN, strategy="revert"),
        ms=30_000,
    ),
    "another clock": _plan(h.Clock(1_000, -30_000), h.Signal(6_000, COIN)),
    "a step too coarse for the order": _plan(
        h.Rules(0, DUST, Rule.COARSE_STEP), h.Setting(0, "order_quote", "6"), h.Signal(T, DUST)
    ),
    "an exit is one order too many": _plan(BUY, h.Rules(LATER, COIN, Rule.FEW_ORDERS), SELL, ms=40_000),
    "a better stop is one order too many": _plan(
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        h.Rules(LATER, COIN, Rule.FEW_ORDERS),
        *(h.Move(LATER + 4_000 * number, COIN, "1.01") for number in range(1, 9)),
        ms=60_000,
    ),
    "fewer stops than legs allowed": _plan(h.Rules(0, COIN, Rule.FEW_ALGO_ORDERS), BUY, SELL),
    "the minimum notional falls": _plan(h.Rules(0, COIN, Rule.MIN_NOTIONAL_DOWN), BUY, SELL),
    **{
        f"{what} during an exit{how}": _plan(
            BUY, *fates, SELL, h.Funds(SELL.at + 300, asset, amount), h.Signal(20_000, GOLD), ms=40_000
        )
        for what, asset, amount in (
            ("coins are deposited", "COIN", "0.5"),
            ("coins are withdrawn", "COIN", "-0.3"),
            ("money is deposited", "USDT", "250"),
            ("money is withdrawn", "USDT", "-250"),
        )
        for how, fates in {
            " that is on its way": (_fate(LATER, Fate.SLOW_THERE, "ReplaceOrder", ms=2_000),),
            " that is lost": (_fate(LATER, Fate.LOST, "ReplaceOrder"),),
            " that is lost after its cancel": (
                h.Rules(0, COIN, Rule.NO_REPLACE),
                _fate(LATER, Fate.LOST, "PlaceOrder", ms=300),
            ),
        }.items()
    },
    "coins come back as somebody sells them": _plan(
        BUY,
        h.Funds(LATER, "COIN", "-0.5"),
        h.ExchangeCancels(LATER - 1, COIN),
        h.Funds(20_000, "COIN", "0.5"),
        ms=40_000,
    ),
    "bought in parts too large for one market sale": _plan(
        h.Setting(0, "order_quote", "60"),
        h.Rules(0, COIN, Rule.MARKET_LOT),
        h.Rules(0, COIN, Rule.NO_OTO),
        h.Rules(0, COIN, Rule.NO_OPO),
        BUY,
    ),
    "the clock is far off": _plan(h.Clock(500, 7_200_000), h.Signal(6_000, COIN)),
    "an exit lost in a crash, far below its stop": _plan(
        h.Signal(1_900, COIN), h.Move(1_936, COIN, "0.9"), h.Kill(1_968, 3), ms=30_000
    ),
    "an exit is lost, far below its stop": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        _fate(LATER, Fate.LOST, "PlaceOrder", ms=100),
        h.Stream(LATER, Break.DOWN, 1, 300),
        SELL,
        h.Move(SELL.at + 20, COIN, "0.9"),
        ms=40_000,
    ),
    "leftover sell orders": _plan(
        BUY, h.Stream(LATER, Break.LOST, 40), h.Kill(LATER + 1, 0), h.Move(LATER + 10, COIN, "0.9"), ms=40_000
    ),
    "ARES is ill": _plan(h.Health(0, "ares", "error", 30_000), BUY),
    "a signal of another mode": _plan(h.Signal(T, COIN, mode="live")),
    "a signal beyond its levels": _plan(h.Signal(T, COIN, entry="0.99", target="0.995")),
    "a signal far from the price": _plan(h.Signal(T, COIN, entry="1.5", target="1.6")),
    "a signal without sense": _plan(h.Signal(T, COIN, confidence=0.0)),
    "a signal too old": _plan(h.Signal(T, COIN, age_ms=30_000)),
    "a signal told twice": _plan(h.Signal(T, COIN, times=2)),
    "a second signal for what is held": _plan(BUY, h.Signal(T + 4_000, COIN)),
    "ARES is silent": _plan(h.Health(0, "ares", "silent", 60_000), h.Signal(45_000, COIN), ms=50_000),
    "memory is silent": _plan(h.Health(0, "memory", "silent", 30_000), h.Signal(20_000, COIN), ms=25_000),
    "the clock is off": _plan(h.Clock(1_000, 30_000), BUY),
    "not enough money": _plan(h.Funds(1_000, "USDT", "-9950"), h.Setting(0, "max_exposure", "1"), BUY),
    "an entry too soon": _plan(
        h.Setting(0, "cooldown", "30"), BUY, SELL, h.Signal(T + 9_000, COIN), h.Signal(T + 9_500, COIN)
    ),
    "too much exposed": _plan(h.Setting(0, "max_exposure", "0.0101"), BUY, _HALF),
    "an entry is made as small as the exposure left": _plan(h.Setting(0, "max_exposure", "0.015"), BUY, _HALF),
    "too many positions": _plan(h.Setting(0, "max_positions", "1"), BUY, _HALF),
    "an order too large": _plan(h.Setting(0, "order_quote", "9000000"), h.Setting(0, "max_exposure", "1"), BUY),
    "an order too small": _plan(h.Setting(0, "order_quote", "1"), BUY),
    "a symbol that nobody watches": _plan(h.Setting(0, "symbols", GOLD), BUY),
    "a symbol without stop orders": _plan(h.Rules(0, COIN, Rule.NO_STOPS), BUY),
    "another quote asset": _plan(h.Setting(0, "quote", "BTC"), BUY),
    "a signal from the future": _plan(h.Signal(T, COIN, age_ms=-8_000)),
    "a strategy pauses after its stop": _plan(
        h.Signal(T, COIN, cooldown_bars=3), h.Move(LATER, COIN, "0.979"), h.Signal(LATER + 4_000, COIN)
    ),
    "a halted symbol": _plan(h.Status(0, COIN, "HALT", 30_000), h.Signal(10_000, COIN), ms=40_000),
    "reducing": _plan(h.Setting(0, "trading_state", "reducing"), BUY),
    "stops in a row quarantine a strategy, and a profit releases it": _plan(
        h.Setting(0, "max_strategy_stops", "2"),
        h.Setting(0, "max_symbol_stops", "2"),
        h.Setting(0, "quarantine_seconds", "15"),
        *_stopped(T),
        *_stopped(T + 6_000),
        h.Kill(T + 11_000),
        h.Signal(T + 13_000, GOLD),
        h.Signal(T + 14_000, COIN),
        h.Signal(T + 30_000, COIN, target="1.004"),
        h.Move(T + 32_000, COIN, "1.01"),
        h.Signal(T + 38_000, GOLD),
        ms=50_000,
    ),
    "the protection is lost again and again": _plan(
        h.Setting(0, "max_repairs", "2"),
        BUY,
        *(h.ExchangeCancels(LATER + 1_000 * number, COIN) for number in range(5)),
        h.Signal(LATER + 8_000, COIN),
        ms=40_000,
    ),
    "a strategy and a symbol are quarantined by hand": _plan(
        h.Order(1_000, "quarantine", "trend"),
        BUY,
        h.Order(5_000, "release", "trend"),
        h.Order(5_500, "quarantine", COIN),
        h.Kill(6_000),
        h.Signal(9_000, COIN),
        h.Signal(25_000, COIN),
        ms=40_000,
    ),
    "a day's loss, over a restart": _plan(
        h.Setting(0, "losses", "0.0005,1,1,1"), _FAR, h.Move(LATER, COIN, "0.9"), h.Kill(12_000), _HALF_LATE, ms=30_000
    ),
    "a drawdown that is said, stops entries, and closes everything, over a restart": _plan(
        h.Setting(0, "losses", "1,0.0002,0.0005,0.0012"),
        _FAR,
        h.Move(LATER, COIN, "0.97"),
        h.Move(12_000, COIN, "0.97"),
        _HALF_LATE,
        h.Move(21_000, COIN, "0.93"),
        h.Kill(24_200, 1),
        h.Signal(32_000, GOLD),
        h.Order(36_000, "accept", "drawdown"),
        h.Signal(40_000, GOLD),
        ms=50_000,
    ),
    "a drawdown that has recovered": _plan(
        h.Setting(0, "losses", "1,0.0002,0.0005,0.01"),
        _FAR,
        h.Move(LATER, COIN, "0.93"),
        _HALF_LATE,
        h.Move(22_000, COIN, "1.08"),
        h.Signal(28_000, GOLD),
        ms=40_000,
    ),
    "a sale asked for by another strategy": _plan(BUY, replace(SELL, strategy="revert"), ms=30_000),
    "a target fills before the trades of its entry are known": _plan(
        h.Kill(8_717, 3, 500, power=True),
        h.Signal(9_925, GOLD, target="1.02", trail="0.003", age_ms=50, strategy="revert"),
        h.Move(10_893, GOLD, "1.04", 10),
        ms=12_000,
        seed=103_197,
    ),
    "killed between the end of a stop and the fill of its target": _plan(
        h.Signal(3_027, DUST, target="1.02", age_ms=300, strategy="revert", times=2),
        h.Kill(7_462, 4, 500, snapshot="none"),
        h.Signal(7_696, DUST, age_ms=300),
        h.Signal(7_747, GOLD, "SELL", "1.02", "0.98"),
        h.Signal(8_374, DUST, age_ms=300),
        h.Move(8_539, DUST, "1.04", 2),
        ms=12_000,
        seed=102_921,
    ),
    "an entry is known to be filled, and its trades cannot be read": _plan(
        h.Signal(3_112, GOLD, cooldown_bars=3, strategy="revert"),
        h.Kill(4_998, 4, snapshot="none", executes=False),
        h.Kill(20_073, 0, 3_000, power=True, snapshot="none"),
        h.Outage(20_460, 8_000, executes=True),
        h.Outage(29_076, 1_000, executes=True),
        ms=60_000,
        seed=603_929,
    ),
    "a stop fills before the end of its entry is known": _plan(
        h.Request(2_417, Fate.LOST, "FetchOpenOrders", count=6),
        h.Kill(10_121, 4, 3_000, snapshot="none"),
        h.Request(10_154, Fate.LOST, "FetchTrades", ms=3_000),
        h.Signal(10_230, GOLD, stop="0.995", target="1.02", trail="0.01", max_bars=1, strategy="revert", times=2),
        h.Move(12_708, GOLD, "0.9"),
        seed=120_988,
    ),
    "an exit is wanted, and the venue is wiped twice": _plan(
        h.Signal(16_521, DUST, stop="0.995", trail="0.003", age_ms=300, times=2),
        h.Kill(27_402, 4, snapshot="fresh"),
        h.Signal(31_608, DUST, "SELL", "1.02", "0.98", age_ms=12_000),
        h.Wiped(37_935),
        ms=40_000,
        seed=122_179,
    ),
    "a target that fills before it was seen working": _plan(
        h.Stream(T - 100, Break.LOST, 30),
        _fate(0, Fate.SLOW, "PlaceList"),
        h.Signal(T, COIN, target="1.004"),
        h.Move(T + 500, COIN, "1.005"),
        ms=30_000,
    ),
    "a target that is partly filled before it was seen working": _plan(
        h.Stream(T - 100, Break.LOST, 30),
        _fate(0, Fate.SLOW, "PlaceList"),
        h.Signal(T, COIN, target="1.004"),
        h.Thin(T + 400, COIN, 30, 1, 20_000),
        h.Move(T + 500, COIN, "1.005"),
        ms=30_000,
    ),
    "a target that is partly filled, and nobody knows that it was placed": _plan(
        h.Signal(T, COIN, target="1.004"),
        h.ExchangeCancels(LATER, COIN),
        h.Stream(LATER + 1, Break.LOST, 60),
        _fate(LATER - 1, Fate.UNKNOWN, "PlaceList", ms=1_500),
        h.Thin(LATER + 600, COIN, 30, 1, 20_000),
        h.Move(LATER + 700, COIN, "1.005"),
        ms=40_000,
    ),
    "a person cancels what was not answered yet": _plan(
        BUY,
        h.ExchangeCancels(LATER, COIN),
        h.Stream(LATER + 1, Break.LOST, 4),
        _fate(LATER - 1, Fate.SLOW, "PlaceList", ms=3_000),
        h.PersonCancels(LATER + 700, COIN),
        ms=40_000,
    ),
    "halted, and the sale is told rejected before it is answered": _plan(
        BUY,
        # Its rules were read at the start, less than five seconds before.
        h.Status(T + 1_000, COIN, "HALT", 5_000),
        _fate(T + 1_000, Fate.SLOW, "ReplaceOrder", ms=2_000),
        h.Signal(T + 1_500, COIN, "SELL", "1.02", "0.98"),
        ms=60_000,
    ),
    "a person cancels the protection": _plan(BUY, h.PersonCancels(LATER, COIN)),
    **{
        f"a person cancels the protection {after // 1_000} s after the stream fell silent": _plan(
            BUY, h.Stream(LATER, Break.LOST, 60), h.PersonCancels(LATER + after, COIN), ms=100_000
        )
        for after in (1_000, 9_000, 30_000)
    },
    "a person cancels what was not seen working yet": _plan(
        h.Stream(T - 100, Break.LOST, 30), BUY, h.PersonCancels(T + 80, COIN), ms=30_000
    ),
    "a person cancels what was placed without an answer": _plan(
        BUY,
        h.ExchangeCancels(LATER, COIN),
        _fate(LATER, Fate.UNKNOWN, "PlaceList", ms=2_000),
        h.Stream(LATER + 1, Break.LOST, 30),
        h.PersonCancels(LATER + 700, COIN),
        ms=40_000,
    ),
    **{
        f"a person cancels the protection, and an order of their own locks {what}{how}": _plan(
            BUY, h.PersonSells(LATER, COIN, share, rests=True), *more, ms=60_000
        )
        for what, share in (("some coins", "0.7"), ("all coins", "1"))
        for how, more in (
            ("", ()),
            (", for a while", (h.PersonCancels(20_000, COIN),)),
            (", and the position is to be closed", (SELL,)),
            (", and it is flattened", (h.Order(SELL.at, "flatten", COIN),)),
        )
    },
    **{
        f"an exit that cancels first fails for a while{how}, and an order of a person locks some coins": _plan(
            h.Rules(0, COIN, Rule.NO_REPLACE),
            _fate(T, fate, "PlaceOrder", 300, count=3),
            BUY,
            h.PersonSells(T + 450, COIN, "0.7", rests=True),
            SELL,
            ms=40_000,
        )
        for how, fate in (("", Fate.NO_CONNECTION), (" unsent", Fate.NOT_SENT))
    },
    **{
        f"a person sells {what}{how}": _plan(BUY, *more, h.PersonSells(LATER, COIN, share), ms=60_000)
        for what, share in (("a part of it", "0.3"), ("all of it", "1"))
        for how, more in (
            ("", ()),
            (", and accepts it", (h.Order(40_000, "accept", COIN),)),
            (" while it is being sold", (h.Signal(LATER - 20, COIN, "SELL", "1.02", "0.98"),)),
            (", and the trader is killed", (h.Kill(LATER - 10, 0, 400),)),
        )
    },
    **{
        f"an outage while an exit is wanted that cancels first{how}": _plan(
            h.Rules(0, COIN, Rule.NO_REPLACE), BUY, h.Outage(SELL.at - 10, 8_000, executes), SELL, ms=40_000
        )
        for how, executes in (("", False), (", and executes everything", True))
    },
    "the venue is wiped, others trade, and what is canceled first is not there": _plan(
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        h.Wiped(LATER),
        h.ForeignTrade(LATER + 50, COIN, "BUY", 20),
        SELL,
        ms=40_000,
    ),
    "the venue is wiped, and another trader's stop locks what it bought since": _plan(
        h.Rules(0, DUST, Rule.NO_REPLACE),
        h.Signal(T, DUST, stop="0.995", target="1.3", max_bars=1),
        h.Wiped(9_000),
        h.Twin(9_200),
        h.Signal(17_000, DUST, strategy="revert"),
        ms=20_000,
    ),
    "coins are to be adopted on a full disk": _plan(
        h.Funds(1_000, "COIN", "3"),
        h.DiskFull(T - 100, 8_000),
        h.Order(T, "adopt", COIN),
        h.Kill(T + 500, 0, 400),
        h.Move(T + 1_000, COIN, "0.9"),
    ),
    "killed before an adoption is recorded": _plan(
        h.Funds(1_000, "COIN", "3"), h.Kill(T - 1, 0, 3_000, before="Record"), h.Order(T, "adopt", COIN)
    ),
    "a stop with a limit rests after its trigger, as open orders alone tell": _plan(
        h.Rules(0, COIN, Rule.LIMITED_STOPS),
        h.Rules(0, COIN, Rule.NO_REPLACE),
        BUY,
        _fate(T, Fate.UNKNOWN, "QueryOrder", ms=50, count=6),
        h.Move(LATER, COIN, "0.9"),
        ms=30_000,
    ),
    "the venue is wiped, and BNB of others pays a commission": _plan(
        h.Signal(T, BNB), h.Wiped(6_000), h.PaidInBnb(6_100, "0.0002"), h.Signal(14_000, COIN), ms=30_000
    ),
    "commissions are paid in own BNB, and no stream tells what is left": _plan(
        h.PaidInBnb(0, "0"),
        h.Signal(T + 1_000, COIN),
        h.Signal(T + 1_200, BNB),
        h.Stream(T + 1_500, Break.DOWN, 1, 25_000),
        SELL,
        h.Signal(SELL.at + 3_000, COIN),
        ms=30_000,
    ),
    "an exit in a thin book, where stops are taken no more": _plan(
        h.Signal(T, COIN, target="1.3", trail="0.003", max_bars=1),
        h.Thin(LATER + 200, COIN, 5, 1, 25_000),
        h.Rules(LATER + 250, COIN, Rule.NO_STOPS),
        ms=40_000,
    ),
    "others sell their coins, and no query finds whose sale it was for long": _plan(
        h.Funds(1_000, "COIN", "3"),
        BUY,
        h.StaleReplica(LATER - 100, 25_000),
        h.ForeignTrade(LATER, COIN, "SELL", 50),
        h.Kill(LATER + 500, 0, 400),
        ms=40_000,
    ),
    "all own BNB is sold, and BNB of others pays the commission": _plan(
        h.Funds(1_000, "BNB", "3"),
        h.Order(2_500, "adopt", BNB, strategy="trend"),
        h.PaidInBnb(6_000, "1"),
        h.Signal(9_000, BNB, "SELL", "1.02", "0.98"),
        ms=30_000,
    ),
    "a finer step lets the stop cover more": _plan(
        h.Rules(0, COIN, Rule.COARSE_STEP), h.Signal(T, COIN, target="1.3"), h.Rules(11_700, COIN, Rule.NORMAL)
    ),
    "a person sells a part while the stop is placed again, and the trader is killed": _plan(
        BUY, h.PersonSells(LATER, COIN, "0.7"), h.Kill(LATER + 20, 1, 500, snapshot="none", before="PlaceList")
    ),
    **{
        f"a person sells a part, and what became of the new protection is unknown{how}": _plan(
            BUY, h.PersonSells(LATER, COIN, "0.7"), *more, ms=60_000
        )
        for how, more in (
            (", in an outage", (h.Outage(LATER - 100, 8_000),)),
            (", in an outage that executes everything", (h.Outage(LATER - 100, 8_000, executes=True),)),
            (", its answer lost", (_fate(LATER - 10, Fate.UNKNOWN, "PlaceList", 100),)),
            (", on its way", (_fate(LATER - 10, Fate.LOST, "PlaceList", 100),)),
            (", and it executes later", (_fate(LATER - 10, Fate.LATE, "PlaceList", 4_000),)),
            (", and the trader is killed at its refusal", (h.Kill(LATER + 30, 4, 500, snapshot="fresh"),)),
        )
    },
    **{
        f"what became of the new protection is unknown, {how}": _plan(BUY, *more, ms=60_000)
        for how, more in (
            (
                "and an order of a person locks some coins",
                (_fate(LATER - 10, Fate.LOST, "PlaceList", 100), h.PersonSells(LATER, COIN, "0.7", rests=True)),
            ),
            (
                "and an order of a person locks some coins, in an outage",
                (h.Outage(LATER - 100, 8_000), h.PersonSells(LATER, COIN, "0.7", rests=True)),
            ),
            (
                "and a person withdraws some coins",
                (h.Outage(LATER - 100, 8_000), h.PersonCancels(LATER, COIN), h.Funds(LATER + 50, "COIN", "-0.5")),
            ),
            (
                "and a person withdraws coins of others with it",
                (
                    h.Funds(1_000, "COIN", "0.3"),
                    h.Outage(LATER - 100, 8_000),
                    h.PersonCancels(LATER, COIN),
                    h.Funds(LATER + 50, "COIN", "-0.5"),
                ),
            ),
        )
    },
    "a person withdraws what the stop leaves out, and the trader is killed as the stop is placed again": _plan(
        BUY,
        h.Funds(LATER, "COIN", "-0.3"),
        h.Kill(LATER + 50, 4, 3_000, snapshot="fresh"),
        h.Delisted(LATER + 100, COIN, 1_000),
        ms=60_000,
    ),
    "all is canceled where few orders are allowed, and another directory is the first to protect again": _plan(
        h.Twin(0), BUY, h.Rules(LATER, COIN, Rule.FEW_ORDERS), h.PersonCancels(LATER + 300, COIN), ms=120_000
    ),
    "a stop that trails would trigger at once, and what it covers cannot be sold": _plan(
        h.Rules(0, COIN, Rule.MARKET_LOT),
        h.Signal(T, COIN, trail="0.01", target="1.3"),
        h.WrongQuotes(LATER, COIN, "0.1", 25_000),
        ms=60_000,
    ),
    "coins are adopted, and what became of their protection is unknown": _plan(
        _COINS, _fate(LATER - 10, Fate.LOST, "PlaceOrder", 100), h.Order(LATER, "adopt", COIN), ms=40_000
    ),
    **{
        f"the stop of another directory leaves no room for a sale{how}": _plan(
            h.Twin(0), BUY, h.Rules(LATER, COIN, Rule.FEW_ORDERS), *more, ms=90_000
        )
        for how, more in (
            (", flattened", (h.Order(20_000, "flatten", COIN),)),
            (", a signal sells", (h.Signal(20_000, COIN, "SELL", "1.02", "0.98"),)),
            (", until it is allowed again", (h.Order(20_000, "flatten", COIN), h.Rules(60_000, COIN, Rule.NORMAL))),
            (", and the trader is killed", (h.Order(20_000, "flatten", COIN), h.Kill(40_000, 0, 400))),
        )
    },
    "all BNB is sold, and its commission is to be paid in BNB": _plan(
        h.PaidInBnb(0, "0"), h.Signal(T, BNB), h.Order(LATER, "flatten", BNB), ms=30_000
    ),
    "wiped before the protection was seen working": _plan(
        h.Stream(T - 100, Break.LOST, 30), BUY, h.Wiped(T + 80), ms=60_000
    ),
    **{
        f"power lost, and wiped before a filled sale was told in full{what}": _plan(
            h.Signal(3_028, DUST, strategy="revert", target="1.02", age_ms=50),
            h.Order(3_303, "flatten", "", foreign=True),
            h.Kill(4_116, 0, 3_000, power=True, snapshot="old"),
            h.Wiped(7_702),
            *ends,
            ms=130_000,
            seed=900_214,
        )
        for what, ends in (
            ("", ()),
            (
                ", and all is accepted, and it buys again",
                (
                    h.Order(60_000, "accept", DUST),
                    h.Order(62_000, "accept", ""),
                    h.Order(63_000, "resume", ""),
                    h.Order(90_000, "accept", DUST),
                    h.Signal(100_000, DUST),
                ),
            ),
        )
    },
    "power lost, an entry's trades read before its name, and the venue is wiped between": _plan(
        h.Signal(T, GOLD, strategy="revert", stop="0.995"),
        h.Kill(6_519, 5, 100, power=True, snapshot="none", executes=False),
        h.Signal(8_028, GOLD, "SELL", "1.02", "0.98"),
        h.Signal(11_028, GOLD, target="1.3"),
        h.ExchangeCancels(11_232, GOLD),
        h.Signal(11_275, GOLD, strategy="revert"),
        h.Wiped(11_396),
        ms=51_028,
        seed=822_361,
    ),
    "disk full, killed, an entry's trades read before a slow query, and the venue is wiped": _plan(
        h.Signal(T, DUST, trail="0.003", target="1.005", cooldown_bars=3),
        h.Signal(4_753, COIN, stop="0.995", cooldown_bars=3),
        h.DiskFull(4_767, 8_000),
        h.Request(6_270, Fate.SLOW, "QueryOrder", ms=12_000),
        h.Kill(7_615, 2, 500, snapshot="fresh", executes=False),
        h.Wiped(18_951),
        ms=53_951,
        seed=822_122,
    ),
    "wiped, bought by others, and the trader is killed as it sells them": _plan(
        h.Signal(T, COIN, strategy="revert", stop="0.995", max_bars=1),
        h.Signal(5_284, GOLD, strategy="revert", stop="0.9", target="1.005", cooldown_bars=3),
        h.Wiped(6_938),
        h.ForeignTrade(19_899, COIN, "BUY", 20),
        h.Kill(19_959, 5, 500),
        ms=34_863,
        seed=53_998,
    ),
    "wiped while a target is partly filled": _plan(
        BUY, h.Thin(LATER, COIN, 30, 1, 60_000), h.Move(LATER + 500, COIN, "1.0301"), h.Wiped(LATER + 700), ms=60_000
    ),
    **{
        f"power lost, and wiped before a filled entry was told in full{what}": _plan(
            h.Kill(T - 80, 4, 3_000, power=True, snapshot="fresh", executes=False),
            BUY,
            h.Wiped(T + 3_300),
            *ends,
            ms=130_000,
            seed=504303,
        )
        for what, ends in (
            ("", ()),
            (", and its symbol is accepted", (h.Order(60_000, "accept", COIN),)),
            (
                ", and all is accepted, and it buys again",
                (h.Order(60_000, "accept", COIN), h.Order(62_000, "accept", ""), h.Signal(64_000, COIN)),
            ),
        )
    },
}
for _power in (False, True):
    for _skip in range(12):
        for _name, _happenings in (
            ("an entry", (BUY,)),
            ("an exit", (BUY, SELL)),
            ("a stop that fills", (BUY, h.Move(SELL.at, COIN, "0.979"))),
            ("a target that fills", (BUY, h.Move(SELL.at, COIN, "1.04"))),
            ("an exit by cancel and sale", (h.Rules(0, COIN, Rule.NO_REPLACE), BUY, SELL)),
            ("a part exit", (BUY, HALF)),
            ("an addition", (BUY, MORE)),
            ("a part exit by cancel and sale", (h.Rules(0, COIN, Rule.NO_REPLACE), BUY, HALF)),
        ):
            _at = _happenings[-1].at - 1
            _kill = h.Kill(_at, _skip, 800, _power, ("fresh", "old", "none")[_skip % 3], executes=_skip % 2 == 0)
            _what = "power lost" if _power else "killed"
            PLANS[f"{_what} before effect {_skip} of {_name}"] = _plan(_kill, *_happenings, ms=30_000)
