"""Which plug-in is to blame when the host ended, and whether it gets another try.

One that hangs is left out at once. One that was running when the process ended may be innocent, since the process may
have been killed from outside: it is left out the second time. If no plug-in was running, several ends in a row end it.
"""

from collections import Counter, deque
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cq_tui.services.ares.plug_ins.running_call import Call

_STRIKES: Final = 2
#: A plug-in kills its process only by using up the memory: all else that is killed, somebody killed.
_KILLED, _STRIKES_IF_KILLED = "signal SIGKILL", 6
_MAX_ENDS: Final = 5
_WINDOW: Final = 60.0
_FIRST_DELAY: Final = 0.2
_LONGEST_DELAY: Final = 30.0


class Blame:
    """What is held against plug-ins. Times are in seconds, of a clock that only moves forward."""

    def __init__(self) -> None:
        #: Why a plug-in is left out, by its name.
        self.left_out: dict[str, str] = {}
        #: Why no host is started any more.
        self.given_up = ""
        self._strikes: Counter[str] = Counter()
        self._ends: deque[float] = deque(maxlen=_MAX_ENDS)
        self.delay = _FIRST_DELAY

    def hung(self, call: "Call", limit: float) -> str:
        """Leave a plug-in out that did not return within ``limit`` seconds; return the reason."""
        reason = f"{call.plug_in} stopped: it hangs, {call} took more than {limit:.0f} s"
        self.left_out[call.plug_in] = reason
        return reason

    def ended(self, call: "Call", how: str, now: float) -> str:
        """Note that the host ended by itself; return the reason."""
        if call.plug_in:
            self._strikes[call.plug_in] += 1
            reason = f"{call.plug_in} stopped: it ended its process ({how}) in {call}"
            if self._strikes[call.plug_in] >= (_STRIKES_IF_KILLED if how == _KILLED else _STRIKES):
                self.left_out[call.plug_in] = reason
            return reason
        is_in_a_row = len(self._ends) == _MAX_ENDS - 1 and now - self._ends[0] < _WINDOW
        self._ends.append(now)
        self.delay = min(self.delay * 2, _LONGEST_DELAY)
        if len(self._ends) == _MAX_ENDS:
            self._ends.popleft()
        if is_in_a_row:
            self.given_up = f"the process of plug-ins ended {_MAX_ENDS} times within a minute ({how})"
        return f"the process of plug-ins ended ({how})"

    def forget(self, names: Collection[str] | None = None) -> None:
        """Give these plug-ins another try (default: all), since their settings changed."""
        for name in list(self.left_out) if names is None else names:
            self.left_out.pop(name, None)
            self._strikes.pop(name, None)
        self.given_up, self.delay = "", _FIRST_DELAY
        self._ends.clear()
