"""How near the limits on losses are, in words, and an alert for each that holds."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cq_tui.ops.formatting import Alert, format_number, sanitize

if TYPE_CHECKING:
    from cq_tui.contracts.account import AccountState, LossLimitState

_TIERS = {
    "warn": "a warning",
    "reduce": "nothing is opened",
    "halt": "everything is closed, nothing is opened",
}


def describe_limit(name: str, state: "LossLimitState") -> str:
    """Return how much of a limit is used, and what follows if it holds."""
    share = state.lost / state.base if state.base > 0 else 0.0
    text = f"{sanitize(name.replace('_', ' '), 20)} {share:.1%} of {format_number(state.base, 2)}"
    held = f" · {_TIERS.get(state.tier, sanitize(state.tier, 20))}" if state.tier else ""
    return f"{text}, limit {state.limit:.1%}{held}"


def loss_alerts(account: "AccountState | None") -> Iterator[Alert]:
    """Yield an alert for each limit that holds."""
    limits = None if account is None else account.loss_limits
    for name, state in (limits or {}).items():
        if state.tier:
            yield Alert("look" if state.tier == "warn" else "bad", describe_limit(name, state))
