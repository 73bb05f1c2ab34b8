"""The settings file: what its readers refuse is an error, and what only the schema does a warning."""

from collections.abc import Iterator, Mapping
from typing import Any

from cq_tui.contracts.rules.finding import Finding, schema_findings, shown
from cq_tui.contracts.rules.schema_check import Check
from cq_tui.contracts.setting_names import describe_unknown, describe_unknown_strategy
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS
from cq_tui.contracts.strategy_settings import STRATEGIES
from cq_tui.store.settings_content import trim_values


def judge_settings(values: Mapping[str, Any], check: Check) -> Iterator[Finding]:
    """Yield what is wrong with settings; ``check`` is that of their schema."""
    values, trimmed = trim_values({name.strip(): value for name, value in values.items()})
    refused = _refused(values)
    for key, text in refused.items():
        yield Finding("settings.value", text, key, _shown(key, values.get(key)))
    yield from _wrong_in_strategies(values)
    for found in schema_findings(check(dict(values)) or ()):
        key = found.field.partition("[")[0]
        if key in SETTING_KEYS and key not in refused:
            value = None if key in SECRET_KEYS else found.value
            text = f"{found.text} by the schema; it is read all the same"
            yield found._replace(rule="settings.spelling", text=text, value=value)
    for words in trimmed:
        yield Finding("settings.spelling", f"{words} is trimmed")
    for key in values:
        if key not in SETTING_KEYS:
            yield Finding("settings.unknown", describe_unknown(key), key[:80])


def _wrong_in_strategies(values: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what is wrong in the object STRATEGIES; the last good value of each holds, and nothing is halted.

    Parameters are judged by the installed strategies themselves.
    """
    from cq_tui.contracts.strategy_rules import switch_faults
    from cq_tui.ops.strategy_reader import read_strategies

    strategies = values.get(STRATEGIES)
    if not isinstance(strategies, Mapping) or not strategies:
        return
    installed = read_strategies(strategies, {}, set(strategies))
    for each in installed.found:
        yield from (Finding("settings.value", fault, _key_of(fault)) for fault in each["faults"])
    judged = {each["name"] for each in installed.found}
    for name in sorted(strategies.keys() - judged):
        yield from (Finding("settings.value", text, key) for key, text in switch_faults(name, strategies[name]).items())
        if name not in installed.names:
            yield Finding("settings.unknown", describe_unknown_strategy(name, installed.names), STRATEGIES)


def _key_of(fault: str) -> str:
    """Return the dotted key with which a sentence begins."""
    return fault.partition(" ")[0].rstrip(":")


def _refused(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the keys whose values readers refuse, and why."""
    from pydantic import ValidationError

    from cq_tui.contracts.settings import Settings

    try:
        Settings.model_validate(dict(values))
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        return {str(each["loc"][0]) if each["loc"] else "": _rule(each["msg"]) for each in reversed(problems)}
    return {}


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ")


def _shown(key: str, value: Any) -> str | None:
    return None if key in SECRET_KEYS else shown(value, (key,))
