"""The tick loop: advances the market with the clock, and saves its state to the ledger."""

import asyncio
import logging

from cq_tui.simulator.clock import Clock
from cq_tui.simulator.connections.open_connections import Connections
from cq_tui.simulator.errors import RequestRejected
from cq_tui.simulator.exchange import Exchange
from cq_tui.simulator.market.market_start import random_walk_state
from cq_tui.simulator.market.random_walk import RandomWalk
from cq_tui.simulator.market.ticks import TICK_MS
from cq_tui.simulator.streams.stream_hub import StreamHub
from cq_tui.store.journal import JournalError

log = logging.getLogger(__name__)

#: Interval at which the market state is saved to the ledger.
_SAVE_STATE_MS = 20 * 60_000
#: If the market is more than this many ticks late, it skips them and jumps to the current tick.
_LATE_TICKS = 40
#: Ticks processed before other tasks may run, after a frozen clock was moved far.
_TICKS_PER_TURN = 100


class TickLoop:
    """Advances one exchange and its streams, and closes connections past their lifetime."""

    def __init__(self, exchange: Exchange, hub: StreamHub, clock: Clock, connections: Connections) -> None:
        self._exchange = exchange
        self._hub = hub
        self._connections = connections
        self._clock = clock
        self._recorded_at = exchange.market.time
        #: Statuses of the symbols at the exchange that live or recorded prices come from.
        self._statuses: dict[str, str] = {}
        self._moving = asyncio.Lock()

    async def run(self) -> None:
        """Follow the clock until the task is canceled."""
        market = self._exchange.market
        while not market.ended:
            await self.catch_up()
            await self._clock.wait_until((market.tick + 1) * TICK_MS)
        log.warning("the recorded prices have ended; the market is halted")
        await asyncio.Event().wait()

    async def catch_up(self) -> None:
        """Advance the market to the clock's time."""
        async with self._moving:
            market = self._exchange.market
            due = self._clock.market_time() // TICK_MS
            if due - market.tick > _LATE_TICKS and not self._clock.is_frozen:
                log.warning("the market was %d ticks late and skipped them", due - market.tick)
                self._run_tick(due)
            for tick in range(market.tick + 1, due + 1):
                self._run_tick(tick)
                if tick % _TICKS_PER_TURN == 0:
                    self._save_market_state()
                    await asyncio.sleep(0)
            self._save_market_state()

    def _follow_statuses(self, tick: int) -> None:
        """Halt what the other exchange halts, or halted when it was recorded, and let it trade again."""
        before, self._statuses = self._statuses, self._exchange.market.source.statuses(tick * TICK_MS)
        for symbol, status in self._statuses.items() - before.items():
            self._exchange.engine.set_phase(status, symbol)

    def _run_tick(self, tick: int) -> None:
        self._follow_statuses(tick)
        try:
            self._exchange.on_tick(tick)
        except RequestRejected as error:
            log.error("could not match orders at this tick, because the ledger is not writable: %s", error)
        self._hub.on_tick()
        self._connections.close_expired(self._exchange.market.time)

    def _save_market_state(self) -> None:
        exchange = self._exchange
        source, time = exchange.market.source, exchange.market.time
        if exchange.ledger is None or time - self._recorded_at < _SAVE_STATE_MS:
            return
        self._recorded_at = time
        try:
            exchange.record_identity()
            if isinstance(source, RandomWalk):
                exchange.ledger.record_market_state(random_walk_state(source, source.seed))
        except JournalError as error:
            log.error("could not save the market state to the ledger: %s", error)
