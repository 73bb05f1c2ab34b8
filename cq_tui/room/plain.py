"""The room as plain lines, for screen readers and pipes: no boxes, no colors, no cursor movement.

Each command prints sentences and ends. What acts runs the command of the same name, which asks as it does at any
prompt; what it takes is typed as there.
"""

import shlex
import time
from collections.abc import Callable, Iterable, Iterator

from cq_tui.contracts.layout import DataDir
from cq_tui.ops.formatting import (
    NO_VALUE,
    format_age,
    format_clock,
    format_percent,
    format_price,
    format_quantity,
    format_signed,
    sanitize,
)
from cq_tui.ops.money_line import money_figures
from cq_tui.ops.protection import describe_protection
from cq_tui.ops.quarantine_words import describe_count, describe_end, describe_reason
from cq_tui.room.alerts import all_alerts
from cq_tui.room.controls import Controls, RequestRefused
from cq_tui.room.last_word import last_word
from cq_tui.room.outcomes import count_reasons, group_signals, hour_of, orders_by_signal, summarize_reasons
from cq_tui.room.state import RoomState

#: Rows printed of a list.
_MOST = 20
#: Commands of cq-tui that may be typed here as they are.
_COMMANDS = (
    "accept", "acknowledge", "backup", "bundle", "close", "config", "down", "drill", "events", "flatten", "halt",
    "mode", "quarantine", "reduce", "release", "report", "resume", "service", "signal", "status", "strategies",
    "trades", "up", "verify",
)  # fmt: skip
#: The levels of alerts, said in words.
_LEVEL_WORDS = {"good": "good", "look": "look", "bad": "bad", "idle": "note"}


class PlainRoom:
    """Reads a data directory anew for each command."""

    def __init__(
        self,
        data: DataDir,
        say: Callable[[str], object],
        now: Callable[[], float] = time.time,
        view_only: str | None = None,
    ) -> None:
        """``view_only`` is why nothing may be changed from here; None if it may act."""
        self._data, self._say, self._now = data, say, now
        self._controls = Controls(data, view_only)
        self._views: dict[str, tuple[str, Callable[[RoomState, float], Iterable[str]]]] = {
            "now": ("state, money and what now", self._summary),
            "services": ("each service and its state", _services),
            "prices": ("each symbol's price, change and age", _prices),
            "positions": ("what is held, with profit, stop and target", _positions),
            "signals": ("the last signals, and what became of them", _signals),
            "why": ("why no trade: the reasons of the last hour", _why),
            "orders": ("the last orders", _orders),
            "paused": ("what is quarantined or locked", _paused),
            "memory": ("whether the history is intact and complete", _memory),
        }

    def run(self, lines: Iterable[str] | None) -> None:
        """Print the summary, then what each line asks for; without lines the summary alone."""
        self._show(self._summary)
        if lines is None:
            return
        self._say("Type help for what can be asked, quit to leave.")
        for line in lines:
            try:
                words = shlex.split(line)
            except ValueError as error:
                self._say(f"That line cannot be read: {error}.")
                continue
            if words[:1] in (["quit"], ["exit"], ["q"]):
                return
            if words:
                self._obey(words)

    def _obey(self, words: list[str]) -> None:
        name = words[0].lower()
        if name == "help":
            for view, (meaning, _) in self._views.items():
                self._say(f"{view}: {meaning}.")
            self._say(f"Commands of cq-tui: {', '.join(_COMMANDS)}. Add --help to one for what it takes.")
            self._say("quit: leave. The services keep running.")
        elif name in self._views:
            self._show(self._views[name][1])
        elif name in _COMMANDS:
            try:
                code = self._controls.run_command(name, *words[1:])
            except (RequestRefused, OSError) as error:
                self._say(f"{name}: {error}.")
                return
            self._say(f"{name}: done." if code == 0 else f"{name}: ended with {code}.")
        else:
            self._say(f"{sanitize(name, 40)} is not known. Type help for what can be asked.")

    def _show(self, view: Callable[[RoomState, float], Iterable[str]]) -> None:
        state = RoomState(self._data)
        state.poll_files()
        for line in view(state, self._now()):
            self._say(line)

    def _summary(self, state: RoomState, now: float) -> Iterator[str]:
        stop = state.settings.TRADING_STATE
        trading = "" if stop == "active" else f", trading {stop}"
        guardrails = "on" if state.guardrails else "OFF"
        services = state.overall(now)
        yield f"Mode {state.mode.mode}{trading}, guardrails {guardrails}, services {services}, {format_clock(now)} UTC."
        account = state.account
        if account is None:
            yield "No account yet. The trader writes state/account.json on start; type up to start the services."
        else:
            current = state.verdict("trader", now).is_current
            figures = money_figures(
                account, state.tickers, state.settings.TRADER_MAX_POSITIONS, fees=None,
                old=None if current else now - account.timestamp,
            )  # fmt: skip
            yield f"{', '.join(f'{one.name} {one.text}'.strip() for one in figures)}."
        for alert in all_alerts(state, now):
            yield f"{_LEVEL_WORDS[alert.level]}: {sanitize(alert.text)}."
        yield f"{last_word(state, now).removesuffix('.')}."


