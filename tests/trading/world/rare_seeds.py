"""Makes plans that gather trouble around the turns of one position: an exit, a stop, a trail, rules that change.

In the plans of ``seeds`` most troubles meet a symbol in which nothing happens; here they meet each other.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from random import Random

from tests.trading.world import happenings as h
from tests.trading.world.happenings import Break, Fate, Happening, Plan, Rule
from tests.trading.world.seeds import (
    CODES,
    MORE_TROUBLES,
    NAMES,
    TROUBLES,
    additions,
    kill,
    limited,
    part_sales,
    request,
)

_Maker = Callable[[Random, int], Happening]
_Turn = Callable[[Random, int, str], list[Happening]]
_BNB = "BNBUSDT"
#: When the first position is opened.
_FIRST = 3_000


def make_rare_plan(seed: int) -> Plan:
    """Return the plan of a seed."""
    random = Random(f"rare {seed}")
    symbol = random.choice((NAMES[0], *NAMES))
    found: list[Happening] = [h.Rules(0, symbol, rule) for rule in random.choice(_GROUNDS)]
    found += _company(random)
    has_bnb = any(isinstance(one, h.PaidInBnb) for one in found)
    found += _entries(random, symbol, has_bnb)
    end = _FIRST
    for _ in range(random.choice((1, 1, 2, 3))):
        turned = _BNB if has_bnb and random.random() < 0.3 else symbol
        turns = random.choice(_TURNS)(random, end + random.randint(2_000, 5_000), turned)
        found, end = found + turns, max(one.at for one in turns)
        if random.random() < 0.5:
            end += random.choice((3_000, 8_000, 20_000))
            found.append(_buy(random, end, symbol))
    found += _troubles(random, [one.at for one in found if one.at], symbol)
    ms = end + random.choice((2_000, 15_000, 40_000))
    found += [*part_sales(f"rare {seed}", found, ms), *additions(f"rare {seed}", found, ms), *limited(seed, ms)]
    return Plan(seed, tuple(sorted(found, key=lambda one: one.at)), ms)


def _company(random: Random) -> list[Happening]:
    """Commissions in BNB, a second trader on the account: in some lives, mostly from the beginning."""
    found: list[Happening] = []
    if random.random() < 0.2:
        found.append(h.PaidInBnb(random.choice((0, 0, 6_000)), random.choice(("0", "0.0002", "1"))))
    if random.random() < 0.15:
        found.append(h.Twin(random.choice((0, 0, 6_000))))
    return found


def _entries(random: Random, symbol: str, has_bnb: bool) -> list[Happening]:
    found: list[Happening] = [_buy(random, _FIRST, symbol)]
    if has_bnb and random.random() < 0.7:
        found.append(_buy(random, _FIRST + random.choice((-500, 100, 3_000)), _BNB))
    if random.random() < 0.3:
        found.append(_buy(random, _FIRST + random.randint(0, 3_000), random.choice(NAMES)))
    return found


def _buy(random: Random, at: int, symbol: str) -> h.Signal:
    return h.Signal(
        at,
        symbol,
        stop=random.choice(("0.98", "0.98", "0.995", "0.9")),
        target=random.choice(("1.03", "1.005", "1.3")),
        trail=random.choice((None, None, "0.01", "0.003")),
        max_bars=random.choice((None, None, None, 1)),
        cooldown_bars=random.choice((0, 0, 3)),
        strategy=random.choice(("trend", "revert")),
    )


def _troubles(random: Random, moments: list[int], symbol: str) -> list[Happening]:
    """Troubles close to those moments, to each other, and to each other's ends; mostly of one symbol."""
    found: list[Happening] = []
    for _ in range(random.choice((1, 2, 2, 3, 3, 4, 5))):
        after = random.choice((random.randint(-100, 600), random.randint(-30, 120)))
        trouble = random.choice(_NEAR)(random, max(random.choice(moments) + after, 0))
        if getattr(trouble, "symbol", "") in NAMES and random.random() < 0.85:
            trouble = _in_symbol(trouble, symbol)
        found.append(trouble)
        moments += [trouble.at, trouble.at + getattr(trouble, "ms", 0)]
    return found


