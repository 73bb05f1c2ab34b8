"""The object ``STRATEGIES``: its dotted keys, such as ``STRATEGIES.trend_multi_tf.adx_arm``, and the environment's.

Each dotted key is a setting of its own wherever settings are changed, recorded or told. A name of a strategy may
contain dots; a name of a parameter has none.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

#: The setting that has them.
STRATEGIES: Final = "STRATEGIES"
_PREFIX: Final = f"{STRATEGIES}."
#: ``STRATEGIES__TREND_MULTI_TF__ADX_ARM``.
ENVIRONMENT_PREFIX: Final = f"{STRATEGIES}__"
#: Parameters of plug-ins that are shown as ``set`` or ``unset``, by a part of their names.
_SECRET_WORDS: Final = ("secret", "token", "password", "api_key", "apikey")


def strategy_key(strategy: str, parameter: str) -> str:
    """Return the dotted key of one setting of a strategy."""
    return f"{_PREFIX}{strategy}.{parameter}"


def split_strategy_key(key: str) -> tuple[str, str] | None:
    """Return strategy and parameter of a dotted key; None for any other name."""
    strategy, _, parameter = key.removeprefix(_PREFIX).rpartition(".")
    return (strategy, parameter) if key.startswith(_PREFIX) and strategy and parameter else None


def is_secret_parameter(key: str) -> bool:
    """Whether a dotted key names a secret of a plug-in, by its name."""
    named = split_strategy_key(key)
    return named is not None and any(word in named[1].lower() for word in _SECRET_WORDS)


def flattened(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with the dotted keys in place of the object."""
    flat = {key: value for key, value in values.items() if key != STRATEGIES}
    return flat | dict(_dotted(values.get(STRATEGIES)))


def with_value(values: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """Return settings with one more value; a dotted key goes into the object, which None takes it out of."""
    named = split_strategy_key(key)
    if named is None:
        return {**values, key: value}
    strategy, parameter = named
    strategies = _object(values.get(STRATEGIES))
    changed = {**_object(strategies.get(strategy)), parameter: value}
    if value is None:
        del changed[parameter]
    others = {name: each for name, each in strategies.items() if name != strategy or changed}
    return {**values, STRATEGIES: others | ({strategy: changed} if changed else {})}


def with_values(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with more values, in their order."""
    merged = dict(values)
    for key, value in changes.items():
        merged = with_value(merged, key, value)
    return merged


def without_secret_parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings without the secrets of plug-ins."""
    return with_values(values, dict.fromkeys(filter(is_secret_parameter, flattened(values))))


def held_in_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the variables ``STRATEGIES__<NAME>__<PARAMETER>`` hold, by dotted key, in lower case."""
    held = {}
    for name, value in environment.items():
        strategy, _, parameter = name.removeprefix(ENVIRONMENT_PREFIX).rpartition("__")
        if name.startswith(ENVIRONMENT_PREFIX) and strategy and parameter:
            # Bytes that are no UTF-8 could be written nowhere.
            readable = value.encode(errors="replace").decode()
            held[strategy_key(strategy.lower(), parameter.lower())] = readable
    return held


def _dotted(strategies: Any) -> Iterator[tuple[str, Any]]:
    for strategy, values in _object(strategies).items():
        if isinstance(values, Mapping):
            yield from ((strategy_key(strategy, parameter), value) for parameter, value in values.items())
        else:
            yield f"{_PREFIX}{strategy}", values


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
