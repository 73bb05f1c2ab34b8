"""What a strategy is and takes, in plain values: parameters with type, limits and meaning, and what holds of them."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from cq_tui.contracts.strategy_settings import is_secret_parameter, strategy_key
from cq_tui.strategies.choice import choose, parameters_digest
from cq_tui.strategies.protocol import StrategyClass

_LIMITS = {"exclusiveMinimum": "> {:g}", "minimum": "≥ {:g}", "exclusiveMaximum": "< {:g}", "maximum": "≤ {:g}"}


def describe_strategy(strategy: StrategyClass, given: Any, last_good: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a strategy as JSON: what it is, and which of the settings ``given`` hold, as ``choose`` decides."""
    choice = choose(strategy.name, strategy.Parameters, given, last_good)
    parameters = strategy.Parameters(**choice.parameters)
    return {
        "name": strategy.name,
        "description": _first_line(inspect.getdoc(inspect.getmodule(strategy)) or inspect.getdoc(strategy)),
        "enabled": choice.enabled,
        "symbols": None if choice.symbols is None else list(choice.symbols),
        "interval": choice.interval,
        "parameters_hash": parameters_digest(parameters),
        "faults": list(choice.faults),
        "parameters": list(_parameters(strategy, parameters, choice.parameters)),
    }


def _parameters(strategy: StrategyClass, holding: BaseModel, given: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    properties: Mapping[str, Any] = strategy.Parameters.model_json_schema().get("properties", {})
    values = holding.model_dump(mode="json")
    for name in strategy.Parameters.model_fields:
        rule = properties.get(name, {})
        value, default = values.get(name), rule.get("default")
        if is_secret_parameter(strategy_key(strategy.name, name)):
            value, default = "unset" if value is None else "set", None
        yield {
            "name": name,
            "type": _type(rule),
            "limits": ", ".join(text.format(rule[key]) for key, text in _LIMITS.items() if key in rule),
            "default": default,
            "value": value,
            "is_set": name in given,
            "description": rule.get("description"),
        }


def _type(rule: Mapping[str, Any]) -> str:
    if "enum" in rule:
        return ", ".join(map(str, rule["enum"]))
    inner = [each for each in rule.get("anyOf", ()) if each != {"type": "null"}]
    return " or ".join(map(_type, inner)) if inner else str(rule.get("type", "any"))


def _first_line(text: str | None) -> str | None:
    line = (text or "").strip().partition("\n")[0]
    return line or None
