"""Whether a signal from outside becomes a signal of the history, and as what. Pure.

Only what the trader cannot judge is refused here: what was issued too long ago to open anything now, has the name of
another, or no price. Whether it is sensible, allowed and affordable, the trader's guardrails say, as of any signal.
"""

from collections.abc import Collection
from math import inf
from typing import Final, NamedTuple

from cq_tui.contracts.events import SignalGenerated
from cq_tui.contracts.freshness import Ahead, Fresh, Stale, classify_age
from cq_tui.contracts.outside_signals import OutsideSignal
from cq_tui.contracts.tickers import Ticker

#: Of whoever does not say how sure he is.
_FULLY_SURE: Final = 1.0


class Circumstances(NamedTuple):
    """What a signal is judged by."""

    #: This computer's time and the exchange's, Unix seconds.
    now: float
    exchange_now: float
    #: Oldest signal and price that may open a position, in seconds.
    freshness: float
    #: Base interval, such as ``5m``.
    interval: str
    #: Names that belong to strategies of ARES.
    reserved: Collection[str]
    #: The last ticker of the symbol; None if there is none.
    ticker: Ticker | None
    #: Why nothing may be opened on the feeder's data; empty if it may.
    feeder_problem: str = ""


class Refusal(ValueError):
    """Why a signal is not taken, with the next step."""


def judge(signal: OutsideSignal, issued: float, seen: Circumstances) -> SignalGenerated:
    """Return the payload of the signal's event. ``issued`` in Unix seconds. Raises Refusal.

    What reduces risk is taken at any age, from the last price that is known: the trader still closes only a position
    that is older than the signal.
    """
    if signal.strategy in seen.reserved:
        raise Refusal(f"strategy {signal.strategy} is one of ARES. Give this signal's strategy another name")
    age = _age(signal, issued, seen)
    if signal.side == "BUY" and seen.feeder_problem:
        raise Refusal(f"nothing is opened on doubtful prices: {seen.feeder_problem}")
    price = signal.price or min(_market_price(signal, seen), signal.limit_price or inf)
    issued_ms = round((seen.exchange_now - age) * 1000)
    return SignalGenerated(
        symbol=signal.symbol,
        side=signal.side,
        entry_price=price,
        stop_loss=signal.stop or price,
        take_profit=signal.target or price,
        confidence=_FULLY_SURE if signal.confidence is None else signal.confidence,
        strategy=signal.strategy,
        frame=seen.interval,
        # The trader counts the age from the end of a bar: here from when the signal was issued.
        bar_close_time=issued_ms - 1,
        max_bars=signal.max_bars,
        trail=signal.trail,
        cooldown_bars=signal.cooldown_bars,
        reason=signal.reason,
        source=signal.source or "file",
        signal_id=signal.id,
        issued_ms=round(issued * 1000),
        age_ms=round(age * 1000),
        person=signal.person,
        size=signal.size,
        scale_in=signal.scale_in,
        part=signal.part,
        limit_price=signal.limit_price,
        limit_until_ms=None if signal.limit_until is None else round(signal.limit_until * 1000),
    )


def _age(signal: OutsideSignal, issued: float, seen: Circumstances) -> float:
    match classify_age(seen.now - issued, seen.freshness):
        case Ahead(seconds):
            raise Refusal(f"it was issued {seconds:.1f} s from now. Check the clocks, or the time in the signal")
        case Stale(age):
            if signal.side == "BUY":
                limit = f"the limit is {seen.freshness:g} s (ARES_FRESHNESS_THRESHOLD)"
                raise Refusal(
                    f"it is {age:,.1f} s old, {limit}. Send a new one, with an id of its own, if it still holds"
                )
            return age
        case Fresh(age):
            return age


def _market_price(signal: OutsideSignal, seen: Circumstances) -> float:
    """Return what the market would pay or take now; of a SELL, the last that is known."""
    ticker, is_buy = seen.ticker, signal.side == "BUY"
    price = 0.0 if ticker is None else (ticker.ask if is_buy else ticker.bid) or ticker.price
    if ticker is None or price <= 0:
        remedy = "Is it in SYMBOLS?" if is_buy else f"Give a price, or run `cq-tui close {signal.symbol}`"
        raise Refusal(f"no price of {signal.symbol} is known. {remedy}")
    if is_buy and seen.exchange_now - ticker.timestamp > seen.freshness:
        age = seen.exchange_now - ticker.timestamp
        raise Refusal(f"the last price of {signal.symbol} is {age:,.1f} s old. See the feeder, or give a price")
    return price
