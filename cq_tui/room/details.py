"""The details of one row, as names and sanitized values for the detail screen."""

from collections.abc import Callable, Sequence
from typing import Any

from cq_tui.contracts.freshness import NO_END
from cq_tui.contracts.layout import FRESHNESS_LIMITS
from cq_tui.contracts.tickers import Ticker
from cq_tui.ops.account_words import account_lines, doubt_texts, unlock_hint
from cq_tui.ops.denial_words import known_denial
from cq_tui.ops.event_summary import summarize_event
from cq_tui.ops.formatting import (
    GLYPHS,
    NO_VALUE,
    describe_age,
    format_age,
    format_datetime,
    format_number,
    format_percent,
    format_price,
    format_quantity,
    format_signed,
    plain_amount,
    sanitize,
)
from cq_tui.ops.guardrail_steps import Passed, check_list
from cq_tui.ops.protection import describe_protection
from cq_tui.ops.quarantine_words import describe_count, describe_reason
from cq_tui.ops.restarts import describe_restart
from cq_tui.ops.symbol_words import describe_state
from cq_tui.room.detail_content import DetailContent, DetailField
from cq_tui.room.life import events_of, tell_life
from cq_tui.room.outcomes import outcome_of
from cq_tui.room.service_rows import service_rows
from cq_tui.room.state import RoomState
from cq_tui.room.strategy_results import strategy_results
from cq_tui.room.trades import OrderRow, SignalRow

#: Health fields shown by the first lines already, in words, or in full by another pane.
_OMITTED_HEALTH_FIELDS = frozenset(
    {
        "service", "status", "reason", "pid", "services", "symbols", "accepted",
        "account", "owner", "doubts", "unsellable", "notices", "unprotected",
    }
)  # fmt: skip

_PASSED = {Passed.YES: GLYPHS["good"], Passed.NO: GLYPHS["bad"], Passed.NOT_ASKED: GLYPHS["idle"]}


def describe(state: RoomState, subject: str, key: str, now: float) -> DetailContent:
    """Describe a pane's row; ``subject`` is the pane's."""
    fields = _SUBJECTS[subject](state, key, now)
    return DetailContent(
        f"{subject} {sanitize(_name_of(state, subject, key), 40)}", fields or [("", "No longer available.")]
    )


def _name_of(state: RoomState, subject: str, key: str) -> str:
    if subject == "signal" and (signal := state.trades.signals.get(key)) is not None:
        return f"{signal.side} {signal.symbol}"
    if subject == "order" and (order := state.trades.orders.get(key)) is not None:
        return f"{order.side} {order.symbol}"
    return key


def _service_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    row = service_rows(state, now).get(key)
    if row is None:
        return []
    verdict, age = row.verdict, row.verdict.age
    fields = [
        ("state", f"{verdict.glyph} {verdict.word}" + (f": {sanitize(verdict.reason)}" if verdict.reason else "")),
        ("helpful key", verdict.key_label or NO_VALUE),
        ("last report", f"{describe_age(age)}, limit {format_age(row.age_limit)}" if age is not None else "never"),
        ("process", str(row.pid) if row.pid else NO_VALUE),
        ("restarts", str(row.restarts)),
        ("CPU", f"{row.cpu_percent:.1f} %" if row.cpu_percent is not None else NO_VALUE),
        ("memory", f"{row.memory_mb:.0f} MiB" if row.memory_mb is not None else NO_VALUE),
    ]
    supervised = state.supervised_state(key, now)
    if supervised is not None:
        fields.append(("supervisor", f"{supervised.state}, desired {supervised.wanted}"))
        if supervised.last_stopped_ts is not None:
            fields.append(("last stop", describe_restart(key, supervised)))
    if key == "memory" and (history := state.history(now)) is not None:
        fields.append(("", ""))
        fields += [(name, f"{verdict.glyph} {verdict.text}") for name, verdict in history.by_name.items()]
    problem, health = state.health_problem(key), state.health_of(key)
    if problem:
        fields += [("", ""), ("file", sanitize(problem))]
    if health is not None:
        fields.append(("", "" if verdict.is_current else "last report:"))
        if key == "ares" and (results := _results(state)):
            fields += [("", "trades of each strategy, as far as the room's events reach:"), *results.items(), ("", "")]
        if key == "trader" and (lines := account_lines(state.trader, state.account)):
            fields += [*lines, ("", "")]
        fields += [
            (name, format_value(name, value))
            for name, value in health.model_dump(exclude_none=True).items()
            if name not in _OMITTED_HEALTH_FIELDS
        ]
    return fields


