"""Builds ``health/trader.json``: whether the trader can trade and, if not, why."""

from collections.abc import Iterable

from cq_tui.contracts.base import Status
from cq_tui.contracts.health import TraderHealth, UnprotectedTimes
from cq_tui.services.trader.account_document import doubts_of
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.trading.core.core import Core
from cq_tui.trading.core.naked import NakedLog
from cq_tui.trading.core.trading_state import trading_state
from cq_tui.trading.position_life import NakedKind


def trader_health(
    session: AccountSession | None, waiting_for: str, mode_blocked: str | None, problems: Iterable[str], now: float
) -> TraderHealth:
    """Report. ``problems``: of history, disk and files; ``mode_blocked``: why no session is possible."""
    core = None if session is None else session.core
    if session is None or core is None or not core.is_ready:
        return _waiting(session, waiting_for, mode_blocked, problems, now)
    moment, book = session.moment(), core.book
    blocked = core.blocked_by(moment)
    found = [*core.worries(moment), *session.bars.problems.values(), *blocked[:1], *problems]
    status, reason = _judge(core, found)
    return TraderHealth(
        service="trader",
        status=status,
        reason=reason,
        last_update_ts=now,
        updated_within_sec=0.0,
        ready=True,
        orders_count=book.orders_count,
        fills_count=book.fills_count,
        last_order_time=book.last_order_time,
        account_balance_ok=core.situation.settings.quote in core.situation.balances,
        ares_health_ok=not any("ARES" in line for line in blocked),
        quarantined_symbols=sorted(entry.symbol for entry in book.quarantine),
        quarantined_strategies=sorted(entry.symbol for entry in book.strategy_quarantine) or None,
        active_positions=sum(1 for symbol in book.positions if book.quantity(symbol)),
        blocked_by=blocked or None,
        open_orders=sum(1 for _ in book.open_orders()),
        denials_count=book.denials_count,
        account=book.account,
        owner=book.owner,
        clock_offset_ms=round(session.clock_offset_ms, 1),
        unprotected=unprotected_times(book.naked) or None,
        unsellable=_unsellable(core) or None,
        doubts=doubts_of(book) or None,
        notices=session.notices or None,
        trading_state=trading_state(core.situation),
    )


def _waiting(
    session: AccountSession | None, waiting_for: str, mode_blocked: str | None, problems: Iterable[str], now: float
) -> TraderHealth:
    blocked = mode_blocked or f"waiting for {waiting_for}"
    book = None if session is None or session.core is None else session.core.book
    return TraderHealth(
        service="trader",
        status="degraded",
        reason="; ".join((blocked, *problems)),
        last_update_ts=now,
        updated_within_sec=0.0,
        ready=mode_blocked is not None,
        waiting_for=waiting_for,
        orders_count=0 if book is None else book.orders_count,
        fills_count=0 if book is None else book.fills_count,
        last_order_time=0.0 if book is None else book.last_order_time,
        account_balance_ok=False,
        ares_health_ok=False,
        quarantined_symbols=[] if book is None else sorted(entry.symbol for entry in book.quarantine),
        active_positions=0 if book is None else sum(1 for symbol in book.positions if book.quantity(symbol)),
        blocked_by=[blocked],
        open_orders=0 if book is None else sum(1 for _ in book.open_orders()),
        denials_count=0 if book is None else book.denials_count,
        account=None if session is None else session.account or None,
        owner=None if book is None else book.owner,
    )


def _judge(core: Core, found: list[str]) -> tuple[Status, str | None]:
    problem = core.situation.exchange_problem
    if problem is not None:
        return "error", "; ".join((f"exchange: {problem}", *found))
    return ("degraded", "; ".join(found)) if found else ("ok", None)


def _unsellable(core: Core) -> dict[str, str]:
    return {
        symbol: core.situation.lane(symbol).stuck or "the exchange's rules do not let it be sold now"
        for symbol, position in core.book.positions.items()
        if position.state.is_unsellable
    }


def unprotected_times(log: NakedLog) -> dict[str, UnprotectedTimes]:
    """Return the naked times by kind, of those that there were."""
    found = {kind.value: log.times(kind) for kind in NakedKind}
    return {
        kind: UnprotectedTimes(count=times.ended, p50_ms=times.median, p99_ms=times.p99, max_ms=times.longest)
        for kind, times in found.items()
        if times is not None
    }
