"""Finds out whose account a new key or address leads to, while the services stay on the present one.

While something is open, settings of the same mode are followed only once they are known to lead to the same account.
"""

import asyncio
from contextlib import suppress

from cq_tui.binance.errors import BinanceError
from cq_tui.contracts.mode import effective_mode
from cq_tui.contracts.settings import Settings
from cq_tui.services.endpoints import ExchangeUnavailable, trading_access
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.identity import AccountUnidentified, identify, open_rest

#: Seconds after which the exchange is asked again if it did not say.
_RETRY_PAUSE = 5.0


class NewCredentials:
    """Asks the exchange about the settings that the services do not follow yet."""

    def __init__(self, runtime: ServiceRuntime) -> None:
        self._runtime = runtime
        self._changed = asyncio.Event()

    def look(self) -> None:
        """Look at the settings now: they changed."""
        self._changed.set()

    async def follow(self) -> None:
        """Ask whenever the settings lead to an account that is not known yet, until canceled."""
        known: Settings | None = None
        while True:
            self._changed.clear()
            asked = self._asked()
            if asked is not None and asked != known and await self._identify(asked):
                known = asked
            with suppress(TimeoutError):
                async with asyncio.timeout(_RETRY_PAUSE):
                    await self._changed.wait()

    def _asked(self) -> Settings | None:
        """Return the settings that are not followed although they stay in the mode; None if there are none."""
        refused, mode = self._runtime.loaded.refused, self._runtime.mode
        is_same = refused is not None and mode.takes_keys and effective_mode(refused).mode == mode.mode
        return refused if is_same else None

    async def _identify(self, asked: Settings) -> bool:
        data = self._runtime.data
        try:
            access = trading_access(effective_mode(asked).mode, asked, data)
            async with open_rest(access, data) as rest:
                account, _ = await identify(access, rest)
        except (BinanceError, AccountUnidentified) as error:
            self._runtime.identify(asked, None, str(error).rstrip("."))
            return False
        except ExchangeUnavailable:
            # The settings say so themselves.
            return False
        self._runtime.identify(asked, account)
        return True
