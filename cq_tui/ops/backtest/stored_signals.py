"""What a data directory has of klines, signals and settings, for signals that are made again."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from cq_tui.contracts.kept_bars import KeptBarsDocument
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.market import INTERVAL_MS, KLINE_HISTORY, Kline
from cq_tui.contracts.mode import base_interval, effective_mode
from cq_tui.contracts.strategy_settings import STRATEGIES
from cq_tui.lookback.live_fills import Candles
from cq_tui.lookback.recipes import Change, recipes_of
from cq_tui.lookback.signals_again import WARMED_UP_WITH, Recipe, StoredKlines
from cq_tui.lookback.uptime import Uptime
from cq_tui.services.ares.bar_keeper import past_of
from cq_tui.services.ares_state import good_settings
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.journal import JournalError
from cq_tui.store.klines import last_klines
from cq_tui.store.reading.event_filter import EventFilter
from cq_tui.store.reading.events_file import open_events
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.strategies.bars import Frame
from cq_tui.strategies.past_bars import PastBars, bars_of_frames, join
from cq_tui.strategies.registry import load_strategies

_OF_SERVICES = ("service_started", "service_stopped", "health_status_changed")


class StoredEvents(NamedTuple):
    """Events of the history that tell of signals, oldest first."""

    signals: list[dict[str, Any]]
    changes: list[Change]
    uptime: Uptime


def stored_events(data: DataDir) -> StoredEvents:
    """Read them. Raises OSError."""
    signals, changes, services, until = [], [], [], 0.0
    wanted = EventFilter(("signal_generated", "config_changed", *_OF_SERVICES))
    with open_events(data.events) as history:
        for entry in history.last_entries(1, EventFilter()):
            until = entry.event.timestamp if entry.event is not None else until
        for _, _, event in history.all_entries(wanted):
            if event is None:
                continue
            if event.event_type == "signal_generated":
                signals.append(event.data)
            elif event.event_type == "config_changed":
                changes.append(Change(event.happened_at, str(event.data.get("key")), event.data.get("old_value")))
            else:
                services.append((event.happened_at, event.event_type, event.data))
    return StoredEvents(signals, changes, Uptime.of(services, until))


def stored_orders(data: DataDir) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield type and payload of the events that tell of our orders and their trades. Raises OSError."""
    with open_events(data.events) as history:
        for _, _, event in history.all_entries(EventFilter(("order_submitted", "order_executed"))):
            if event is not None:
                yield event.event_type, event.data


def stored_candles(data: DataDir) -> dict[str, Candles]:
    """Return the finest candles of each symbol."""
    finest: dict[str, StoredKlines] = {}
    for one in stored_klines(data):
        known = finest.get(one.symbol)
        if known is None or INTERVAL_MS[one.interval] < INTERVAL_MS[known.interval]:
            finest[one.symbol] = one
    return {symbol: Candles(one.klines) for symbol, one in finest.items()}


def stored_klines(data: DataDir) -> Iterator[StoredKlines]:
    """Yield the klines of each symbol and interval, with the older bars that are kept."""
    for path in sorted(data.klines.glob("*.ndjson")):
        symbol, _, interval = path.stem.rpartition("-")
        if not symbol or interval not in INTERVAL_MS:
            continue
        try:
            klines = last_klines(path, 2 * KLINE_HISTORY)
        except JournalError:
            continue
        if klines:
            yield StoredKlines(symbol, interval, klines, _past(data, symbol, interval, klines))


def _past(data: DataDir, symbol: str, interval: str, klines: list[Kline]) -> dict[Frame, PastBars]:
    """Return the kept bars that are older than those of the klines; none if they are not of one series."""
    try:
        kept = read_document(data.kept_bars_of(symbol, interval), KeptBarsDocument)
        bars = {Frame.TIDE: past_of(kept.tide), Frame.TREND: past_of(kept.trend)}
    except (DocumentError, ValueError):
        return {}
    return join(bars, bars_of_frames(klines[:WARMED_UP_WITH], INTERVAL_MS[interval])) or {}


def recorded_recipes(data: DataDir, changes: list[Change]) -> list[Recipe]:
    """Return the installed strategies with all parameters that they had, by the settings and their changes."""
    settings = SettingsInForce(data).load().settings
    interval = base_interval(settings, effective_mode(settings).mode)
    now = {STRATEGIES: settings.STRATEGIES, "SYMBOLS": settings.SYMBOLS}
    return recipes_of(load_strategies(), now, changes, good_settings(data), interval)
