"""What can be decided for a position."""

from enum import StrEnum


class Decision(StrEnum):
    """What was decided for a position: the branches that tests must reach."""

    WAIT = "wait"
    HALTED = "halted"
    CATCH_UP = "read first what an earlier process sold"
    CONFIRM_RULES = "read the rules before protection is removed"
    STUCK = "not sellable"
    KEEP = "keep"
    FENCE = "protect while an outcome is unknown"
    SELL_AGAIN = "sell again while an outcome is unknown"
    PLACE_LIST = "place stop and target"
    PLACE_STOP = "place a single stop"
    MOVE_STOP = "replace by a single stop"
    CANCEL_TO_PROTECT = "cancel, then protect"
    SELL = "sell"
    REPLACE_BY_SALE = "replace by a sale"
    CANCEL_TO_SELL = "cancel, then sell"
    PROTECT_AGAIN = "protect again after a refused exit"
    SELL_REMAINDER = "sell what earlier positions left"
    CANCEL_LEFTOVERS = "cancel what outlives its position"
