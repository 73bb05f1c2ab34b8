"""The keys of the room. Each has an id, by which ``App.set_keymap`` can move it, and words for the help."""

from textual.binding import Binding

PANE_NAMES = ("services", "feeder", "signals", "orders", "quarantine", "memory")


def _binding(
    keys: str, action: str, name: str, tooltip: str, *, shown: bool = True, as_shown: str | None = None
) -> Binding:
    binding_id = f"room.{name.replace(' ', '_')}"
    return Binding(keys, action, name, id=binding_id, tooltip=tooltip, show=shown, key_display=as_shown)


#: In the order of the line at the bottom; the last two are always on it.
FOOTER_BINDINGS: tuple[Binding, ...] = (
    _binding("t", "steer('toggle_testnet')", "testnet", "Switch BINANCE_USE_TESTNET; asks first"),
    _binding("g", "steer('toggle_guardrails')", "guardrails", "Switch the order guardrails; asks first"),
    _binding("b", "steer('bundle')", "bundle", "Write a debug bundle; its path is shown and copied"),
    _binding("H", "steer('toggle_halt')", "halt", "Halt trading, or let it go on; asks first"),
    _binding("s", "service('start')", "start", "Start the selected service"),
    _binding("x", "service('stop')", "stop", "Stop the selected service; asks first"),
    _binding("r", "service('restart')", "restart", "Restart the selected service; asks first"),
    _binding("slash", "filter", "filter", "Filter the active list; escape drops it", as_shown="/"),
    _binding("z", "zoom", "zoom", "The active pane alone, or all panes again"),
    _binding("l", "logs", "logs", "Follow the log of the selected service"),
    _binding("p", "freeze", "freeze", "Hold the display still; the stack goes on"),
    _binding("question_mark", "help", "help", "All keys, and what the signs mean", as_shown="?"),
    _binding("q", "leave", "leave", "Leave: detach, stop all, or stay"),
)

HIDDEN_BINDINGS: tuple[Binding, ...] = (
    *(
        _binding(str(number), f"pane({number})", name, "Go to a pane", shown=False)
        for number, name in enumerate(PANE_NAMES, 1)
    ),
    _binding("tab", "next_pane(1)", "next pane", "The next pane, the pane before", shown=False),
    _binding("shift+tab", "next_pane(-1)", "pane before", "The next pane, the pane before", shown=False),
    _binding("escape", "back", "back", "Drop the filter, then zoom, then the selection", shown=False),
    _binding("ctrl+q,ctrl+c", "leave", "quit", "Leave: detach, stop all, or stay", shown=False),
)
