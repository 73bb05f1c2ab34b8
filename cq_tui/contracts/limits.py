"""What an administrator may limit, and which of two values of a setting is the stricter one."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from cq_tui.contracts.mode import effective_mode, min_target_costs
from cq_tui.contracts.settings import SETTING_KEYS, Settings


class Stricter(StrEnum):
    """Which value of a setting is the stricter one."""

    #: False of a flag. Unset is no limit, so any value is stricter.
    LOWER = "the lower"
    HIGHER = "the higher"
    #: Lower, but 0 turns the limit off.
    LOWER_ABOVE_ZERO = "the lower above 0"
    #: The administrator's, whatever it is.
    FIXED = "the administrator's"


#: By the beginning of a name, so that no limit is forgotten here.
_NAMED_BY_PREFIX = {
    "TRADER_MAX_": Stricter.LOWER,
    "TRADER_DRAWDOWN_": Stricter.LOWER,
    "TRADER_MIN_": Stricter.HIGHER,
}
_OTHERS = {
    "ARES_FRESHNESS_THRESHOLD": Stricter.LOWER,
    "DISABLE_ORDER_GUARDRAILS": Stricter.LOWER,
    "LIVE_TRADING_ENABLED": Stricter.LOWER,
    "TEST_ALLOW_DEFAULT_SIGNAL": Stricter.LOWER,
    "TRADER_ORDER_COOLDOWN": Stricter.HIGHER,
    "TRADER_ORDER_QUOTE": Stricter.LOWER,
    "TRADER_QUARANTINE_FAILURES": Stricter.LOWER,
    "TRADER_QUARANTINE_SECONDS": Stricter.HIGHER,
    "TRADER_QUOTE": Stricter.FIXED,
    "TRADER_REPAIR_WINDOW": Stricter.HIGHER,
    "TRADER_RISK_FRACTION": Stricter.LOWER_ABOVE_ZERO,
    "TRADER_SLIPPAGE_CAP": Stricter.LOWER,
}


def _rule_of(key: str) -> Stricter | None:
    found = (rule for prefix, rule in _NAMED_BY_PREFIX.items() if key.startswith(prefix))
    return _OTHERS.get(key) or next(found, None)


#: Every setting that may be limited.
LIMIT_KEYS: dict[str, Stricter] = {key: rule for key in SETTING_KEYS if (rule := _rule_of(key)) is not None}

#: Limits that are amounts of TRADER_QUOTE.
AMOUNTS: tuple[str, ...] = tuple(key for key in LIMIT_KEYS if key.endswith(("_NOTIONAL", "_ORDER_QUOTE")))


@dataclass(frozen=True, slots=True)
class AdministratorLimit:
    """One limit, and the file that sets it."""

    value: Any
    path: Path


def stricter_value(key: str, wanted: Any, limit: Any) -> Any:
    """Return the stricter of two values of a setting; ``limit`` is the administrator's."""
    rule = LIMIT_KEYS[key]
    if rule is Stricter.FIXED:
        return limit
    if limit is None or (rule is Stricter.LOWER_ABOVE_ZERO and not limit):
        return wanted
    if wanted is None or (rule is Stricter.LOWER_ABOVE_ZERO and not wanted):
        return limit
    return max(wanted, limit) if rule is Stricter.HIGHER else min(wanted, limit)


def limit_settings(settings: Settings, limits: dict[str, AdministratorLimit]) -> dict[str, Any]:
    """Return the settings that the limits change, with the values that hold."""
    wanted = {key: getattr(settings, key) for key in limits}
    if "TRADER_MIN_TARGET_COSTS" in wanted:
        # Unset it is a limit all the same.
        wanted["TRADER_MIN_TARGET_COSTS"] = min_target_costs(settings, effective_mode(settings).mode)
    held = {key: stricter_value(key, wanted[key], limit.value) for key, limit in limits.items()}
    return {key: value for key, value in held.items() if value != wanted[key]}