def _feed_fields(state: RoomState, symbol: str) -> list[DetailField]:
    """What the feeder does with a symbol, and since when."""
    if state.feeder is None:
        return []
    found, reason = (state.feeder.symbol_states or {}).get(symbol), (state.feeder.rejected_symbols or {}).get(symbol)
    fields = [("feed", describe_state(found))] if found else []
    return [*fields, ("excluded", sanitize(reason))] if reason else fields


def _symbol_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    ticker, feed = state.tickers.get(key), _feed_fields(state, key)
    if ticker is None:
        return [*feed, ("price", "none yet")] if key in state.symbols else feed
    decimals = ticker.decimals
    fields = [
        *feed,
        ("price", format_price(ticker.price, decimals)),
        *_change_fields(state, key, ticker),
        ("bid / ask", f"{format_price(ticker.bid, decimals)} / {format_price(ticker.ask, decimals)}"),
        ("spread", f"{ticker.spread_bp:.2f} bp"),
        ("volume 24 h", f"{format_number(ticker.volume, 2)}{' by the clock' if state.market_day else ''}"),
        ("last message", f"{format_age(now - ticker.timestamp)} ago, limit {format_age(FRESHNESS_LIMITS['feeder'])}"),
    ]
    account = state.account
    if account and (position := account.positions.get(key)):
        fields += [
            ("", ""),
            ("position", f"{format_quantity(position.size)} at {format_price(position.entry_price, decimals)}"),
            ("unrealized PnL", format_signed(position.unrealized_at(ticker.bid))),
            (
                "stop / target",
                f"{format_price(position.stop_loss, decimals)} / {format_price(position.take_profit, decimals)}",
            ),
            ("protection", describe_protection(position, state.exchange_now(now))[0]),
        ]
    if account and (left := (account.remainders or {}).get(key)):
        worth = f", worth {format_number(left.worth, 2)}" if left.worth is not None else ""
        fields += [("", ""), ("remainder", f"{sanitize(plain_amount(left.quantity))}{worth}")]
    if account and (doubts := (account.doubts or {}).get(key)):
        fields += [("", ""), *(("in doubt", text) for text in doubt_texts({key: doubts}))]
    if paused := _quarantine_fields(state, key, now):
        fields += [("", ""), *paused]
    return fields


def _change_fields(state: RoomState, symbol: str, ticker: Ticker) -> list[DetailField]:
    """Return the change over 24 hours, in market time as well where that runs faster."""
    by_clock = ("24 h", format_percent(ticker.change_percent))
    if state.market_day is None:
        return [by_clock]
    percent = state.change_percent(symbol, ticker)
    shown = NO_VALUE if percent is None else format_percent(percent)
    return [
        ("24 h", f"{shown} in market time, {state.market_day.speed:g} times as fast as the clock"),
        ("24 h by the clock", by_clock[1]),
    ]


def _results(state: RoomState) -> dict[str, str]:
    """Return what each strategy made of its trades, in words, by its name."""
    prices = {symbol: ticker.price for symbol, ticker in state.tickers.items()}
    results = strategy_results(state.trades.order_groups(), prices)
    return {sanitize(name): result.describe() for name, result in sorted(results.items())}


