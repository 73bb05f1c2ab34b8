"""Releases closed klines in order, without gaps or duplicates. Pure."""

from operator import lt

from cq_tui.contracts.market import Kline

#: Repairs that find nothing before a gap is taken to be the exchange's own.
MAX_EMPTY_REPAIRS = 5


class KlineSequence:
    """The end of one symbol's series, and the klines buffered behind a gap.

    Before the first ``repair`` every kline is buffered: what was missed until then is a gap, too.
    """

    def __init__(self, interval_ms: int, last_open_time: int | None = None) -> None:
        self.interval_ms = interval_ms
        self.last_open_time = last_open_time
        self._buffered: dict[int, Kline] = {}
        self._empty_repairs = 0

    @property
    def has_gap(self) -> bool:
        """Whether klines are buffered behind a gap."""
        return bool(self._buffered)

    @property
    def repair_from(self) -> int | None:
        """Open time of the first missing kline, ms; None if nothing is known yet."""
        return None if self.last_open_time is None else self.last_open_time + self.interval_ms

    def offer(self, kline: Kline) -> list[Kline]:
        """Add a closed kline of the stream; return it for release, or nothing if it is old or buffered."""
        if self.last_open_time is not None and kline.open_time <= self.last_open_time:
            return []
        if self._buffered or kline.open_time != self.repair_from:
            self._buffered[kline.open_time] = kline
            return []
        self.last_open_time = kline.open_time
        return [kline]

    def repair(self, fetched: list[Kline]) -> list[Kline]:
        """Add the exchange's history from ``repair_from`` on; return the klines to release, in order.

        A gap with later klines in the history was never traded and stays a gap. Klines later than the history stay
        buffered, since the history may lag; after MAX_EMPTY_REPAIRS repairs they are released anyway.
        """
        released: list[Kline] = []
        known_until = fetched[-1].open_time if fetched else -1
        if self._is_whole(fetched):
            released += fetched
            self.last_open_time = known_until
        else:
            self._buffered.update((kline.open_time, kline) for kline in fetched)
        released += self._release(known_until)
        self._empty_repairs = 0 if released or not self._buffered else self._empty_repairs + 1
        if self._empty_repairs >= MAX_EMPTY_REPAIRS:
            self._empty_repairs = 0
            released = self._release(max(self._buffered))
        return released

    def _is_whole(self, fetched: list[Kline]) -> bool:
        """Whether all of it is new and in order, and no buffered kline belongs in between, as is mostly so."""
        times = [kline.open_time for kline in fetched]
        if not times or not all(map(lt, times, times[1:])):
            return False
        if self.last_open_time is not None and times[0] <= self.last_open_time:
            return False
        return {time for time in self._buffered if time <= times[-1]} <= set(times)

    def reset(self) -> None:
        """Forget the end of the series: what was released is not stored, so the journal decides."""
        self.last_open_time = None

    def _release(self, known_until: int) -> list[Kline]:
        """Release what follows without a gap, and what is not later than the known history."""
        released = []
        for time in sorted(self._buffered):
            if self.last_open_time is not None and time <= self.last_open_time:
                del self._buffered[time]
            elif time == self.repair_from or time <= known_until:
                released.append(self._buffered.pop(time))
                self.last_open_time = time
        return released
