"""What a terminal sends, cut into whole pieces: keys and reports, the escape key, Alt with a key, pastes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TypedText:
    """Characters that were typed, without an escape among them."""

    text: str


@dataclass(frozen=True, slots=True)
class EscapeSequence:
    """One whole sequence of a kind that means a key or a report, such as ``ESC [ A``."""

    text: str


@dataclass(frozen=True, slots=True)
class AltKey:
    """A character typed while Alt was held; ``text`` is ESC and the character."""

    text: str


@dataclass(frozen=True, slots=True)
class EscapeKey:
    """The escape key by itself."""


@dataclass(frozen=True, slots=True)
class PastedText:
    """One bracketed paste, without control characters but for line ends and tabs."""

    text: str


@dataclass(frozen=True, slots=True)
class Background:
    """The terminal said whether its background is dark."""

    is_dark: bool


Input = Background | TypedText | EscapeSequence | AltKey | EscapeKey | PastedText
