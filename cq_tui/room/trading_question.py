"""The question behind the halt key: what holds now, and what may be asked for."""

from typing import TYPE_CHECKING

from cq_tui.ops.trading_holds import possible_requests, what_holds
from cq_tui.room.open_now import open_lines
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer, notice_dialog
from cq_tui.room.screens.reasoned_dialog import ReasonedDialog

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

#: The answer to each request: as the first one offered, as another one.
_ANSWERS = {
    "halt": (DialogAnswer("halt", "yes, halt", "y"), DialogAnswer("halt", "halt", "h")),
    "reduce": (DialogAnswer("reduce", "yes, reduce", "y"), DialogAnswer("reduce", "only reduce", "r")),
    "resume": (
        DialogAnswer("resume", "yes, resume trading", "y", danger=True),
        DialogAnswer("resume", "resume trading", "a", danger=True),
    ),
}
_CONSEQUENCES = {
    "halt": "Halted: nothing is opened. What is open stays protected, and can be closed.",
    "reduce": "Reducing: the same; the name says that positions are to run out.",
    "resume": "Resumed: signals will lead to orders again.",
}


def trading_question(state: "RoomState") -> Dialog:
    """Return the question; a notice if nothing can be changed here. The answer's name is the request."""
    loaded, mode = state.loaded_settings, state.mode.mode
    trading, requests = loaded.settings.TRADING_STATE, possible_requests(loaded)
    holds = [] if trading == "active" else [f"· {hold}" for hold in what_holds(loaded)]
    if not requests:
        return notice_dialog(f"Trading is {trading}, and nothing here can change it", holds, mode)
    answers = [_ANSWERS[request][number > 0] for number, request in enumerate(requests)]
    reasons = [*holds, *([""] if holds else []), *(_CONSEQUENCES[request] for request in requests), *open_lines(state)]
    question = "Stop opening positions?" if trading == "active" else f"Trading is {trading}."
    return ReasonedDialog(question, reasons, [NO, *answers], mode)
