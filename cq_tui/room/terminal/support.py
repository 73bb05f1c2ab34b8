"""Whether the terminal can show the room."""

from collections.abc import Mapping

from cq_tui.output_encoding import holds_ascii

_PLAIN = "For plain text, run `cq-tui --plain` or `cq-tui status`"


class TerminalUnsupported(Exception):
    """The terminal cannot show the room; the message says what to do."""


def check_terminal(environment: Mapping[str, str], *, is_terminal: bool, encoding: str | None = "utf-8") -> None:
    """Raise TerminalUnsupported if the room cannot be shown."""
    if not is_terminal:
        raise TerminalUnsupported(f"the control room needs a terminal. {_PLAIN}")
    if environment.get("TERM", "") in ("", "dumb"):
        shown = environment.get("TERM", "") or "unset"
        raise TerminalUnsupported(f"TERM is {shown}: the room cannot be shown. {_PLAIN}")
    if not holds_ascii(encoding):
        raise TerminalUnsupported(
            f"the output's encoding is {encoding}, which no terminal understands. Unset PYTHONIOENCODING"
        )
