"""Entries with a limit wait for their price here, not at the exchange, and are judged anew when it is reached.

An order that rests at the exchange may fill in part while the trader is dead, and only a complete fill brings its
pending stop and target to life (Binance's documentation of OTOCO order lists). So nothing rests: once the ask is at the
limit or below, the usual entry goes out, fill-or-kill at no more than the limit. One that buys nothing is tried again,
a few times, until the time is over.
"""

from cq_tui.trading.core import facts as f
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.judging import context_of
from cq_tui.trading.core.lane import Lane
from cq_tui.trading.core.price_wait import PriceWait
from cq_tui.trading.core.situation import Situation
from cq_tui.trading.denial import Denial, DenialReason
from cq_tui.trading.guardrails import check_wait
from cq_tui.trading.signals import TradeSignal

#: Entries tried at most for one signal, and the pauses between them: doubled each time (seconds).
MOST_TRIES = 10
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
#: Without a new price, a wait is looked at so often (seconds).
_LOOK_PERIOD = 1.0
#: So far (ms) the exchange's time goes back as it is measured again.
_CLOCK_TOLERANCE_MS = 1_000
#: A wait whose time is over is looked at so many seconds after it.
_AFTER = 0.001
#: What passes by itself, and says nothing about the entry: the wait goes on.
PASSING = frozenset(
    {
        DenialReason.NOT_RECONCILED,
        DenialReason.EXCHANGE_UNREACHABLE,
        DenialReason.REQUEST_LIMITS,
        DenialReason.FEEDER_STALE,
        DenialReason.COOLDOWN,
        DenialReason.ORDER_RATE,
    }
)


def begin_wait(s: Situation, signal: TradeSignal) -> None:
    """Let an entry wait for its limit price."""
    end, limit = signal.limit_end_ms, signal.limit_price
    assert end is not None
    assert limit is not None
    s.record(f.EntryWaits(signal.symbol, signal.side, signal.key, signal.strategy, limit, end, s.ms, signal))
    s.flush(durable=True)
    s.touch(signal.symbol)


def withdraw(s: Situation, symbol: str, by: str, *, strategy: str = "", issued_ms: int | None = None) -> bool:
    """End the waits in a symbol, of one strategy or all; ``issued_ms``: those of signals before.

    Return whether there were any. What is on its way to the exchange stays so.
    """
    waits = [one for one in s.book.waits_in(symbol) if strategy in ("", one.signal.strategy)]
    ends = [_withdrawn(one, by) for one in waits if issued_ms is None or one.signal.bar_close_time <= issued_ms]
    s.record(*ends)
    return bool(ends)


def withdrawals(book: Book, symbol: str, by: str) -> list[f.SignalDenied]:
    """Return the ends of all waits in a symbol, of a book that no core has now."""
    return [_withdrawn(wait, by) for wait in book.waits_in(symbol)]


def _withdrawn(wait: PriceWait, by: str) -> f.SignalDenied:
    return _end(wait, Denial(DenialReason.LIMIT_WITHDRAWN, by))


def end_wait(s: Situation, wait: PriceWait, denial: Denial) -> None:
    """Record why an entry is waited for no more."""
    s.record(_end(wait, denial))


def ends_elsewhere(book: Book) -> list[f.SignalDenied]:
    """Return the ends of all waits of a book whose account was left for another one, or for another mode."""
    denial = Denial(DenialReason.MODE_BLOCKED, "the trader was in another mode, or on another account, meanwhile")
    return [_end(wait, denial) for wait in book.waits.values()]


def _end(wait: PriceWait, denial: Denial) -> f.SignalDenied:
    signal = wait.signal
    return f.SignalDenied(signal.key, signal.symbol, signal.side, signal.strategy, denial.reason.value, str(denial))


def due_wait(s: Situation, lane: Lane, wait: PriceWait) -> bool:
    """Return whether a wait's price is to be looked at now; one that is over is ended."""
    context = context_of(s, lane.symbol)
    denial = check_wait(context, wait.signal, s.now) or _turned_off(s, wait) or _too_late(s, wait)
    is_on_way = lane.symbol in context.pending
    if denial is not None and not is_on_way:
        end_wait(s, wait, denial)
        return False
    end = wait.until_ms / 1000
    # Where it is over already, its entry is on its way.
    lane.wake_at(s.now + _LOOK_PERIOD if s.now >= end else min(s.now + _LOOK_PERIOD, end + _AFTER))
    return not is_on_way and s.now >= _next_try(s, wait)


def _turned_off(s: Situation, wait: PriceWait) -> Denial | None:
    name = wait.signal.strategy
    return Denial(DenialReason.LIMIT_WITHDRAWN, f"{name} is off") if name in s.settings.strategies_off else None


def _too_late(s: Situation, wait: PriceWait) -> Denial | None:
    if s.ms < wait.until_ms and wait.tries < MOST_TRIES:
        return None
    tried = f", {wait.tries} entries bought nothing" if wait.tries else ""
    return Denial(DenialReason.LIMIT_NOT_REACHED, f"limit {wait.signal.limit_price}{tried}")


def _next_try(s: Situation, wait: PriceWait) -> float:
    """Return when an entry may be tried again (Unix seconds, the exchange's)."""
    if not wait.tries or wait.tried_ms > s.ms + _CLOCK_TOLERANCE_MS:
        # The first one; or the clock was set back, and how long ago the last one was is not known.
        return s.now
    pause = max(min(_FIRST_PAUSE * 2.0 ** (wait.tries - 1), _LONGEST_PAUSE), s.settings.cooldown)
    return wait.tried_ms / 1000 + pause
