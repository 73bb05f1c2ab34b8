"""A live data directory again: signals from the stored klines, the trader's decisions from what it was told."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import orjson

from cq_tui import __version__
from cq_tui.contracts.layout import DataDir
from cq_tui.lookback.costs import Costs
from cq_tui.lookback.live import DecidedAgain, Difference, PartAgain, decide_again, differing_fields
from cq_tui.lookback.live_fills import FillCompared, compare_fills, summarize
from cq_tui.lookback.signals_again import SignalsAgain, make_signals_again
from cq_tui.ops.backtest.recording import recorded_parts
from cq_tui.ops.backtest.stored_signals import (
    recorded_recipes,
    stored_candles,
    stored_events,
    stored_klines,
    stored_orders,
)
from cq_tui.ops.formatting import format_datetime
from cq_tui.store.spools.own_events import read_own_events
from cq_tui.trading.core.plain import decimal_text

#: Characters of an input, and fields of an event, that a line shows.
_MOST_SHOWN, _MOST_FIELDS = 300, 8
#: Signals that are named.
_MOST_DIFFERENCES = 20


class LiveAgain(NamedTuple):
    """What came of it."""

    orders: DecidedAgain
    signals: SignalsAgain
    #: Filled orders beside the prices of a look back, and how many of them have no stored candle.
    fills: list[FillCompared]
    fills_left_out: int

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.orders.differences or self.signals.differences)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        orders = self.orders
        return {
            "equal": self.is_equal,
            "version": __version__,
            "orders": {
                "inputs": orders.inputs,
                "facts_equal": orders.facts,
                "facts_not_covered": orders.not_covered,
                "differences": [_difference_to_json(*found) for found in orders.differences],
                "parts": [_part_to_json(part) for part in orders.parts],
            },
            "signals": {
                "equal": self.signals.equal,
                "rounded": self.signals.rounded,
                "left_out": dict(self.signals.left_out),
                "not_made_live": dict(self.signals.not_live),
                "differences": [asdict(found) for found in self.signals.differences],
            },
            "fills": {
                "left_out": self.fills_left_out,
                "legs": [
                    {"leg": one.leg, "orders": one.orders, "worse_bp": one.worse_bp} for one in summarize(self.fills)
                ],
                "orders": [_fill_to_json(one) for one in self.fills],
            },
        }

    def lines(self) -> Iterator[str]:
        """Yield it in words."""
        yield from _signal_lines(self.signals)
        yield from _order_lines(self.orders)
        yield from _fill_lines(self.fills, self.fills_left_out)
        yield "Live and look back are equal." if self.is_equal else "Live and look back differ: see above."


def compare_live(data: DataDir, progress: Callable[[str], object] = lambda _: None) -> LiveAgain:
    """Decide again what a data directory tells, and compare. Reads only; the stack may run.

    ``progress`` hears what is being looked at. Raises OSError and SettingsError.
    """
    orders, signals = orders_again(data, progress), signals_again(data, progress)
    return LiveAgain(orders, signals, *compare_fills(stored_orders(data), stored_candles(data), Costs()))


def orders_again(data: DataDir, progress: Callable[[str], object] = lambda _: None) -> DecidedAgain:
    """Let the trader decide again what it was told. Raises OSError."""

    def tell(name: str, inputs: int) -> None:
        progress(f"{name}, {inputs:,} inputs")

    return decide_again(recorded_parts(data), lambda after: read_own_events(data, "trader", after), tell)


def signals_again(data: DataDir, progress: Callable[[str], object] = lambda _: None) -> SignalsAgain:
    """Make the signals of the stored klines again. Raises OSError and SettingsError."""
    # In this order: klines that come meanwhile are of signals that nobody expects yet.
    events = stored_events(data)
    recipes = recorded_recipes(data, events.changes)
    return make_signals_again(stored_klines(data), recipes, events.signals, events.uptime, progress)


def _fill_to_json(fill: FillCompared) -> dict[str, Any]:
    return fill._asdict() | {
        "quantity": decimal_text(fill.quantity),
        "live": float(fill.live),
        "model": float(fill.model),
    }


def _fill_lines(fills: Sequence[FillCompared], left_out: int) -> Iterator[str]:
    if fills:
        yield f"Fills: {len(fills):,} orders beside the prices that a look back assumes. That is no difference."
    for leg in summarize(fills):
        worst, at = leg.worst, format_datetime(leg.worst.ms / 1000)
        yield f"  {leg.leg}: {leg.orders:,}, {_bp_words(leg.worse_bp)} on average"
        yield f"    worst: {worst.symbol} {at}, {_bp_words(worst.worse_bp)}: {worst.cause}"
    if left_out:
        yield f"  {left_out:,} left out: their candles are no longer stored."


def _bp_words(worse: float) -> str:
    return f"{abs(worse):.2f} bp {'worse' if worse >= 0 else 'better'}"


def _part_to_json(part: PartAgain) -> dict[str, Any]:
    return {
        "name": part.name,
        "version": part.version,
        "account": part.account,
        "began_ts": part.began,
        "ended_ts": part.ended,
        "inputs": part.inputs,
        "facts_equal": part.facts,
        "facts_not_covered": part.not_covered,
        "left_out": part.left_out,
    }


def _difference_to_json(part: PartAgain, found: Difference) -> dict[str, Any]:
    return {
        "part": part.name,
        "line": found.line,
        "exchange_ts": found.at,
        "told": found.told,
        "expected": None if found.expected is None else found.expected._asdict(),
        "got": None if found.got is None else found.got._asdict(),
        "seq": found.seq,
        "why": found.why,
        "book": list(found.book),
    }


def _signal_lines(signals: SignalsAgain) -> Iterator[str]:
    yield f"Signals: {signals.equal:,} made again from the stored klines, as the history has them."
    if signals.rounded:
        yield f"  {signals.rounded:,} more differ in last digits: their sums began at klines that are no longer stored."
    for reason, count in signals.left_out.items():
        yield f"  {count:,} of the history left out: {reason}."
    for reason, count in signals.not_live.items():
        yield f"  {count:,} made now and not live: {reason}."
    for found in signals.differences[:_MOST_DIFFERENCES]:
        if found.live is None or found.again is None:
            yield f"  {found.key}: {'made now, and the history does not have it' if found.again else 'not made again'}"
            continue
        yield f"  {found.key}: differs in {', '.join(found.fields)}"
        for name in found.fields[:_MOST_FIELDS]:
            yield f"    {name}: history {found.live.get(name)}, again {found.again.get(name)}"
    if len(signals.differences) > _MOST_DIFFERENCES:
        yield f"  and {len(signals.differences) - _MOST_DIFFERENCES:,} more; --json has all"


def _order_lines(orders: DecidedAgain) -> Iterator[str]:
    if not orders.parts:
        yield "Orders: nothing is recorded (TRADER_INPUTS_MIB), so nothing can be decided again."
        return
    yield f"Orders: {orders.facts:,} facts decided again from {orders.inputs:,} inputs, as the history has them."
    if orders.not_covered:
        yield f"  {orders.not_covered:,} more have no recorded input: it was lost with a process, or not recorded."
    others = {part.version for part in orders.parts if part.version not in ("", __version__)}
    if others:
        yield f"  Recorded by cq-tui {', '.join(sorted(others))}; this is {__version__}, which may decide otherwise."
    yield from (f"  {part.name}: {part.left_out}" for part in orders.parts if part.left_out)
    for part, found in orders.differences:
        yield from _difference_lines(part, found)


def _difference_lines(part: PartAgain, found: Difference) -> Iterator[str]:
    place = f"line {found.line}" if found.line else "its end"
    yield f"  {part.name}, {place}, {format_datetime(found.at)}:{' ' + found.why if found.why else ''}"
    if found.told is not None:
        yield f"    input     {orjson.dumps(found.told).decode()[:_MOST_SHOWN]}"
    names = differing_fields(found)[:_MOST_FIELDS]
    for word, body in (("history", found.expected), ("decided", found.got)):
        if body is not None:
            shown = {name: body.data.get(name) for name in names} if names else body.data
            number = f" (event {found.seq} of the trader)" if word == "history" and found.seq else ""
            yield f"    {word}   {body.event_type}{number} {orjson.dumps(shown).decode()[:_MOST_SHOWN]}"
    yield from (f"    book      {words}" for words in found.book)
