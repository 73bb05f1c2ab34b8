"""Whose turn it is in the host: the plug-in that had the least time, one call each. So a slow one delays itself."""

from collections.abc import Sequence

from cq_tui.services.ares.plug_ins.residents import Resident

#: Seconds that count as the same: so long they decide in their order, as the built-in strategies do.
_SLICE = 0.01


class Turns:
    """The plug-ins of a host."""

    def __init__(self, residents: Sequence[Resident]) -> None:
        self.residents = residents

    @property
    def has_work(self) -> bool:
        """Whether any has something to do."""
        return any(resident.has_work for resident in self.residents)

    def take(self) -> None:
        """Give the next turn."""
        working = [resident for resident in self.residents if resident.has_work]
        if not working:
            return
        chosen = min(working, key=lambda resident: resident.spent // _SLICE)
        for resident in self.residents:
            # Who was idle saves no time up for later.
            if not resident.has_work:
                resident.spent = max(resident.spent, chosen.spent)
        chosen.step()
