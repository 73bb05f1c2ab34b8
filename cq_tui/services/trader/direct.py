"""The trader for as long as one closing takes: in the process of the command that asks, with only exits."""

import asyncio
from collections.abc import Callable

from cq_tui.contracts.commands import Command
from cq_tui.contracts.trader_requests import TraderRequest
from cq_tui.services.runtime import ServiceRuntime, cancel_and_wait
from cq_tui.services.trader.closings import Answer, Patience
from cq_tui.services.trader.selling import SellingPatience
from cq_tui.services.trader.service import TraderService

#: Nobody may follow, so it tries for longer.
DIRECT_PATIENCE = SellingPatience(closing=Patience(stall=60.0), absent=3.0, unreachable=60.0)


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
        patience: SellingPatience,
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
            answer = await self.selling.sell(self._request, self._patience, self._tell)
            self.runtime.record_command(self._command, answer[0], answer[1])
            self.answer = answer
        finally:
            self.runtime.stopping.set()
