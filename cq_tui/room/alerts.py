"""Alerts: everything that needs attention, worst first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import SEVERITY, Alert, format_age, sanitize
from cq_tui.ops.history_alerts import history_alerts
from cq_tui.ops.loss_words import loss_alerts
from cq_tui.ops.protection import describe_protection
from cq_tui.ops.quarantine_words import describe_end, describe_reason
from cq_tui.ops.restarts import restart_alerts
from cq_tui.ops.verdict import Verdict, worst_first
from cq_tui.room.state import RoomState

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState

#: Subjects whose file problems the services pane already shows.
_SERVICE_FILES = frozenset({"feeder", "ares", "trader", "memory", "exchange"})


def all_alerts(state: RoomState, now: float) -> list[Alert]:
    """Return every problem that any pane shows, worst first."""
    alerts = [*_supervision(state, now), *_history(state, now), *_services(state, now), *_files(state), *_mode(state)]
    alerts += [*_contradictions(state), *_setting_remarks(state)]
    alerts += [*_restarts(state, now), *_symbols(state, now)]
    alerts += loss_alerts(state.account)
    if state.account is not None:
        alerts += [*_paused(state.account), *_at_risk(state.account, state.exchange_now(now))]
    return sorted(alerts, key=lambda item: SEVERITY.index(item.level))


def _paused(account: "AccountState") -> Iterator[Alert]:
    """Yield what opens nothing: quarantined symbols and strategies, and locked symbols."""
    for name, row in (account.quarantine | (account.quarantined_strategies or {})).items():
        yield Alert("look", f"{sanitize(name)} quarantined, {describe_end(row)}: {sanitize(describe_reason(row))}")
    for symbol, lock in (account.locks or {}).items():
        yield Alert("look", f"{sanitize(symbol)} locked: {sanitize(lock)}")


def _at_risk(account: "AccountState", now: float) -> Iterator[Alert]:
    """Yield positions without their stop, and what cannot be explained. ``now``: by the exchange's clock."""
    for each in account.positions.values():
        text, level = describe_protection(each, now)
        if level == "bad":
            yield Alert("bad", f"{sanitize(each.symbol)} position: {text}")
    for symbol, texts in (account.doubts or {}).items():
        for text in texts:
            yield Alert("look", f"{sanitize(symbol)} in doubt: {sanitize(text)}")


def room_alerts(state: RoomState, now: float) -> list[Alert]:
    """Return the alerts that no pane shows, and those that nobody may miss: what hangs, was given up or restarted."""
    urgent = [item for verdict, item in _service_alerts(state, now) if verdict.word in ("hung", "gave up")]
    blocked = [item for item in _mode(state) if item.level == "bad"]
    # The bar says that trading is stopped, and not by whom.
    stopped = _trading(state) if state.loaded_settings.stop_reason else []
    lost = [item for item in loss_alerts(state.account) if item.level == "bad"]
    problems = [*_files(state), *blocked, *stopped, *lost, *_contradictions(state), *_setting_remarks(state)]
    return [*_supervision(state, now), *urgent, *problems, *_restarts(state, now)]


def _supervision(state: RoomState, now: float) -> list[Alert]:
    problem = state.supervision_problem(now)
    return [Alert("bad", sanitize(problem, 240))] if problem else []


def _history(state: RoomState, now: float) -> list[Alert]:
    memory, history = state.memory, state.history(now)
    return [] if memory is None or history is None else history_alerts(memory, history)


def _services(state: RoomState, now: float) -> list[Alert]:
    return [item for _, item in _service_alerts(state, now)]


def _service_alerts(state: RoomState, now: float) -> list[tuple[Verdict, Alert]]:
    return [
        (verdict, Alert(verdict.level, f"{verdict.headline}: {sanitize(verdict.explanation)}"))
        for verdict in worst_first(state.verdicts(now).values())
    ]


def _restarts(state: RoomState, now: float) -> list[Alert]:
    required = state.required_services()
    states = {name: each for name, each in state.supervised_states(now).items() if name in required}
    return restart_alerts(states, now, state.seen_restarts)


def _files(state: RoomState) -> list[Alert]:
    problems = state.file_problems.items()
    return [Alert("bad", sanitize(problem)) for name, problem in problems if name not in _SERVICE_FILES]


def _setting_remarks(state: RoomState) -> list[Alert]:
    return [Alert("look", sanitize(each)) for each in state.loaded_settings.remarks]


def _contradictions(state: RoomState) -> list[Alert]:
    """Return where the services are, if the settings ask for another mode."""
    mode = state.mode
    return [Alert("look", "; ".join(mode.reasons))] if mode.is_contradicted else []


def _mode(state: RoomState) -> list[Alert]:
    mode = state.mode
    alerts = [Alert("bad", mode.blocked)] if mode.blocked else []
    if not state.guardrails:
        alerts.append(Alert("look", "order guardrails are off"))
    return alerts + _trading(state)


def _trading(state: RoomState) -> list[Alert]:
    if state.settings.TRADING_STATE == "active":
        return []
    words = ("trading is", state.settings.TRADING_STATE, state.loaded_settings.stop_reason)
    return [Alert("look", sanitize(" ".join(filter(None, words)), 240))]


def _symbols(state: RoomState, now: float) -> list[Alert]:
    limit = state.settings.ARES_FRESHNESS_THRESHOLD
    left_out = (state.feeder.rejected_symbols if state.feeder else None) or {}
    silent = [(now - ticker.timestamp, symbol) for symbol, ticker in state.tickers.items() if symbol not in left_out]
    stale = sorted((row for row in silent if row[0] > limit), reverse=True)
    if not stale or state.verdict("feeder", now).word == "starting":
        return []
    oldest, symbol = stale[0]
    more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
    return [Alert("look", f"{sanitize(symbol, 20)}{more}: no price for {format_age(oldest)}")]
