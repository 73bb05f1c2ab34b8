"""The first moments of a question: no answer counts before a person can have read it."""

from collections.abc import Callable, Iterable
from time import monotonic

#: Seconds from the moment at which the question was painted.
READING_TIME = 0.3

#: Early keys named in the dialog at most.
_MOST_NAMED = 8


class AnswerGuard:
    """Refuses answers until the question has been visible for READING_TIME, and remembers the keys that came early."""

    def __init__(self, clock: Callable[[], float] = monotonic, early: Iterable[str] = ()) -> None:
        """``early`` are keys typed before the question opened; ``clock`` counts seconds and never goes back."""
        self._clock = clock
        self._early = list(early)
        self._painted_at: float | None = None

    def mark_painted(self) -> None:
        """The question is on the screen from now on."""
        if self._painted_at is None:
            self._painted_at = self._clock()

    @property
    def is_painted(self) -> bool:
        """Whether the question is on the screen."""
        return self._painted_at is not None

    @property
    def is_over(self) -> bool:
        """Whether answers count."""
        return self._painted_at is not None and self._clock() - self._painted_at >= READING_TIME

    def refuses(self, key: str) -> bool:
        """Whether an answer given with this key comes too early; it is remembered then."""
        if self.is_over:
            return False
        self._early.append(key)
        return True

    @property
    def notice(self) -> str:
        """What was swallowed, in words; empty if nothing was."""
        if not self._early:
            return ""
        cut = "… " if len(self._early) > _MOST_NAMED else ""
        again = "press it again" if len(self._early) == 1 else "press them again"
        return f"too early: {cut}{' '.join(self._early[-_MOST_NAMED:])} — {again}"
