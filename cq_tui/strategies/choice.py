"""Which settings of a strategy hold: a wrong one keeps its last good value, is named, and voids no other.

Plain values go in and come out, so that a choice can be made where the strategy's class is.
"""

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel, ValidationError

from cq_tui.contracts.settings import StrategySettings
from cq_tui.contracts.strategy_rules import SWITCHES, describe_fault, switch_faults
from cq_tui.contracts.strategy_settings import STRATEGIES, is_secret_parameter, strategy_key

#: Share of equal characters from which on a name is taken for a slip.
_ALIKE = 0.6
_UNKNOWN = "extra_forbidden"


class Choice(NamedTuple):
    """The settings of one strategy that hold."""

    enabled: bool = True
    #: None means all symbols.
    symbols: tuple[str, ...] | None = None
    #: None means the base interval.
    interval: str | None = None
    #: The parameters that are set, without defaults.
    parameters: Mapping[str, Any] = {}
    #: All that are set, switches included, as they were given: the last good ones of the next choice.
    good: Mapping[str, Any] = {}
    #: What is wrong with the settings, in words, without secrets.
    faults: tuple[str, ...] = ()


def choose(name: str, model: type[BaseModel], given: Any, last_good: Mapping[str, Any] | None) -> Choice:
    """Return which settings of a strategy hold, of those given.

    ``model`` is the class of its parameters; ``last_good`` what held last, None if nobody knows. Then a strategy with a
    wrong switch stays off, since what was wanted cannot be told, and a wrong parameter has its default.
    """
    # What another version or another hand left there may be wrong as well.
    stale = switch_faults(name, last_good or {})
    known = {key: value for key, value in (last_good or {}).items() if strategy_key(name, key) not in stale}
    faults = switch_faults(name, given)
    values = given if isinstance(given, Mapping) else known
    wrong = [key for key in SWITCHES if strategy_key(name, key) in faults]
    kept = {key: values[key] for key in SWITCHES if key in values and key not in wrong}
    kept |= {key: known[key] for key in wrong if key in known}
    wanted = {key: value for key, value in values.items() if key not in SWITCHES}
    parameters, wrong_parameters = _parameters(name, model, wanted, known)
    switches = StrategySettings.model_validate(kept)
    return Choice(
        enabled=switches.enabled and not (faults and last_good is None),
        symbols=None if switches.symbols is None else tuple(switches.symbols),
        interval=switches.interval,
        parameters=parameters,
        good={**kept, **parameters},
        faults=(*faults.values(), *wrong_parameters),
    )


def parameters_digest(parameters: object) -> str | None:
    """Return the first 16 hex digits of the SHA-256 over parameters as canonical JSON; None for what is no model."""
    if not isinstance(parameters, BaseModel):
        return None
    content = orjson.dumps(parameters.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:16]


def _parameters(
    name: str, model: type[BaseModel], wanted: Mapping[str, Any], last_good: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the parameters that hold, and what is wrong with those wanted."""
    faults = _faults(name, model, wanted)
    wrong = {key for key in wanted if key in faults}
    good = {key: value for key, value in last_good.items() if key not in SWITCHES and key in model.model_fields}
    kept = {key: value for key, value in wanted.items() if key not in wrong}
    kept |= {key: good[key] for key in wrong if key in good}
    if kept != wanted or faults:
        # A rule about several of them, or a last good value that no longer fits beside new ones.
        together = _faults(name, model, kept)
        faults |= {key: text for key, text in together.items() if key not in faults}
        if together:
            kept = good if not _faults(name, model, good) else {}
    return kept, list(faults.values())


def _faults(name: str, model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, str]:
    """Return what is wrong with parameters, in words by parameter; ``""`` for a rule about several of them."""
    try:
        model(**values)
    except ValidationError as error:
        found: dict[str, str] = {}
        for each in error.errors(include_url=False, include_context=False):
            parameter = str(each["loc"][0]) if each["loc"] else ""
            found.setdefault(parameter, _in_words(name, model, parameter, each["type"], each["msg"], values))
        return found
    return {}


def _in_words(
    name: str, model: type[BaseModel], parameter: str, kind: str, rule: str, values: Mapping[str, Any]
) -> str:
    if not parameter:
        return f"{STRATEGIES}.{name}: {rule.removeprefix('Value error, ')}"
    key = strategy_key(name, parameter)
    if kind == _UNKNOWN:
        meant = next(iter(get_close_matches(parameter, [*model.model_fields, *SWITCHES], 1, _ALIKE)), None)
        return f"{key[:80]}: {name} has no such parameter" + ("" if meant is None else f", did you mean {meant}?")
    if parameter not in values:
        return f"{key}: {rule}"
    return f"{key}: {rule}" if is_secret_parameter(key) else describe_fault(key, values[parameter], rule)
