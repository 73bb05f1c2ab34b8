"""What a person wants of the books of this directory while no exchange answers: locks, exits, and their end."""

import time
from collections.abc import Iterable

from cq_tui.contracts.commands import SymbolClosing
from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.services.trader.first_version import holds_something
from cq_tui.services.trader.recorder import Recorder
from cq_tui.services.trader.trader_state import TraderState
from cq_tui.trading.core import inputs
from cq_tui.trading.core.book import Book
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.effects import Record
from cq_tui.trading.core.facts import ExitWanted, Fact, SymbolLocked, SymbolUnlocked
from cq_tui.trading.core.plain import decimal_text
from cq_tui.trading.core.price_waits import withdrawals

#: The mode that leads to the accounts of a venue.
_MODES = {"simulated": "simulation", "testnet": "testnet", "demo": "testnet", "production": "live"}


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
        if request.kind == "close":
            facts += withdrawals(book, request.symbol, reason)
        closing += [one.symbol for one in held]
        _record(runtime, book, facts)
    return closing


def waiting_closings(state: TraderState, symbol: str, reason: str) -> list[SymbolClosing]:
    """Return what all books hold of a symbol, or with an empty one at all, as not sold yet for this reason.

    What is worth too little to be sold is among it: without an exchange nobody knows.
    """
    return [
        SymbolClosing(
            symbol=one,
            result="selling",
            left=decimal_text(book.quantity(one)),
            reason=reason,
            base_asset=book.holdings[one].base if one in book.holdings else None,
            quote_asset=book.holdings[one].quote if one in book.holdings else None,
        )
        for book in state.books.values()
        for one in symbols_to_close(book, "")
        if symbol in ("", one)
    ]


def held_elsewhere(state: TraderState, account: str, mode: str, symbol: str) -> list[str]:
    """Return what books of other accounts hold of a symbol, or with an empty one at all, each with what to do."""
    found = []
    for book in state.books.values():
        venue, here = book.account.partition(":")[0], account.partition(":")[0]
        # A directory has one simulated exchange: of one that was made anew the earlier account is gone.
        if book.account == account or (venue == here == "simulated" and mode in ("simulation", "paper")):
            continue
        held = [
            f"{one} {decimal_text(book.quantity(one))}"
            for one in book.positions
            if symbol in ("", one) and book.quantity(one)
        ]
        if held:
            way = "Use the key of that account" if venue == here else f"Switch with `cq-tui mode {_MODES[venue]}`"
            found.append(f"still held on {book.account}: {', '.join(held)}. {way}, then flatten again")
    for earlier, plain in state.first_version.items():
        held = [str(one["symbol"]) for one in plain.get("positions", ()) if symbol in ("", one["symbol"])]
        if held and holds_something(plain):
            found.append(f"still held by an earlier book of mode {earlier}, of another account: {', '.join(held)}")
    return found


def _record(runtime: ServiceRuntime, book: Book, facts: Iterable[Fact]) -> None:
    told = tuple(facts)
    for fact in told:
        book.apply(fact)
    if told:
        Recorder(runtime, book, runtime.log, runtime.trace).record(Record(told, durable=True))


def _now_ms() -> int:
    return int(time.time() * 1000)
