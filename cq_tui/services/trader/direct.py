"""The trader for as long as one closing takes: in the process of the command that asks, with only exits."""

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from cq_tui.contracts.commands import Command
from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.endpoints import SIMULATED_EXCHANGE
from cq_tui.services.runtime import ServiceRuntime, cancel_and_wait
from cq_tui.services.trader.closings import Answer, Patience
from cq_tui.services.trader.service import TraderService
from cq_tui.services.trader.wishes import held_elsewhere, waiting_closings, want_closed
from cq_tui.trading.core.closing import ClosingWatch
from cq_tui.trading.core.commands import symbols_to_close

_LOOK_INTERVAL = 0.1
#: Seconds after which a person wants to know what is waited for.
_WORTH_TELLING = 1.0


class DirectPatience(NamedTuple):
    """Seconds after which a closing ends although something is left. Nobody may follow, so it tries for longer."""

    closing: Patience = Patience(stall=60.0)
    #: No exchange can be tried: none runs, or there is no key.
    absent: float = 3.0
    #: It does not answer, or another trader holds the account.
    unreachable: float = 60.0


DIRECT_PATIENCE = DirectPatience()


class DirectTrader(TraderService):
    """Carries out one ``command`` to close, then ends. What it does not reach is wanted by the books, over restarts.

    ``tell`` hears what is waited for. ``answer`` is None until there is one: it was ended before.
    """

    def __init__(
        self,
        frame: ServiceRuntime,
        command: Command,
        request: TraderRequest,
        tell: Callable[[str], object],
        patience: DirectPatience,
    ) -> None:
        super().__init__(frame)
        self._command, self._request = command, request
        self._tell, self._patience = tell, patience
        self.answer: Answer | None = None

    async def run(self) -> None:
        """Be the trader until the closing has its answer, or somebody asks to stop."""
        closing = asyncio.create_task(self._carry_out())
        try:
            await super().run()
        finally:
            await cancel_and_wait(closing)

    async def _carry_out(self) -> None:
        try:
            answer = await self._sell()
            self.runtime.record_command(self._command, answer[0], answer[1])
            self.answer = answer
        finally:
            self.runtime.stopping.set()

    async def _sell(self) -> Answer:
        symbol = self._request.symbol
        # Before the books know of it: from then on they may sell.
        watches = {
            account: ClosingWatch(book, symbols_to_close(book, symbol), foreign=self._request.foreign)
            for account, book in self._state.books.items()
        }
        # Before a session, which may take long to come: for whoever has to go on.
        want_closed(self.runtime, self._state, self._request)
        end = time.monotonic() + self._patience.closing.longest
        while True:
            if not await self._session_comes():
                return self._unsold()
            session = self._session
            assert session is not None
            assert session.core is not None
            watch = watches.setdefault(
                session.account, ClosingWatch(session.core.book, (), foreign=self._request.foreign)
            )
            answer = await self._close(session, session.core, self._request, self._patience.closing, watch)
            if answer[0] == "done" or self._session is session or time.monotonic() > end:
                return answer

    async def _session_comes(self) -> bool:
        """Wait for a book and an exchange; return whether they have come in time."""
        began, told = time.monotonic(), ""
        while self._session is None or self._session.core is None:
            limit = self._patience.absent if self._place() is None else self._patience.unreachable
            if time.monotonic() - began > limit:
                return False
            if self._waiting_for != told and time.monotonic() - began > _WORTH_TELLING:
                told = self._waiting_for
                self._tell(f"waiting for {told}")
            await asyncio.sleep(_LOOK_INTERVAL)
        return True

    def _unsold(self) -> Answer:
        """Return the answer without an exchange: what the books hold, and what is waited for."""
        symbol, lacks = self._request.symbol, f"it waits for {self._waiting_for}"
        if self._waiting_for == SIMULATED_EXCHANGE:
            lacks = f"{SIMULATED_EXCHANGE} does not run. Start it with `cq-tui up`"
        rows = waiting_closings(self._state, symbol, lacks)
        if rows:
            return "failed", f"nothing could be sold: {lacks}", rows
        elsewhere = held_elsewhere(self._state, "", "", symbol)
        if not self._state.books or self._state.problem or self._state.faults or elsewhere:
            return "failed", "; ".join((f"what the account holds is not known: {lacks}", *elsewhere)), []
        return "done", "no open position", []
