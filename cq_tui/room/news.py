"""The worst news: what a person should look at first, worst first."""

from cq_tui.ops.words import Level, News, age, clean, clock
from cq_tui.room.history_verdicts import fault_headlines
from cq_tui.room.service_rows import service_rows
from cq_tui.room.state import RoomState

_ORDER: dict[Level, int] = {"bad": 0, "look": 1, "idle": 2, "good": 3}
#: Subjects whose bad file a service row already tells of.
_TOLD_BY_SERVICES = frozenset({"feeder", "ares", "trader", "memory", "exchange"})


def worst_news(state: RoomState, now: float) -> list[News]:
    """Return everything that is not right, worst first; what all panes say together."""
    news = [*_integrity(state), *_services(state, now), *_files(state), *_mode(state), *_symbols(state, now)]
    account = state.account
    if account is not None:
        news += [
            News("look", f"{clean(row.symbol)} quarantined until {clock(row.until)}: {clean(row.reason)}")
            for row in account.quarantine.values()
        ]
        news += [
            News("bad", f"{clean(position.symbol)} position without protection")
            for position in account.positions.values()
            if position.protection == "missing"
        ]
    return sorted(news, key=lambda item: _ORDER[item.level])


def room_news(state: RoomState) -> list[News]:
    """Return only what no pane tells: settings that are not in force, files nobody else speaks of."""
    return [*_files(state), *(item for item in _mode(state) if item.level == "bad")]


def _integrity(state: RoomState) -> list[News]:
    memory = state.memory
    if memory is None:
        return []
    news = []
    if not memory.integrity_ok:
        news.append(News("bad", f"history not intact: {clean('; '.join(fault_headlines(memory)))}"))
    if memory.missing_count:
        news.append(News("bad", f"history incomplete by {memory.missing_count:,}"))
    if memory.anchor_problem:
        news.append(News("look", f"checkpoints: {clean(memory.anchor_problem)}"))
    return news


def _services(state: RoomState, now: float) -> list[News]:
    rows = service_rows(state, now)
    if rows and all(row.word == "absent" for row in rows):
        return [News("bad", "no service runs")]
    return [
        News(row.level, f"{row.name} {row.word}" + (f": {clean(row.reason)}" if row.reason else ""))
        for row in rows
        if row.level != "good"
    ]


def _files(state: RoomState) -> list[News]:
    problems = state.file_problems.items()
    return [News("bad", clean(problem)) for name, problem in problems if name not in _TOLD_BY_SERVICES]


def _mode(state: RoomState) -> list[News]:
    mode = state.mode
    news = [News("bad", mode.blocked)] if mode.blocked else []
    if not state.guardrails:
        news.append(News("look", "order guardrails are off"))
    if state.settings.TRADING_STATE != "active":
        news.append(News("look", f"trading is {state.settings.TRADING_STATE}"))
    return news


def _symbols(state: RoomState, now: float) -> list[News]:
    limit = state.settings.ARES_FRESHNESS_THRESHOLD
    silent = [(now - ticker.timestamp, symbol) for symbol, ticker in state.tickers.items()]
    stale = sorted((row for row in silent if row[0] > limit), reverse=True)
    if not stale:
        return []
    oldest, symbol = stale[0]
    more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
    return [News("look", f"{clean(symbol, 20)}{more}: no price for {age(oldest)}")]
