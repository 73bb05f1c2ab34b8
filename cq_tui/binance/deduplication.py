"""Duplicates from two connections while one takes over from the other. No I/O."""

from collections import deque
from collections.abc import Hashable

from cq_tui.binance.market_events import (
    BookTickerUpdate,
    DepthUpdate,
    KlineUpdate,
    MarketEvent,
    MiniTickerUpdate,
    TradeUpdate,
)


class EventDeduplicator:
    """Remembers the events it has seen, up to ``capacity``.

    A ticker is new only if it is newer than the last one. Others are new in any order: the old connection may
    lag behind with events that the new one was too late for.
    """

    def __init__(self, capacity: int = 20_000) -> None:
        self._newest: dict[Hashable, int] = {}
        self._seen: set[Hashable] = set()
        self._order: deque[Hashable] = deque()
        self._capacity = capacity

    def is_new(self, event: MarketEvent) -> bool:
        """Whether the event has not been seen yet; records it."""
        match event:
            case BookTickerUpdate():
                return self._is_newer((BookTickerUpdate, event.symbol), event.update_id)
            case MiniTickerUpdate():
                return self._is_newer((MiniTickerUpdate, event.symbol), event.event_time)
            case TradeUpdate():
                return self._is_first((TradeUpdate, event.symbol, event.trade_id))
            case DepthUpdate():
                return self._is_first((DepthUpdate, event.symbol, event.last_update_id))
            case KlineUpdate():
                return self._is_first(event)

    def _is_newer(self, key: Hashable, mark: int) -> bool:
        if mark <= self._newest.get(key, -1):
            return False
        self._newest[key] = mark
        return True

    def _is_first(self, identity: Hashable) -> bool:
        if identity in self._seen:
            return False
        self._seen.add(identity)
        self._order.append(identity)
        if len(self._order) > self._capacity:
            self._seen.discard(self._order.popleft())
        return True
