"""The keys of the room. Each has an id, by which ``App.set_keymap`` can move it, and words for the help."""

from enum import StrEnum

from textual.binding import Binding

PANE_NAMES = ("services", "feeder", "signals", "orders", "quarantine", "memory")


class RoomAction(StrEnum):
    """What a key can do to the stack; RoomActions has a method for each."""

    TOGGLE_TESTNET = "toggle_testnet"
    TOGGLE_GUARDRAILS = "toggle_guardrails"
    TOGGLE_HALT = "toggle_halt"
    BUNDLE = "bundle"
    START = "start"
    STOP = "stop"
    RESTART = "restart"


def _binding(
    keys: str, action: str, name: str, tooltip: str, *, shown: bool = True, as_shown: str | None = None
) -> Binding:
    binding_id = f"room.{name.replace(' ', '_')}"
    return Binding(keys, action, name, id=binding_id, tooltip=tooltip, show=shown, key_display=as_shown)


#: In the order of the line at the bottom; the last two are always on it.
FOOTER_BINDINGS: tuple[Binding, ...] = (
    _binding("t", f"perform('{RoomAction.TOGGLE_TESTNET}')", "testnet", "Switch BINANCE_USE_TESTNET; asks first"),
    _binding(
        "g", f"perform('{RoomAction.TOGGLE_GUARDRAILS}')", "guardrails", "Switch the order guardrails; asks first"
    ),
    _binding("b", f"perform('{RoomAction.BUNDLE}')", "bundle", "Write a debug bundle; its path is shown and copied"),
    _binding("H", f"perform('{RoomAction.TOGGLE_HALT}')", "halt", "Halt trading, or let it go on; asks first"),
    _binding("s", f"service('{RoomAction.START}')", "start", "Start the selected service"),
    _binding("x", f"service('{RoomAction.STOP}')", "stop", "Stop the selected service; asks first"),
    _binding("r", f"service('{RoomAction.RESTART}')", "restart", "Restart the selected service; asks first"),
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
