"""What a person wants of the books of this directory while no exchange answers: locks, exits, and their end."""

import time
from collections.abc import Iterable

from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.services.trader.recorder import Recorder
from cq_tui.services.trader.trader_state import TraderState
from cq_tui.trading.core import inputs
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.effects import Record
from cq_tui.trading.core.facts import ExitWanted, Fact, SymbolLocked, SymbolUnlocked


def unlock(runtime: ServiceRuntime, state: TraderState, session: AccountSession | None, request: TraderRequest) -> bool:
    """Unlock a symbol, or what was flattened as a whole, in all books; return whether one was locked."""
    locked = [book for book in state.books.values() if request.symbol in book.locks]
    for book in locked:
        if session is not None and session.core is not None and session.core.book is book:
            session.feed(inputs.Command(*request))
        else:
            unlocked = SymbolUnlocked(request.symbol, request.person, request.why, _now_ms())
            _record(runtime, book, [unlocked])
    return bool(locked)


def want_closed(runtime: ServiceRuntime, state: TraderState, request: TraderRequest) -> list[str]:
    """Note in all books that positions are to be closed, as soon as there is a session; return their symbols."""
    closing, reason = [], f"{request.kind}, requested by {request.person}"
    for book in state.books.values():
        facts: list[Fact] = []
        if request.kind == "flatten" and request.symbol not in book.locks:
            facts.append(SymbolLocked(request.symbol, request.person, request.why, _now_ms()))
        held = [one for one in book.positions.values() if request.symbol in ("", one.symbol)]
        facts += [ExitWanted(one.symbol, reason, _now_ms()) for one in held if not one.exit_reason]
        closing += [one.symbol for one in held]
        _record(runtime, book, facts)
    return closing


def _record(runtime: ServiceRuntime, book: Book, facts: Iterable[Fact]) -> None:
    told = tuple(facts)
    for fact in told:
        book.apply(fact)
    if told:
        Recorder(runtime, book, runtime.log, runtime.trace).record(Record(told, durable=True))


def _now_ms() -> int:
    return int(time.time() * 1000)