def _in_symbol(trouble: Happening, symbol: str) -> Happening:
    assert "symbol" in {field.name for field in fields(trouble)}
    return replace(trouble, symbol=symbol)  # type: ignore[call-arg]


#: What the symbol allows from the beginning.
_GROUNDS: tuple[tuple[Rule, ...], ...] = (
    (),
    (),
    (),
    (Rule.NO_OPO,),
    (Rule.NO_OTO, Rule.NO_OPO),
    (Rule.NO_OTO, Rule.NO_OPO),
    (Rule.NO_OTO, Rule.NO_OPO, Rule.NO_OCO),
    (Rule.NO_OTO, Rule.NO_OPO, Rule.MARKET_LOT, Rule.NO_REPLACE),
    (Rule.NO_REPLACE,),
    (Rule.NO_REPLACE, Rule.NO_OCO, Rule.NO_OTO, Rule.NO_OPO),
    (Rule.LIMITED_STOPS,),
    (Rule.LIMITED_STOPS, Rule.NO_REPLACE),
    (Rule.FEW_ORDERS,),
    (Rule.FEW_ALGO_ORDERS,),
    (Rule.MAX_POSITION,),
    (Rule.MARKET_LOT,),
    (Rule.MARKET_LOT, Rule.NO_REPLACE),
    (Rule.COARSE_STEP,),
    (Rule.FINE_STEP,),
    (Rule.MIN_NOTIONAL_DOWN,),
)


# Turns


def _sell(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Signal(at, symbol, "SELL", "1.02", "0.98")]


def _fall(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Move(at, symbol, random.choice(("0.979", "0.979", "0.994", "0.9", "0.89")), random.choice((1, 1, 5)))]


def _rise(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Move(at, symbol, random.choice(("1.0051", "1.031", "1.31")), random.choice((1, 1, 5)))]


def _fall_and_rise(random: Random, at: int, symbol: str) -> list[Happening]:
    back = at + random.choice((30, 60, 120, 300, 1_000))
    return [h.Move(at, symbol, "0.979"), h.Move(back, symbol, random.choice(("1.0215", "1.06")))]


def _climb(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Move(at + 3_000 * number, symbol, random.choice(("1.01", "1.02", "0.995"))) for number in range(5)]


def _flatten(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Order(at, random.choice(("flatten", "close")), random.choice((symbol, "")))]


def _flatten_and_resume(random: Random, at: int, symbol: str) -> list[Happening]:
    resumed = at + random.choice((100, 500, 3_000))
    again = _buy(random, resumed + random.choice((100, 1_000)), symbol)
    return [h.Order(at, "flatten", symbol), h.Order(resumed, "resume", symbol), again]


def _lose_protection(random: Random, at: int, symbol: str) -> list[Happening]:
    who = random.choice((h.ExchangeCancels, h.PersonCancels))
    return [who(at + 700 * number, symbol) for number in range(random.choice((1, 1, 2, 7)))]


def _lose_money(random: Random, at: int, symbol: str) -> list[Happening]:
    limits = random.choice(("1,0.0002,0.0005,0.0012", "0.0005,1,1,1"))
    fall = h.Move(at, symbol, random.choice(("0.985", "0.9")))
    return [h.Setting(0, "losses", limits), fall, h.Order(at + 8_000, "accept", "drawdown")]


def _change_rules(random: Random, at: int, symbol: str) -> list[Happening]:
    then = random.choice((_sell, _fall, _climb))(random, at + random.choice((10, 200, 1_500, 6_000)), symbol)
    return [h.Rules(at, symbol, random.choice(list(Rule))), *then]


def _stop_trading(random: Random, at: int, symbol: str) -> list[Happening]:
    halts: tuple[Happening, ...] = (
        h.Status(at, symbol, "HALT", 4_000),
        h.Status(at, symbol, "BREAK", 15_000),
        h.Delisted(at, symbol, 8_000),
        h.Gone(at, symbol, 8_000),
    )
    then = random.choice((_sell, _fall, _flatten))(random, at + random.choice((10, 200, 1_500)), symbol)
    return [random.choice(halts), *then]


def _wipe(random: Random, at: int, symbol: str) -> list[Happening]:
    return [h.Wiped(at)]


