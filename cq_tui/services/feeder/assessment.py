"""What the feeder's health says of a session: how fresh the data is, what is missing, and what it waits for."""

from cq_tui.contracts.base import Status
from cq_tui.services.feeder.session import FeederSession
from cq_tui.services.symbol_rules import describe_left_out, name_symbols


def assess(
    session: FeederSession, now: float, age: float, limit: float, *, names_unlisted: bool, disk_problem: str | None
) -> tuple[Status, str | None]:
    """Return the status and its reason at ``now`` (Unix seconds).

    ``age`` is that of the newest data in seconds, ``limit`` the highest good one. Without ``names_unlisted``, symbols
    that the exchange does not list are no problem, as long as others trade.
    """
    rejected = session.rejected
    if not session.symbols and rejected:
        return "error", describe_left_out(rejected)
    if not session.klines.backfilled:
        return "degraded", f"fetching {session.klines.backfill_progress or 'history'}"
    if not session.streams.connected and age > limit:
        return "error", f"stream down: {session.streams.down_reason}"
    if age > limit:
        return "error", f"no data for {age:.0f} s"
    if not names_unlisted:
        unlisted = session.rules.refresh.never_listed
        rejected = {symbol: reason for symbol, reason in rejected.items() if symbol not in unlisted}
    silent = session.silent_since(now)
    problems = [
        f"stream down: {session.streams.down_reason}" if not session.streams.connected else "",
        f"silent: {name_symbols(sorted(silent))}" if silent else "",
        describe_left_out(rejected),
        f"taking up {name_symbols(session.coming)}" if session.coming else "",
        f"klines incomplete: {', '.join(session.incomplete)}" if session.incomplete else "",
        f"REST: {session.rest_problem}" if session.rest_problem else "",
        session.streams.problem or "",
        session.disk_problem or disk_problem or "",
    ]
    reason = "; ".join(problem for problem in problems if problem)
    return ("degraded", reason) if reason else ("ok", None)


def awaited(session: FeederSession) -> str:
    """Return what a session waits for until it feeds anything; empty when it waits for nothing."""
    if not session.symbols:
        return describe_left_out(session.rejected) or "the rules of the symbols"
    return session.klines.backfill_progress
