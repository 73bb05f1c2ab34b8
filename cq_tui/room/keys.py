"""The room's key bindings. Each has an id, by which ``App.set_keymap`` can move it, and a tooltip for the help."""

from enum import StrEnum

from textual.binding import Binding

PANE_NAMES = ("services", "feeder", "signals", "orders", "quarantine", "memory", "positions", "chart")


class RoomAction(StrEnum):
    """What a key can do to the stack; RoomActions has a method for each."""

    TOGGLE_TESTNET = "toggle_testnet"
    TOGGLE_GUARDRAILS = "toggle_guardrails"
    TOGGLE_HALT = "toggle_halt"
    FLATTEN = "flatten"
    CLOSE = "close"
    BUNDLE = "bundle"
    START = "start"
    STOP = "stop"
    RESTART = "restart"


#: What opens a question first.
ASKING_ACTIONS = frozenset(RoomAction) - {RoomAction.BUNDLE, RoomAction.START}


def _binding(
    keys: str, action: str, name: str, tooltip: str, *, label: str = "", shown: bool = True, display: str | None = None
) -> Binding:
    # ``name`` makes the id, which users' keymaps refer to: a new label leaves it alone.
    binding_id = f"room.{name.replace(' ', '_')}"
    return Binding(keys, action, label or name, id=binding_id, tooltip=tooltip, show=shown, key_display=display)


#: In the order of the footer; the last two are always shown.
FOOTER_BINDINGS: tuple[Binding, ...] = (
    _binding("t", f"perform('{RoomAction.TOGGLE_TESTNET}')", "testnet", "Change the mode; asks first", label="mode"),
    _binding(
        "g", f"perform('{RoomAction.TOGGLE_GUARDRAILS}')", "guardrails", "Toggle the order guardrails; asks first"
    ),
    _binding("b", f"perform('{RoomAction.BUNDLE}')", "bundle", "Write a debug bundle and copy its path"),
    _binding("H", f"perform('{RoomAction.TOGGLE_HALT}')", "halt", "Halt, reduce or resume trading; asks first"),
    _binding("s", f"service('{RoomAction.START}')", "start", "Start the selected service"),
    _binding("x", f"service('{RoomAction.STOP}')", "stop", "Stop the selected service; asks first"),
    _binding("r", f"service('{RoomAction.RESTART}')", "restart", "Restart the selected service; asks first"),
    _binding("slash", "filter", "filter", "Filter the active list; esc clears the filter", display="/"),
    _binding("F", f"perform('{RoomAction.FLATTEN}')", "flatten", "Sell everything and halt; asks first"),
    _binding("z", "zoom", "zoom", "Zoom the active pane, or show all panes again"),
    _binding("l", "logs", "logs", "Follow the selected service's log"),
    _binding("p", "freeze", "freeze", "Freeze the display; the stack keeps running"),
    _binding("question_mark", "help", "help", "Show all keys and icons", display="?"),
    _binding("q", "leave", "leave", "Quit: leave, stop all services, or stay", label="quit"),
)

HIDDEN_BINDINGS: tuple[Binding, ...] = (
    _binding("c", "close", "close", "Close the selected position; asks first", shown=False),
    *(
        _binding(str(number), f"pane({number})", name, "Go to a pane", shown=False)
        for number, name in enumerate(PANE_NAMES, 1)
    ),
    _binding("tab", "next_pane(1)", "next pane", "Next or previous pane", shown=False),
    _binding("shift+tab", "next_pane(-1)", "pane before", "Next or previous pane", label="previous pane", shown=False),
    _binding("space", "pin", "pin", "Pin the symbol in focus to the top, or let it go", shown=False),
    _binding(
        "equals_sign",
        "narrow",
        "narrow",
        "Show only the symbol in focus in every list, or all again",
        shown=False,
        display="=",
    ),
    _binding("plus", "chart_frame(1)", "longer bars", "Longer or shorter bars in the chart", shown=False, display="+"),
    _binding(
        "minus", "chart_frame(-1)", "shorter bars", "Longer or shorter bars in the chart", shown=False, display="-"
    ),
    _binding("comma", "chart_move(-1)", "earlier", "Move the chart in time", shown=False, display=","),
    _binding("full_stop", "chart_move(1)", "later", "Move the chart in time", shown=False, display="."),
    _binding("w", "why_not", "why not", "Why no trade: the reasons of the last hour", shown=False),
    _binding("m", "balances", "balances", "Show the account's balances", shown=False),
    _binding("e", "every_event", "every event", "In memory, show every event or what else happened", shown=False),
    _binding("D", "drills", "drills", "Rehearse failures on a private exchange", shown=False),
    _binding("B", "look_back", "look back", "Run strategies over recorded klines, beside what ran live", shown=False),
    _binding("escape", "back", "back", "Clear the filter, then zoom, then the selection", shown=False),
    _binding("ctrl+q,ctrl+c", "leave", "quit", "Quit: leave, stop all services, or stay", shown=False),
)

#: On every screen: other programs may write over the room, which paints only what changes.
APP_BINDINGS: tuple[Binding, ...] = (
    _binding("ctrl+l", "redraw", "redraw", "Draw the whole screen again", shown=False),
)
