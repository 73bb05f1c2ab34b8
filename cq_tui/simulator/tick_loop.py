"""Moves the market from tick to tick with the clock, and has the ledger remember it."""

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

#: The state of the market goes to the ledger this often.
_SAVE_STATE_MS = 20 * 60_000
#: Later than this many ticks, the market jumps to the present instead of passing through every tick.
_LATE_TICKS = 40
#: Ticks passed through before others have their turn, when a standing clock was moved far.
_TICKS_PER_TURN = 100


class TickLoop:
    """Drives one exchange and tells its streams; ends connections that have lived their time."""

    def __init__(self, exchange: Exchange, hub: StreamHub, clock: Clock, connections: Connections) -> None:
        self._exchange = exchange
        self._hub = hub
        self._connections = connections
        self._clock = clock
        self._recorded_at = exchange.market.time
        self._moving = asyncio.Lock()

    async def run(self) -> None:
        """Follow the clock until the task is cancelled."""
        market = self._exchange.market
        while not market.ended:
            await self.catch_up()
            await self._clock.wait_until((market.tick + 1) * TICK_MS)
        log.warning("the recorded prices have ended: the market is halted")
        await asyncio.Event().wait()

    async def catch_up(self) -> None:
        """Bring the market to the clock's time."""
        async with self._moving:
            market = self._exchange.market
            due = self._clock.market_time() // TICK_MS
            if due - market.tick > _LATE_TICKS and not self._clock.is_frozen:
                log.warning("the market was %d ticks late and jumps to the present", due - market.tick)
                self._run_tick(due)
            for tick in range(market.tick + 1, due + 1):
                self._run_tick(tick)
                if tick % _TICKS_PER_TURN == 0:
                    await asyncio.sleep(0)
            self._save_market_state()

    def _run_tick(self, tick: int) -> None:
        try:
            self._exchange.on_tick(tick)
        except RequestRejected as error:
            log.error("orders could not be matched at this tick, the ledger is not writable: %s", error)
        self._hub.on_tick()
        self._connections.close_expired(self._exchange.market.time)

    def _save_market_state(self) -> None:
        exchange = self._exchange
        source, time = exchange.market.source, exchange.market.time
        if exchange.ledger is None or time - self._recorded_at < _SAVE_STATE_MS:
            return
        self._recorded_at = time
        if isinstance(source, RandomWalk):
            try:
                exchange.ledger.record_market_state(random_walk_state(source, source.seed))
            except JournalError as error:
                log.error("the ledger refused the state of the market: %s", error)
