"""The calls of plug-ins inside the host: each is announced, and after each the host looks whether it is still whole."""

import os
from collections.abc import Sequence

from cq_tui.services.ares.plug_ins.running_call import RunningCall


class GuardedCalls:
    """Announces calls. A process that a plug-in forked or cut off from ARES ends while its call still stands there."""

    def __init__(self, page: RunningCall, descriptors: Sequence[int] = ()) -> None:
        """``descriptors`` lead to ARES."""
        self.enter = page.enter
        self._page, self._descriptors, self._own_pid = page, descriptors, os.getpid()

    def leave(self) -> None:
        """End a call."""
        if os.getpid() != self._own_pid:
            # The plug-in forked: there is no second host.
            os._exit(0)
        for descriptor in self._descriptors:
            try:
                os.fstat(descriptor)
            except OSError:
                os._exit(1)
        self._page.leave()
