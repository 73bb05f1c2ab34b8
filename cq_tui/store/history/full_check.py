"""Verifying in the background what a quick start skipped: everything before the position it resumed from."""

import contextlib
import os
from collections.abc import Collection

from cq_tui.contracts.layout import DataDir
from cq_tui.store.history.chain_file import has_one_name, hidden_twin
from cq_tui.store.history.event_line import may_follow
from cq_tui.store.history.faults import HistoryFault
from cq_tui.store.history.position import HistoryPosition, VerificationLimits
from cq_tui.store.history.resume import OTHER_BEGINNING
from cq_tui.store.history.scrub import Scrubber
from cq_tui.store.history.verifier import Verifier
from cq_tui.store.regular_file import open_regular

#: Events per step: about a millisecond of work.
_BATCH_EVENTS = 128


class FullCheck:
    """Verifies from the first event to ``start``, a batch per ``step``, and compares the two positions."""

    def __init__(self, data: DataDir, start: HistoryPosition, sizes: Collection[int] = ()) -> None:
        """Open the files. ``sizes`` are the tree sizes whose marks are wanted. Raises OSError."""
        #: Whether the events lead to another position, or to other sequence numbers, than the one resumed from.
        self.contradicts_start = False
        self.scrubber = Scrubber(data.events)
        self.chain_scrubber = Scrubber(data.hash_chain)
        self._data, self._start = data, start
        # Opened now, like the document: later the two change their names.
        self._twin = -1
        with contextlib.suppress(OSError):
            if has_one_name(twin := hidden_twin(data.hash_chain)):
                self._twin = open_regular(twin, os.O_RDWR)
        #: What was found so far.
        self.verifier = Verifier(
            data.events,
            data.hash_chain,
            VerificationLimits(start.event_end, start.event_end, sizes, strict=True, batch_size=_BATCH_EVENTS),
            sink=self._take_blocks,
            take_bytes=self.scrubber.add,
        )

    def _take_blocks(self, content: bytes) -> None:
        """Take the next bytes of the document, and repair its twin, which is derived, where it has others.

        A shorter twin is not continued but copied anew.
        """
        at = self.chain_scrubber.end
        self.chain_scrubber.add(content)
        if self._twin >= 0:
            found = os.pread(self._twin, len(content), at)
            if len(found) == len(content) and found != content:
                os.pwrite(self._twin, content, at)

    @property
    def progress(self) -> float:
        """Share that is verified, 0..1."""
        return self.verifier.position.event_end / self._start.event_end

    def step(self) -> bool:
        """Verify the next batch; return whether there is more. Raises OSError."""
        return self.verifier.step()

    def finish(self) -> list[HistoryFault]:
        """Close the files and return the faults."""
        self.verifier.close()
        if self._twin >= 0:
            os.fsync(self._twin)
            os.close(self._twin)
        found, start = self.verifier.position, self._start
        faults = list(self.verifier.faults)
        if faults:
            # With a number that leaps, later events of its writer would be taken for old ones.
            last = found.cursors
            self.contradicts_start = any(not may_follow(last.get(name, 0), seq) for name, seq in start.cursors.items())
            return faults
        if (found.events, found.mark) != (start.events, start.mark):
            faults.append(HistoryFault(self._data.events.name, OTHER_BEGINNING))
        elif found.cursors != start.cursors:
            reason = "a snapshot counts other events than the history holds"
            faults.append(HistoryFault(self._data.snapshots.name, reason))
        self.contradicts_start = bool(faults)
        return faults
