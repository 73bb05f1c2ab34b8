"""The worst news: what a person should look at first, worst first."""

from cq_tui.ops.formatting import SEVERITY, Alert, format_age, format_clock, sanitize
from cq_tui.ops.verdict import worst_first
from cq_tui.room.history_verdicts import fault_headlines
from cq_tui.room.state import RoomState

#: Subjects whose bad file a service row already tells of.
_SERVICE_FILES = frozenset({"feeder", "ares", "trader", "memory", "exchange"})


def all_alerts(state: RoomState, now: float) -> list[Alert]:
    """Return everything that is not right, worst first; what all panes say together."""
    news = [*_integrity(state), *_services(state, now), *_files(state), *_mode(state), *_symbols(state, now)]
    account = state.account
    if account is not None:
        news += [
            Alert("look", f"{sanitize(row.symbol)} quarantined until {format_clock(row.until)}: {sanitize(row.reason)}")
            for row in account.quarantine.values()
        ]
        news += [
            Alert("bad", f"{sanitize(position.symbol)} position without protection")
            for position in account.positions.values()
            if position.protection == "missing"
        ]
    return sorted(news, key=lambda item: SEVERITY.index(item.level))


def room_alerts(state: RoomState) -> list[Alert]:
    """Return only what no pane tells: settings that are not in force, files nobody else speaks of."""
    return [*_files(state), *(item for item in _mode(state) if item.level == "bad")]


def _integrity(state: RoomState) -> list[Alert]:
    memory = state.memory
    if memory is None:
        return []
    news = []
    if not memory.integrity_ok:
        news.append(Alert("bad", f"history not intact: {sanitize('; '.join(fault_headlines(memory)))}"))
    if memory.missing_count:
        news.append(Alert("bad", f"history incomplete by {memory.missing_count:,}"))
    if memory.anchor_problem:
        news.append(Alert("look", f"checkpoints: {sanitize(memory.anchor_problem)}"))
    return news


def _services(state: RoomState, now: float) -> list[Alert]:
    return [
        Alert(verdict.level, f"{verdict.headline}: {sanitize(verdict.explanation)}")
        for verdict in worst_first(state.verdicts(now).values())
    ]


def _files(state: RoomState) -> list[Alert]:
    problems = state.file_problems.items()
    return [Alert("bad", sanitize(problem)) for name, problem in problems if name not in _SERVICE_FILES]


def _mode(state: RoomState) -> list[Alert]:
    mode = state.mode
    news = [Alert("bad", mode.blocked)] if mode.blocked else []
    if not state.guardrails:
        news.append(Alert("look", "order guardrails are off"))
    if state.settings.TRADING_STATE != "active":
        news.append(Alert("look", f"trading is {state.settings.TRADING_STATE}"))
    return news


def _symbols(state: RoomState, now: float) -> list[Alert]:
    limit = state.settings.ARES_FRESHNESS_THRESHOLD
    silent = [(now - ticker.timestamp, symbol) for symbol, ticker in state.tickers.items()]
    stale = sorted((row for row in silent if row[0] > limit), reverse=True)
    if not stale:
        return []
    oldest, symbol = stale[0]
    more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
    return [Alert("look", f"{sanitize(symbol, 20)}{more}: no price for {format_age(oldest)}")]
