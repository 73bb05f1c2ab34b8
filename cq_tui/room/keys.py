"""The room's key bindings. Each has an id, by which ``App.set_keymap`` can move it, and a tooltip for the help."""

from enum import StrEnum
from functools import partial

from textual.binding import Binding

PANE_NAMES = ("services", "feeder", "signals", "orders", "quarantine", "memory", "positions", "chart")


class RoomAction(StrEnum):
    """What a key can do to the stack; RoomActions has a method for each."""

    TOGGLE_TESTNET = "toggle_testnet"
    TOGGLE_GUARDRAILS = "toggle_guardrails"
    TOGGLE_HALT = "toggle_halt"
    FLATTEN = "flatten"
    CLOSE = "close"
    RELEASE = "release"
    LOCK = "lock"
    ENTER = "enter"
    ACCEPT = "accept"
    SETTING = "setting"
    BUNDLE = "bundle"
    START = "start"
    STOP = "stop"
    RESTART = "restart"


#: What opens a question first.
ASKING_ACTIONS = frozenset(RoomAction) - {RoomAction.BUNDLE, RoomAction.START}


#: The help's headings, in its order; each binding of the room names its own by ``under``.
SECTIONS: dict[str, str] = {"act": "act", "look": "look", "find": "find", "go": "go to", "room": "this room"}
#: The section of each binding, by its id.
SECTION_OF: dict[str, str] = {}


def _binding(
    under: str,
    keys: str,
    action: str,
    name: str,
    tooltip: str,
    *,
    label: str = "",
    shown: bool = True,
    display: str | None = None,
) -> Binding:
    # ``name`` makes the id, which users' keymaps refer to: a new label leaves it alone.
    binding_id = f"room.{name.replace(' ', '_')}"
    SECTION_OF[binding_id] = under
    return Binding(keys, action, label or name, id=binding_id, tooltip=tooltip, show=shown, key_display=display)


_act, _look, _find, _go, _here = (partial(_binding, name) for name in SECTIONS)

#: In the order of the footer; the last two are always shown.
FOOTER_BINDINGS: tuple[Binding, ...] = (
    _act("t", f"perform('{RoomAction.TOGGLE_TESTNET}')", "testnet", "Change the mode; asks first", label="mode"),
    _act(
        "g",
        f"perform('{RoomAction.TOGGLE_GUARDRAILS}')",
        "guardrails",
        "Toggle the order guardrails; asks first",
    ),
    _here("b", f"perform('{RoomAction.BUNDLE}')", "bundle", "Write a debug bundle and copy its path"),
    _act("H", f"perform('{RoomAction.TOGGLE_HALT}')", "halt", "Halt, reduce or resume trading; asks first"),
    _act("s", f"service('{RoomAction.START}')", "start", "Start the selected service"),
    _act("x", f"service('{RoomAction.STOP}')", "stop", "Stop the selected service; asks first"),
    _act("r", f"service('{RoomAction.RESTART}')", "restart", "Restart the selected service; asks first"),
    _find("slash", "filter", "filter", "Filter the active list; esc clears the filter", display="/"),
    _act("F", f"perform('{RoomAction.FLATTEN}')", "flatten", "Sell everything and halt; asks first"),
    _go("z", "zoom", "zoom", "Zoom the active pane, or show all panes again"),
    _look("l", "logs", "logs", "Follow the selected service's log"),
    _here("p", "freeze", "freeze", "Freeze the display; the stack keeps running"),
    _here("question_mark", "help", "help", "Show all keys and icons", display="?"),
    _here("q", "leave", "leave", "Quit: leave, stop all services, or stay", label="quit"),
)

HIDDEN_BINDINGS: tuple[Binding, ...] = (
    _act("c", "on_symbol('close')", "close", "Close a position, or an entry that waits; asks first", shown=False),
    _act("u", "on_symbol('release')", "release", "Release a symbol or strategy; asks first", shown=False),
    _act("L", "on_symbol('lock')", "lock", "Lock a symbol: nothing is opened in it; asks first", shown=False),
    _act("n", "on_symbol('enter')", "new entry", "Enter by hand, with stop and target; asks first", shown=False),
    _act("S", "settings", "settings", "Show the settings, and change them; asks first", shown=False),
    _act("A", "perform('accept')", "accept", "Accept a fault of the history or a doubt; asks first", shown=False),
    _look("v", "proof", "proof", "Show the newest event of the row, and its proof", shown=False),
    _find("o", "sort(0)", "sort", "Sort the list by the next column, or reverse its order", shown=False),
    _find("O", "sort(1)", "reverse", "Sort the list by the next column, or reverse its order", shown=False),
    _find("y", "copy(0)", "copy id", "Copy the row's id", shown=False),
    _find("Y", "copy(1)", "copy all", "Copy all of the row", shown=False),
    *(
        _go(str(number), f"pane({number})", name, "Go to a pane", shown=False)
        for number, name in enumerate(PANE_NAMES, 1)
    ),
    _go("tab", "next_pane(1)", "next pane", "Next or previous pane", shown=False),
    _go("shift+tab", "next_pane(-1)", "pane before", "Next or previous pane", label="previous pane", shown=False),
    _find("space", "pin", "pin", "Pin the symbol in focus to the top, or let it go", shown=False),
    _find(
        "equals_sign",
        "narrow",
        "narrow",
        "Show only the symbol in focus in every list, or all again",
        shown=False,
        display="=",
    ),
    _look("plus", "chart_frame(1)", "longer bars", "Longer or shorter bars in the chart", shown=False, display="+"),
    _look(
        "minus",
        "chart_frame(-1)",
        "shorter bars",
        "Longer or shorter bars in the chart",
        shown=False,
        display="-",
    ),
    _look("comma", "chart_move(-1)", "earlier", "Move the chart in time", shown=False, display=","),
    _look("full_stop", "chart_move(1)", "later", "Move the chart in time", shown=False, display="."),
    _look("w", "why_not", "why not", "Why no trade: the reasons of the last hour", shown=False),
    _look("T", "trades", "trades", "Show a day's trades, from the books", shown=False),
    _look("m", "balances", "balances", "Show the account's balances", shown=False),
    _look("e", "every_event", "every event", "In memory, show every event or what else happened", shown=False),
    _look("D", "drills", "drills", "Rehearse failures on a private exchange", shown=False),
    _look("B", "look_back", "look back", "Run strategies over recorded klines, beside what ran live", shown=False),
    # Not in Textual's own binding, which would come before what is typed into a filter.
    _go("colon", "app.command_palette", "everything", "Find any action by its name", shown=False, display=":"),
    _go("escape", "back", "back", "Clear the filter, then zoom, then the selection", shown=False),
    _here("ctrl+q,ctrl+c", "leave", "quit", "Quit: leave, stop all services, or stay", shown=False),
)

#: Actions of hidden keys that the palette lists as well; those on symbols it lists with each symbol.
IN_PALETTE = frozenset(
    {
        "drills", "look_back", "settings", "trades", "why_not", "balances", "every_event", "perform('accept')", "pin",
        "narrow", "copy(0)", "copy(1)", "proof",
    }
)  # fmt: skip

#: On every screen: other programs may write over the room, which paints only what changes.
APP_BINDINGS: tuple[Binding, ...] = (_here("ctrl+l", "redraw", "redraw", "Draw the whole screen again", shown=False),)
