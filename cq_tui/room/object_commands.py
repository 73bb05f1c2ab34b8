"""The palette's entries with their object: close BTCUSDT, release DOGEUSDT, restart feeder, set LOG_LEVEL."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.contracts.strategy_settings import STRATEGIES, strategy_key
from cq_tui.ops.formatting import sanitize
from cq_tui.room.closing_questions import closable
from cq_tui.room.keys import PANE_NAMES, RoomAction
from cq_tui.room.refusals import refuse_action, refuse_service_action
from cq_tui.room.trader_questions import paused_names

if TYPE_CHECKING:
    from cq_tui.room.state import RoomState

Value = TypeVar("Value")

#: What is asked of a service.
_ON_SERVICES = (RoomAction.START, RoomAction.STOP, RoomAction.RESTART)


@dataclass(frozen=True, slots=True)
class ObjectCommand:
    """One entry: ``do`` acts, or says why it cannot."""

    title: str
    help: str
    do: Callable[[], object]
    #: Why it cannot be done now.
    refusal: str | None = None

    def __call__(self) -> None:
        """Do it."""
        self.do()


def object_commands(
    state: "RoomState",
    view_only: str | None,
    request: Callable[[RoomAction, str], object],
    show: Callable[[str], object],
    go: Callable[[int], object],
) -> Iterator[ObjectCommand]:
    """Yield every action with each object that it can have now.

    ``request`` asks for an action on an object, ``show`` puts a symbol in focus, ``go`` goes to a pane by its number.
    """

    def acting(action: RoomAction, name: str, title: str, words: str) -> ObjectCommand:
        refusal = refuse_action(action, state, view_only)
        return ObjectCommand(title, refusal or words, lambda: request(action, name), refusal)

    for symbol in closable(state):
        yield acting(RoomAction.CLOSE, symbol, f"Close {sanitize(symbol)}", "Sell it at market; asks first")
    for name in paused_names(state):
        yield acting(RoomAction.RELEASE, name, f"Release {sanitize(name)}", "Let it trade again; asks first")
    for service in state.required_services():
        for action in _ON_SERVICES:
            refusal = refuse_service_action(action, service, state, view_only, is_frozen=False)
            yield ObjectCommand(
                f"{action.value.capitalize()} {service}", refusal or f"{action.value.capitalize()} this service",
                _bound(request, action, service), refusal,
            )  # fmt: skip
    for name in state.ares.active_strategies if state.ares else ():
        key = strategy_key(name, "enabled")
        yield acting(
            RoomAction.SETTING, key, f"Strategy {sanitize(name)} on or off", f"Change {sanitize(key)}; asks first"
        )
    for symbol in state.symbols:
        shown = sanitize(symbol)
        yield ObjectCommand(f"Show {shown}", "Put it in focus, with its chart", _bound_one(show, symbol))
        yield acting(RoomAction.LOCK, symbol, f"Lock {shown}", "Open nothing in it until a time; asks first")
        yield acting(RoomAction.ENTER, symbol, f"Enter {shown} by hand", "With stop and target; asks first")
    for key in SETTING_KEYS:
        if key != STRATEGIES:
            yield acting(RoomAction.SETTING, key, f"Set {key}", "Change this setting; asks first")
    for number, name in enumerate(PANE_NAMES, 1):
        yield ObjectCommand(f"Go to {name}", f"The pane with number {number}", _bound_one(go, number))


def _bound(request: Callable[[RoomAction, str], object], action: RoomAction, name: str) -> Callable[[], object]:
    return lambda: request(action, name)


def _bound_one(act: Callable[[Value], object], value: Value) -> Callable[[], object]:
    return lambda: act(value)