def _move_coins(random: Random, at: int, symbol: str) -> list[Happening]:
    coins = h.Funds(at - 200, symbol.removesuffix("USDT"), random.choice(("3", "0.4", "-0.3")))
    return [coins, *random.choice((_sell, _fall, _flatten))(random, at, symbol)]


def _adopt(random: Random, at: int, symbol: str) -> list[Happening]:
    coins = h.Funds(1_000, symbol.removesuffix("USDT"), "3")
    adoption = h.Order(2_500, "adopt", symbol, strategy=random.choice(("trend", "trend", "revert", "")))
    return [coins, adoption, *_sell(random, at, symbol)]


def _sell_by_hand(random: Random, at: int, symbol: str) -> list[Happening]:
    sale = h.PersonSells(at, symbol, random.choice(("1", "0.3", "0.7")), random.random() < 0.5)
    later = at + random.choice((200, 1_500, 8_000))
    ends: tuple[Happening, ...] = (h.Order(later, "accept", symbol), h.PersonCancels(later, symbol))
    return [sale, random.choice((*ends, *_fall(random, later, symbol)))]


_TURNS: tuple[_Turn, ...] = (
    _sell,
    _sell,
    _fall,
    _fall,
    _rise,
    _fall_and_rise,
    _climb,
    _climb,
    _flatten,
    _flatten_and_resume,
    _lose_protection,
    _lose_money,
    _change_rules,
    _change_rules,
    _stop_trading,
    _move_coins,
    _adopt,
    _sell_by_hand,
    _wipe,
)


# Troubles


def _ms(random: Random) -> int:
    return random.choice((100, 300, 1_000, 3_000, 8_000, 12_000))


def _changing_request(random: Random, at: int) -> Happening:
    kinds = ("ReplaceOrder", "PlaceOrder", "CancelList", "PlaceList", "QueryOrder", "FetchTrades", "FetchAccount",
             "FetchOpenOrders")  # fmt: skip
    fate, (code, text) = random.choice(list(Fate)), random.choice(CODES)
    return h.Request(at, fate, random.choice(kinds), "", random.choice((1, 1, 2)), _ms(random), code, text)


def _setting(random: Random, at: int) -> Happening:
    return h.Setting(at, *random.choice(_SETTINGS))


_SETTINGS = (
    ("max_repairs", "1"),
    ("max_symbol_stops", "1"),
    ("max_strategy_stops", "1"),
    ("quarantine_seconds", "15"),
    ("order_quote", "3000"),
    ("order_quote", "60"),
    ("exit_any_strategy", "true"),
    ("trading_state", "halted"),
    ("trading_state", "active"),
    ("orders_minute", "2"),
    ("max_price_gap", "0.001"),
)


def _wish(random: Random, at: int) -> Happening:
    kind = random.choice(("flatten", "close", "resume", "accept", "accept", "quarantine", "release", "adopt"))
    return h.Order(at, kind, random.choice((NAMES[0], NAMES[0], "")))


def _other_wish(random: Random, at: int) -> Happening:
    return h.Order(at, *random.choice((("accept", "drawdown"), ("quarantine", "trend"), ("release", "trend"))))


_NEAR: tuple[_Maker, ...] = (
    *TROUBLES,
    *MORE_TROUBLES,
    request,
    request,
    request,
    kill,
    kill,
    kill,
    _changing_request,
    _setting,
    _wish,
    _other_wish,
    lambda r, at: _sell_by_hand(r, at, NAMES[0])[0],
    lambda r, at: h.Stream(at, r.choice(list(Break)), r.choice((1, 3, 20, 60)), _ms(r)),
    lambda r, at: h.StaleReplica(at, r.choice((3_000, 25_000))),
    lambda r, at: h.Rules(at, NAMES[0], r.choice(list(Rule))),
    lambda r, at: h.Twin(at),
    lambda r, at: h.PaidInBnb(at, r.choice(("0", "0.0002", "1"))),
    lambda r, at: h.Move(at, NAMES[0], r.choice(("1.002", "0.994", "1.006", "0.98", "1.04", "0.9"))),
    lambda r, at: h.Signal(at, NAMES[0], r.choice(("BUY", "SELL")), strategy="revert"),
)
