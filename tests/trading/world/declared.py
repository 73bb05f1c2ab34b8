"""What the lives of the world must reach: each denial, state, fate and branch. The tables and enums declare it."""

from cq_tui.trading import order_life, position_life
from cq_tui.trading.core import closing, effects
from cq_tui.trading.core.decision import Decision
from cq_tui.trading.denial import DenialReason
from cq_tui.trading.order_life import Heard, OrderStatus
from cq_tui.trading.position_life import NakedKind, PositionState, Sight
from tests.trading.world.actions import ACTIONS
from tests.trading.world.happenings import Break, Fate, Rule

Items = set[tuple[str, ...]]
REQUESTS = (
    *effects.CHANGES,
    effects.QueryOrder,
    effects.FetchTrades,
    effects.FetchRules,
    effects.FetchOpenOrders,
    effects.FetchAccount,
    effects.FetchCommission,
    effects.FetchBookTicker,
)
#: What the exchange's limit of orders can hold back: orders, and a cancel that orders follow.
_COUNTED = (effects.PlaceOrder, effects.PlaceList, effects.ReplaceOrder, effects.CancelList)

#: What no life can reach, and why; other tests look at it.
UNREACHABLE: dict[str, dict[tuple[str, ...], str]] = {
    "order": {
        **{
            (str(OrderStatus.INTENDED), str(heard)): "a request is started before anything else is heard of its orders"
            for heard in (
                Heard.REFUSED, Heard.NEVER_ARRIVED, Heard.SEEN_PENDING, Heard.SEEN_PARTLY,
                Heard.SEEN_CANCELED, Heard.SEEN_EXPIRED, Heard.SEEN_REJECTED,
            )
        },
        **{
            (str(status), str(Heard.SEEN_REJECTED)): "the exchange reports as rejected only what it never accepted"
            for status in (OrderStatus.PENDING, OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.UNKNOWN)
        },
        (str(OrderStatus.SENT), str(Heard.NEVER_ARRIVED)): "without an answer it is unknown first",
        (str(OrderStatus.PARTIALLY_FILLED), str(Heard.GONE)): "what fills in part is replaced by a sale, which ends it",
    },
    "position": {
        (str(PositionState.UNSELLABLE), str(Sight.COVERED)): "it is seen bare again before its stop is seen",
        **{
            (str(PositionState.CLOSED), str(sight)): "a closed position is not kept: the entry records its first step"
            for sight in Sight
        },
        **{
            (str(state), str(Sight.ENTERING)): "what is held is seen leaving first, also while more is bought"
            for state in PositionState
            if state not in (PositionState.OPENING, PositionState.CLOSING)
        },
    },
    "fate of a position": {
        **{(str(fate), str(PositionState.UNSELLABLE)): "nothing is sent for what cannot be sold" for fate in Fate},
    },
}  # fmt: skip

#: The kinds of doubt that facts and balances raise.
DOUBTS = ("unknown_order", "other_owner", "first_version", "same_id_twice", "venue_wiped", "balance", "outcome")


def declared() -> dict[str, Items]:
    """Return all that must be reached, by kind."""
    found: dict[str, Items] = {
        "denial": {(reason.value,) for reason in DenialReason},
        "decision": {(str(decision),) for decision in Decision},
        "naked": {(str(kind),) for kind in NakedKind},
        "order": {(str(state), str(heard)) for state, row in order_life.TABLE.items() for heard in row},
        "position": {(str(state), str(sight)) for state, row in position_life.TABLE.items() for sight in row},
        "fate": {(str(fate), kind.__name__) for fate in Fate for kind in REQUESTS},
        "fate of a position": {(str(fate), str(state)) for fate in Fate for state in PositionState},
        "stream": {*((str(how),) for how in Break if how is not Break.DOWN), ("found silent",)},
        "rule": {(str(rule),) for rule in Rule},
        "happening": {(kind.__name__,) for kind in ACTIONS},
        "commission": {("own coins of another symbol",), ("foreign coins of another asset",)},
        "while held": {(kind.__name__,) for kind in ACTIONS},
        "while a change is on its way": {("Wiped",), ("Kill",), ("Rules",), ("Status",), ("Move",)},
        "held back": {("few orders", kind.__name__) for kind in _COUNTED},
        "killed before": {(kind.__name__,) for kind in (effects.Record, *REQUESTS)},
        "entry": {("NewOtoco",), ("NewOpoco",), ("NewOrder",)},
        "command": {
            ("flatten",),
            ("flatten --all",),
            ("close",),
            ("resume",),
            ("quarantine",),
            ("release",),
            ("release_symbol",),
            ("accept",),
            ("adopt",),
        },
        "wait": {("began",), ("entered",), ("tried again",), ("over a restart",)},
        "addition": {("sent",)},
        "part": {("wanted",), ("sold",), ("given up",)},
        "closing": {(str(fate),) for fate in closing.Fate},
        "doubt": {(kind,) for kind in DOUBTS},
    }
    return {kind: items - UNREACHABLE.get(kind, {}).keys() for kind, items in found.items()}
