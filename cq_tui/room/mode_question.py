"""The question behind the mode key: every mode with what it takes and lacks, and those that can be chosen now."""

from collections.abc import Sequence

from cq_tui.contracts.mode import EffectiveMode, Mode
from cq_tui.ops.mode import LIVE_WORD, ModeOffer
from cq_tui.room.screens.dialog import NO, Dialog, DialogAnswer
from cq_tui.room.screens.typed_dialog import TypedDialog

#: Where orders go in each mode.
WHERE: dict[Mode, str] = {
    "simulation": "the simulated exchange, with generated prices",
    "paper": "the simulated exchange, with Binance's real prices",
    "testnet": "the Binance Spot testnet",
    "live": "Binance, with REAL MONEY",
}
#: Positions and orders listed.
_MAX_LISTED = 8


def mode_question(offers: Sequence[ModeOffer], is_open: Sequence[str], shown: EffectiveMode) -> Dialog:
    """Return the question. The answer's name is the mode.

    Only modes are offered that lack nothing, or keys that can be typed.
    """
    question = f"The mode is {shown.mode.upper()} ({'; '.join(shown.reasons)})."
    reasons = [f"{offer.mode}: {offer.describe()}" for offer in offers]
    if is_open:
        more = [f"· and {len(is_open) - _MAX_LISTED} more"] if is_open[_MAX_LISTED:] else []
        reasons += [f"Open in {shown.mode}:", *(f"· {each}" for each in is_open[:_MAX_LISTED]), *more]
    answers = [
        DialogAnswer(offer.mode, _label(offer), str(number), danger=offer.mode in ("testnet", "live"))
        for number, offer in enumerate(offers, 1)
        if not offer.is_in_force and (_is_possible(offer, shown) or takes_keys(offer))
    ]
    return Dialog(question, reasons, [NO, *answers], shown.mode)


def takes_keys(offer: ModeOffer) -> bool:
    """Whether a mode lacks nothing but keys that may be typed here: those of the testnet move no real money."""
    return offer.mode == "testnet" and offer.lacks_only_keys


def _is_possible(offer: ModeOffer, shown: EffectiveMode) -> bool:
    return not offer.lacks and bool(offer.takes or offer.mode != shown.mode)


def _label(offer: ModeOffer) -> str:
    return f"{offer.mode}, enter its keys" if takes_keys(offer) else offer.mode


def live_question(shown: EffectiveMode) -> TypedDialog:
    """Return the question that only a typed word answers."""
    return TypedDialog("Orders will spend REAL MONEY from now on.", [], LIVE_WORD, shown.mode)
