"""What is wrong in the settings of a strategy, apart from its parameters: those only its own class can judge."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from cq_tui.contracts.settings import StrategySettings
from cq_tui.contracts.strategy_settings import STRATEGIES, strategy_key

#: What every strategy has: enabled, symbols, interval.
SWITCHES: tuple[str, ...] = tuple(StrategySettings.model_fields)
#: Characters of an invalid value quoted in a message.
_MAX_QUOTED = 80


def switch_faults(strategy: str, values: Any) -> dict[str, str]:
    """Return the dotted keys of wrong values with the words for it; of parameters, nothing."""
    if not isinstance(values, Mapping):
        return {f"{STRATEGIES}.{strategy}": describe_fault(f"{STRATEGIES}.{strategy}", values, "must be an object")}
    try:
        StrategySettings.model_validate({key: values[key] for key in SWITCHES if key in values})
    except ValidationError as error:
        found: dict[str, str] = {}
        for each in error.errors(include_url=False, include_context=False):
            name = str(each["loc"][0])
            key = strategy_key(strategy, name)
            found.setdefault(key, describe_fault(key, values[name], each["msg"]))
        return found
    return {}


def describe_fault(key: str, value: Any, rule: str) -> str:
    """Return what is wrong with a value, in words."""
    return f"{key} is {repr(value)[:_MAX_QUOTED]}: {rule.removeprefix('Value error, ')}"
