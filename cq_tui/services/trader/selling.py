"""A closing from the wish to its answer: noted at once, carried out when there is a book and an exchange, followed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.endpoints import SIMULATED_EXCHANGE
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.account_session import AccountSession
from cq_tui.services.trader.closings import PATIENCE, Answer, Patience, close
from cq_tui.services.trader.trader_state import TraderState
from cq_tui.services.trader.wishes import held_elsewhere, waiting_closings, want_closed
from cq_tui.trading.core.closing import ClosingWatch
from cq_tui.trading.core.commands import symbols_to_close
from cq_tui.trading.core.hidden_coins import JudgedDoubt, judge_doubts

_LOOK_INTERVAL = 0.05
#: Nothing is sold on doubt that may be another trader's.
_REMEDY = "Look at the account itself; where no other trader is, cancel those orders and run `cq-tui flatten --all`"
_ACCEPT = "If none of it is the trader's, run `cq-tui accept {} --why TEXT`"
#: Seconds after which a person wants to know what is waited for.
_WORTH_TELLING = 1.0


def _not_certain(doubts: Sequence[JudgedDoubt]) -> str:
    """Return what may be held besides, why, and what to do."""
    coins = ", ".join(dict.fromkeys(amount for doubt in doubts for amount in doubt.hides))
    why = "; ".join(doubt.text for doubt in doubts)
    accept = _ACCEPT.format(doubts[0].symbol or "account")
    return f"what else is held is not certain ({coins}): {why}. {_REMEDY}. {accept}"


class SellingPatience(NamedTuple):
    """Seconds after which the answer comes although something is left, which is still wanted."""

    closing: Patience = PATIENCE
    #: No exchange can be tried: none runs, or there is no key.
    absent: float = 0.0
    #: It does not answer, or another trader holds the account.
    unreachable: float = 8.0


SELLING_PATIENCE = SellingPatience()


class Seller(Protocol):
    """The trader, as far as a closing needs it."""

    @property
    def session(self) -> AccountSession | None:
        """The session on an account, if there is one."""

    @property
    def waiting_for(self) -> str:
        """What it waits for while there is none, after "waits for"."""

    def is_there_an_exchange(self) -> bool:
        """Whether one can be tried."""


class Selling:
    """The closings of one trader."""

    def __init__(self, runtime: ServiceRuntime, state: TraderState, seller: Seller) -> None:
        self._runtime, self._state, self._seller = runtime, state, seller
        #: Why no book is known at the start although there was one; None if one is, or there was none.
        self._lost = state.problem if not state.books else None

    async def sell(
        self,
        request: TraderRequest,
        patience: SellingPatience = SELLING_PATIENCE,
        tell: Callable[[str], object] = lambda _: None,
    ) -> Answer:
        """Have positions closed, and return what became of each symbol; ``tell`` hears what is waited for."""
        symbol, foreign = request.symbol, request.foreign
        # Before the books know of it: from then on they may sell.
        watches = {
            account: ClosingWatch(book, symbols_to_close(book, symbol), foreign=foreign)
            for account, book in self._state.books.items()
        }
        if self._session() is None:
            # A session may take long to come: for whoever has to go on.
            want_closed(self._runtime, self._state, request)
        end = time.monotonic() + patience.closing.longest
        while True:
            if not await self._session_comes(patience, tell):
                return self._unsold(request)
            session = self._seller.session
            assert session is not None
            assert session.core is not None
            watch = watches.setdefault(session.account, ClosingWatch(session.core.book, (), foreign=foreign))
            answer = await self._close(session, request, patience.closing, watch)
            if answer[0] == "done" or self._seller.session is session or time.monotonic() > end:
                return answer

    def _session(self) -> AccountSession | None:
        session = self._seller.session
        return None if session is None or session.core is None else session

    async def _session_comes(self, patience: SellingPatience, tell: Callable[[str], object]) -> bool:
        """Wait for a book and an exchange; return whether they have come in time."""
        began, told = time.monotonic(), ""
        while self._session() is None:
            limit = patience.unreachable if self._seller.is_there_an_exchange() else patience.absent
            if time.monotonic() - began >= limit:
                return False
            if self._seller.waiting_for != told and time.monotonic() - began > _WORTH_TELLING:
                told = self._seller.waiting_for
                tell(f"waiting for {told}")
            await asyncio.sleep(_LOOK_INTERVAL)
        return True

    async def _close(
        self, session: AccountSession, request: TraderRequest, patience: Patience, watch: ClosingWatch
    ) -> Answer:
        core = session.core
        assert core is not None
        found = await close(session, core, request, lambda: self._seller.session is session, patience, watch)
        outcome, message, rows = found
        more = held_elsewhere(self._state, core.book.account, self._runtime.mode.mode, request.symbol)
        doubts = judge_doubts(core.situation, request.symbol, self._lost)
        hiding = [doubt for doubt in doubts if doubt.hides]
        if hiding:
            more.append(_not_certain(hiding))
        harmless = [f"in doubt, but that hides nothing to sell: {doubt.text}" for doubt in doubts if not doubt.hides]
        return "failed" if more else outcome, "; ".join((message, *more, *harmless)), rows

    def _unsold(self, request: TraderRequest) -> Answer:
        """Return the answer without an exchange: what the books hold, and what is waited for."""
        lacks = f"the trader waits for {self._seller.waiting_for}"
        if self._seller.waiting_for == SIMULATED_EXCHANGE:
            lacks = f"{SIMULATED_EXCHANGE} does not run. Start it with `cq-tui up`"
        rows = waiting_closings(self._state, request.symbol, lacks)
        if rows:
            return "failed", f"nothing could be sold yet: {lacks}", rows
        elsewhere = held_elsewhere(self._state, "", "", request.symbol)
        is_unknown = not self._state.books or self._state.problem or self._state.faults
        if is_unknown or elsewhere or request.foreign:
            return "failed", "; ".join((f"what the account holds is not known: {lacks}", *elsewhere)), []
        return "done", "no open position", []