def _signal_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    signal = state.trades.signals.get(key)
    if signal is None:
        return []
    decimals = _decimals(state, signal.symbol)
    orders = [order for order in state.trades.orders.values() if order.signal_key == signal.natural_key]
    outcome = outcome_of(signal, orders, decimals)
    denial = known_denial(signal.code)
    return [
        ("outcome", " ".join([sanitize(outcome.words), *outcome.figures])),
        *([("why", f"{denial.sentence} {denial.remedy}")] if denial else []),
        *([("in its words", sanitize(signal.refusal))] if signal.refusal else []),
        ("", ""),
        ("time", format_datetime(signal.timestamp)),
        ("side", f"{sanitize(signal.side)} {sanitize(signal.symbol)}"),
        ("entry", format_price(signal.entry, decimals)),
        ("stop", _with_distance(signal.stop, signal.entry, decimals)),
        ("target", _with_distance(signal.target, signal.entry, decimals)),
        ("reward / risk", _format_reward_to_risk(signal.entry, signal.stop, signal.target)),
        ("confidence", f"{signal.confidence:.2f}" if signal.confidence is not None else NO_VALUE),
        ("strategy", sanitize(signal.strategy)),
        ("its trades", _results(state).get(sanitize(signal.strategy), NO_VALUE)),
        ("reason", sanitize(signal.reason or NO_VALUE)),
        *_guardrail_fields(signal, orders),
        *_life_fields(state, signal.natural_key, None),
        ("", ""),
        ("event", sanitize(signal.key)),
        ("key", sanitize(signal.natural_key)),
    ]


def _decimals(state: RoomState, symbol: str) -> int | None:
    ticker = state.tickers.get(symbol)
    return ticker.decimals if ticker else None


def _with_distance(level: float | None, base: float | None, decimals: int | None) -> str:
    """Return a price, with how far it is from another."""
    shown = format_price(level, decimals)
    return f"{shown}  {format_percent((level / base - 1) * 100)}" if level and base else shown


def _guardrail_fields(signal: SignalRow, orders: Sequence[OrderRow]) -> list[DetailField]:
    """Return what an entry was asked, step by step; a SELL is asked only whether it can mean a position."""
    is_known = bool(orders) or signal.refused_by == "guardrail"
    if signal.side != "BUY" or not is_known:
        return []
    code = signal.code if signal.refused_by == "guardrail" else ""
    steps = [f"  {_PASSED[passed]} {name}" for name, passed in check_list(code)]
    return [("", ""), ("", "guardrails"), *(("", step) for step in steps)] if steps else []


def _life_fields(state: RoomState, natural_key: str | None, client_order_id: str | None) -> list[DetailField]:
    events = events_of(state.event_tail.events, natural_key=natural_key, client_order_id=client_order_id)
    moments = tell_life(events)
    return [("", ""), ("", "its life"), *((moment.time, moment.text) for moment in moments)] if moments else []


def _commissions(order: OrderRow) -> str:
    parts = (f"{format_quantity(float(amount))} {sanitize(asset)}" for asset, amount in order.commissions.items())
    return ", ".join(parts) or NO_VALUE


