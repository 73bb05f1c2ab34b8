"""The keys of the room. Each has an id, by which ``App.set_keymap`` can move it, and words for the help."""

from textual.binding import Binding

PANE_NAMES = ("services", "feeder", "signals", "orders", "quarantine", "memory")


def _key(
    keys: str, action: str, name: str, tooltip: str, *, shown: bool = True, as_shown: str | None = None
) -> Binding:
    binding_id = f"room.{name.replace(' ', '_')}"
    return Binding(keys, action, name, id=binding_id, tooltip=tooltip, show=shown, key_display=as_shown)


#: In the order of the line at the bottom; the last two are always on it.
SHOWN_KEYS: tuple[Binding, ...] = (
    _key("t", "steer('toggle_testnet')", "testnet", "Switch BINANCE_USE_TESTNET; asks first"),
    _key("g", "steer('toggle_guardrails')", "guardrails", "Switch the order guardrails; asks first"),
    _key("b", "steer('bundle')", "bundle", "Write a debug bundle; its path is shown and copied"),
    _key("H", "steer('toggle_halt')", "halt", "Halt trading, or let it go on; asks first"),
    _key("s", "service('start')", "start", "Start the selected service"),
    _key("x", "service('stop')", "stop", "Stop the selected service; asks first"),
    _key("r", "service('restart')", "restart", "Restart the selected service; asks first"),
    _key("slash", "filter", "filter", "Filter the active list; escape drops it", as_shown="/"),
    _key("z", "zoom", "zoom", "The active pane alone, or all panes again"),
    _key("l", "logs", "logs", "Follow the log of the selected service"),
    _key("p", "freeze", "freeze", "Hold the display still; the stack goes on"),
    _key("question_mark", "help", "help", "All keys, and what the signs mean", as_shown="?"),
    _key("q", "leave", "leave", "Leave: detach, stop all, or stay"),
)

OTHER_KEYS: tuple[Binding, ...] = (
    *(
        _key(str(number), f"pane({number})", name, "Go to a pane", shown=False)
        for number, name in enumerate(PANE_NAMES, 1)
    ),
    _key("tab", "next_pane(1)", "next pane", "The next pane, the pane before", shown=False),
    _key("shift+tab", "next_pane(-1)", "pane before", "The next pane, the pane before", shown=False),
    _key("escape", "back", "back", "Drop the filter, then zoom, then the selection", shown=False),
    _key("ctrl+q,ctrl+c", "leave", "quit", "Leave: detach, stop all, or stay", shown=False),
)