def _services(state: RoomState, now: float) -> Iterator[str]:
    for name, verdict in state.verdicts(now).items():
        why = f": {sanitize(verdict.explanation)}" if verdict.explanation else ""
        yield f"{name} {verdict.word}{why}."


def _prices(state: RoomState, now: float) -> Iterator[str]:
    for symbol in state.symbols:
        ticker = state.tickers.get(symbol)
        if ticker is None:
            yield f"{sanitize(symbol)}: no price yet."
            continue
        change = state.change_percent(symbol, ticker)
        day = NO_VALUE if change is None else format_percent(change)
        price = format_price(ticker.price, ticker.decimals)
        yield f"{sanitize(symbol)}: {price}, 24 h {day}, {format_age(now - ticker.timestamp)} old."


def _positions(state: RoomState, now: float) -> Iterator[str]:
    account = state.account
    if account is None or not account.positions:
        yield "No open positions."
        return
    for position in account.positions.values():
        ticker = state.tickers.get(position.symbol)
        decimals = ticker.decimals if ticker else None
        words, _ = describe_protection(position, state.exchange_now(now))
        yield (
            f"{sanitize(position.symbol)}: {format_quantity(position.size)} at "
            f"{format_price(position.entry_price, decimals)}, profit "
            f"{format_signed(position.unrealized_at(ticker.bid if ticker else 0.0))}, stop "
            f"{format_price(position.stop_loss, decimals)}, target {format_price(position.take_profit, decimals)}, "
            f"{words}."
        )


def _signals(state: RoomState, now: float) -> Iterator[str]:
    trades = state.trades
    decimals = {symbol: ticker.decimals for symbol, ticker in state.tickers.items()}
    groups = group_signals(trades.signals.values(), orders_by_signal(trades.orders.values()), decimals)
    for group in groups[:_MOST]:
        signal = group.newest
        yield (
            f"{format_clock(signal.timestamp)} {sanitize(signal.side)} {sanitize(signal.symbol)}, "
            f"{sanitize(signal.strategy)}: {sanitize(group.words(80))}."
        )
    if not groups:
        yield "No signal yet."


def _why(state: RoomState, now: float) -> Iterator[str]:
    blocked = (state.trader.blocked_by or []) if state.trader else ["the trader has not reported yet"]
    words = "; ".join(map(sanitize, blocked))
    yield f"Every entry is blocked: {words}." if blocked else "Nothing blocks new entries now."
    since, when = hour_of(state.known_since, now)
    reasons = count_reasons(state.trades.signals.values(), orders_by_signal(state.trades.orders.values()), since)
    yield f"{summarize_reasons(reasons, when, 1_000)}."


def _orders(state: RoomState, now: float) -> Iterator[str]:
    orders = [order for group in state.trades.order_groups() for order in group]
    for order in orders[:_MOST]:
        profit = f", profit {format_signed(order.pnl)}" if order.pnl is not None else ""
        reason = f": {sanitize(order.reason)}" if order.reason else ""
        size = NO_VALUE if order.size is None else format_quantity(order.size)
        yield (
            f"{format_clock(order.timestamp)} {sanitize(order.symbol)} {sanitize(order.leg or 'entry')} "
            f"{sanitize(order.side)} {size} at {format_price(order.price, None)}, "
            f"{sanitize(order.status.lower())}{reason}{profit}."
        )
    if not orders:
        yield "No order yet."


def _paused(state: RoomState, now: float) -> Iterator[str]:
    account = state.account
    rows = {} if account is None else account.quarantine | (account.quarantined_strategies or {})
    for name, row in rows.items():
        yield f"{sanitize(name)}: {describe_count(row)}, {sanitize(describe_reason(row))}, {describe_end(row)}."
    for name, lock in ((account.locks if account else None) or {}).items():
        yield f"{sanitize(name)}: locked {sanitize(lock)}."
    if not rows and not (account and account.locks):
        yield "Nothing is quarantined or locked."


def _memory(state: RoomState, now: float) -> Iterator[str]:
    history = state.history(now)
    if history is None:
        yield "Memory has not reported yet."
        return
    for name, verdict in history.by_name.items():
        yield f"{name}: {verdict.text}."