def _order_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    order = state.trades.orders.get(key)
    if order is None:
        return []
    decimals = _decimals(state, order.symbol)
    denial = known_denial(order.code)
    signal = next((one for one in state.trades.signals.values() if one.natural_key == order.signal_key), None)
    orders = [one for one in state.trades.orders.values() if one.signal_key and one.signal_key == order.signal_key]
    rejected = " ".join(filter(None, (order.refused_by, order.code)))
    return [
        ("status", sanitize(order.status)),
        *([("why", f"{denial.sentence} {denial.remedy}")] if denial else []),
        *([("rejected by", sanitize(rejected))] if rejected else []),
        *([("reason", sanitize(order.reason))] if order.reason else []),
        ("", ""),
        ("time", format_datetime(order.timestamp)),
        ("order", f"{sanitize(order.side)} {sanitize(order.symbol)}, {sanitize(order.leg or 'entry')}"),
        ("type", sanitize(order.order_type or NO_VALUE)),
        ("size", format_quantity(order.size) if order.size is not None else NO_VALUE),
        ("filled", format_quantity(order.filled)),
        ("price", format_price(order.price, decimals)),
        *([("stop price", format_price(order.stop_price, decimals))] if order.stop_price else []),
        ("profit", format_signed(order.pnl) if order.pnl is not None else NO_VALUE),
        ("commission", _commissions(order)),
        ("last update", f"{format_age(now - order.updated)} ago"),
        *(_guardrail_fields(signal, orders) if signal else []),
        *_life_fields(state, order.signal_key, order.key),
        ("", ""),
        ("client order id", sanitize(order.key)),
        ("order id", sanitize(order.order_id or NO_VALUE)),
        ("signal", sanitize(order.signal_key or NO_VALUE)),
    ]


def _event_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    event = next((one for one in reversed(state.event_tail.events) if one.event_id == key), None)
    if event is None:
        return []
    return [
        ("time", f"{format_datetime(event.happened_at)}.{int(event.happened_at * 1000) % 1000:03d}"),
        ("event", sanitize(event.event_type)),
        ("source", sanitize(event.source)),
        ("", summarize_event(event)),
        ("", ""),
        *((sanitize(name, 40), format_value(name, value)) for name, value in event.data.items()),
        ("", ""),
        ("event id", sanitize(event.event_id)),
    ]


def trade_of(state: RoomState, subject: str, key: str) -> tuple[str | None, str | None]:
    """Return the natural key of the signal, and the client order id, of a row about a trade."""
    if subject == "signal" and (signal := state.trades.signals.get(key)) is not None:
        return signal.natural_key, None
    if subject == "order" and (order := state.trades.orders.get(key)) is not None:
        return order.signal_key, order.key
    return None, None


def _quarantine_fields(state: RoomState, key: str, now: float) -> list[DetailField]:
    account = state.account
    if account is None:
        return []
    lock = (account.locks or {}).get(key)
    fields = [] if lock is None else [("locked", sanitize(lock)), ("unlocked by", unlock_hint(key))]
    row = (account.quarantine | (account.quarantined_strategies or {})).get(key)
    if row is None:
        return fields
    ends = "ends" if row.cause == "hand" else "next probe"
    at = f"{format_datetime(row.until)}, in {format_age(max(0.0, row.until - now))}"
    return [
        *fields,
        ("quarantined", f"{'after ' if row.failures else ''}{describe_count(row)}"),
        ("reason", sanitize(describe_reason(row))),
        ("since", format_datetime(row.since)),
        (ends, at if row.until < NO_END else "when it is released"),
    ]


def format_value(name: str, value: Any) -> str:
    """Format a value from outside; its name tells its kind."""
    if value is None:
        return NO_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)) and name.endswith(("_ts", "_time", "_check", "_update")):
        return format_datetime(value if value < 1e11 else value / 1000)
    if isinstance(value, dict):
        return sanitize(", ".join(f"{key}: {item}" for key, item in value.items()) or NO_VALUE)
    if isinstance(value, list):
        return sanitize(", ".join(map(str, value)) or NO_VALUE)
    return sanitize(str(value))


def _format_reward_to_risk(entry: float | None, stop: float | None, target: float | None) -> str:
    if entry is None or stop is None or target is None or entry == stop:
        return NO_VALUE
    return f"{abs(target - entry) / abs(entry - stop):.2f}"


_SUBJECTS: dict[str, Callable[[RoomState, str, float], list[DetailField]]] = {
    "service": _service_fields,
    "symbol": _symbol_fields,
    "signal": _signal_fields,
    "order": _order_fields,
    "quarantine": _quarantine_fields,
    "event": _event_fields,
}
