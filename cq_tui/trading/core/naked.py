"""How long positions were without a working stop, by the exchange's times."""

from dataclasses import dataclass, field
from typing import NamedTuple

from cq_tui.trading.position_life import NakedKind

#: Newest spans kept of each kind.
_KEPT = 1_000


class NakedSpan(NamedTuple):
    """A naked time that goes on: why, and since when (Unix milliseconds)."""

    kind: NakedKind
    since_ms: int


class NakedTimes(NamedTuple):
    """The naked times of one kind, in milliseconds."""

    ended: int
    median: int
    p99: int
    longest: int


@dataclass(slots=True)
class NakedLog:
    """The ended naked times of each kind, in milliseconds, oldest first."""

    spans: dict[NakedKind, list[int]] = field(default_factory=dict)
    counts: dict[NakedKind, int] = field(default_factory=dict)
    longest: dict[NakedKind, int] = field(default_factory=dict)

    def add(self, span: NakedSpan, until_ms: int) -> int:
        """Add a naked time that has ended; return its length in milliseconds."""
        took = max(until_ms - span.since_ms, 0)
        known = self.spans.setdefault(span.kind, [])
        known.append(took)
        del known[:-_KEPT]
        self.counts[span.kind] = self.counts.get(span.kind, 0) + 1
        self.longest[span.kind] = max(self.longest.get(span.kind, 0), took)
        return took

    def times(self, kind: NakedKind) -> NakedTimes | None:
        """Return the figures of one kind; None if there was none. Quantiles are those of the newest 1,000."""
        if not (known := sorted(self.spans.get(kind, ()))):
            return None
        p99 = known[min(len(known) * 99 // 100, len(known) - 1)]
        return NakedTimes(self.counts[kind], known[len(known) // 2], p99, self.longest[kind])
