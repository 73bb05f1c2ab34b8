"""Plain text for the command line: status, settings, and the KEY=VALUE arguments of ``config set``."""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from cq_tui.contracts.layout import SERVICES
from cq_tui.contracts.setting_names import is_setting, refuse_unknown
from cq_tui.contracts.settings import SECRET_KEYS, SETTING_KEYS
from cq_tui.contracts.strategy_settings import is_secret_parameter, split_strategy_key
from cq_tui.ops.account_words import account_lines
from cq_tui.ops.characters import printable
from cq_tui.ops.formatting import GLYPHS, pluralize
from cq_tui.ops.history_alerts import fault_alerts
from cq_tui.ops.restarts import restart_alerts
from cq_tui.ops.status import StackStatus
from cq_tui.ops.symbol_words import symbol_lines
from cq_tui.store.settings_file import LoadedSettings, SettingsError

#: Remarks on the settings that ``status`` shows, such as unknown names.
_REMARKS_SHOWN = 5


def status_lines(status: StackStatus) -> list[str]:
    """Return the lines of ``cq-tui status``."""
    settings, mode = status.loaded.settings, status.mode
    lines = [f"{mode.mode.upper()}  {status.overall}  ({'; '.join(mode.reasons)})"]
    if mode.blocked:
        lines.append(f"  trading is blocked: {mode.blocked}")
    if settings.TRADING_STATE != "active":
        reason = status.loaded.stop_reason
        lines.append("  trading is " + printable(" ".join(filter(None, (settings.TRADING_STATE, reason)))))
    if status.disk_problem:
        lines.append(f"  disk: {printable(status.disk_problem)}")
    if status.loaded.problem:
        lines.append(f"  settings: {printable(status.loaded.problem)}")
    lines += [f"  settings: {printable(each)}" for each in status.loaded.remarks[:_REMARKS_SHOWN]]
    lines += [_service_line(status, name) for name in SERVICES if name in status.required]
    lines += [f"  {GLYPHS[each.level]} {each.text}" for each in restart_alerts(status.services, status.now)]
    lines += symbol_lines(status.symbol_states, status.now)
    lines += _account_lines(status)
    lines += _history_lines(status)
    if any(status.verdicts[name].key for name in status.required):
        lines.append("the keys above work in the room: run `cq-tui`")
    return [*lines, _supervisor_line(status)]


def _supervisor_line(status: StackStatus) -> str:
    if status.supervision_problem:
        return printable(status.supervision_problem)
    if status.supervisor is None:
        return "no supervisor is running: start everything with `cq-tui up` or `cq-tui`"
    return f"supervisor: process {status.supervisor[0]} ({printable(status.supervisor[1])})"


def _account_lines(status: StackStatus) -> list[str]:
    """Return the trader's account; of a trader that no longer reports, the heading says so."""
    lines = account_lines(status.trader, status.account)
    if not lines:
        return []
    verdict = status.verdicts["trader"]
    old = "" if verdict.is_current else f", last report of a trader that is {verdict.word}"
    return [f"{lines[0].name} {lines[0].text}{old}", *(f"  {name:<14}  {text}" for name, text in lines[1:])]


def _history_lines(status: StackStatus) -> list[str]:
    """Return the three verdicts; of a memory that no longer reports, the heading says how old its word is."""
    memory, history = status.memory, status.history
    if memory is None or history is None:
        return []
    old = "" if history.is_current else f", {history.age.word}"
    lines = [f"history of {pluralize(memory.events_count, 'event')}, root {printable(memory.merkle_root[:16])}{old}"]
    lines += [f"{each.glyph} {name:<12}  {printable(each.text)}" for name, each in history.by_name.items()]
    alerts = fault_alerts(memory, history)
    return lines + [
        f"  {' ' if each.level == 'idle' else GLYPHS[each.level]} {printable(each.text)}" for each in alerts
    ]


def _service_line(status: StackStatus, name: str) -> str:
    verdict, state = status.verdicts[name], status.services.get(name)
    ahead = verdict.age is not None and verdict.age < 0
    age = "" if verdict.age is None else f"{abs(verdict.age):,.1f} s {'ahead' if ahead else 'ago'}"
    process = f"process {state.pid}" if state and state.pid else ""
    line = f"{verdict.glyph} {name:<8}  {verdict.word:<10}  {age:>12}  {process:<15}"
    return f"{line}  {_without_settings(status, printable(verdict.explanation))}".rstrip()


def _without_settings(status: StackStatus, text: str) -> str:
    """Return a text that refers to the problem of the settings, which has a line of its own: each service names it."""
    problem = status.loaded.problem
    return text if not problem else text.replace(printable(problem), "see the settings above")


def setting_values(loaded: LoadedSettings) -> dict[str, dict[str, Any]]:
    """Return every setting with its source, those of strategies also singly; a secret is only ``set`` or ``unset``."""
    single = [key for key in loaded.sources if split_strategy_key(key)]
    return {
        key: {"value": loaded.shown(key), "source": loaded.sources.get(key, "default")}
        for key in (*SETTING_KEYS, *single)
    }


def setting_lines(loaded: LoadedSettings) -> list[str]:
    """Return the lines of ``cq-tui config show``."""
    values = setting_values(loaded)
    width = max(map(len, values))
    lines = [
        f"{printable(key):<{width}}  {format_setting(entry['value']):<28}  {_source_name(loaded, key, entry['source'])}"
        for key, entry in values.items()
    ]
    lines += [f"warning: {printable(each)}" for each in (*loaded.remarks, *loaded.weak_limits)]
    return lines if loaded.problem is None else [*lines, f"problem: {printable(loaded.problem)}"]


def _source_name(loaded: LoadedSettings, key: str, source: str) -> str:
    """Return where a value comes from; a limit that holds is named also where the setting is stricter by itself."""
    limit = loaded.limits.get(key)
    if limit is None:
        return source
    where = printable(str(limit.path))
    return f"limits ({where})" if source == "limits" else f"{source} (limit {format_setting(limit.value)}, {where})"


def format_setting(value: Any) -> str:
    """Return a setting's value as a user would type it, sanitized."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(format_setting, value))
    if isinstance(value, dict):
        return printable(orjson.dumps(value, default=str).decode())
    return "unset" if value is None else printable(str(value))


def parse_assignments(pairs: Iterable[str], ask: Callable[[str], str]) -> dict[str, Any]:
    """Parse KEY=VALUE arguments. ``KEY=-`` is prompted for, which keeps a secret out of the shell history.

    Raises SettingsError for an argument without ``=`` or an unknown key.
    """
    changes: dict[str, Any] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise SettingsError(f"{pair!r} is not KEY=VALUE")
        if not is_setting(key):
            raise SettingsError(printable(refuse_unknown(key)))
        changes[key] = _parse_value(key, ask(key) if text == "-" else text)
    return changes


def _parse_value(key: str, text: str) -> Any:
    """Parse valid JSON (true, 5, a list); anything else is text, and so is a secret."""
    if key in SECRET_KEYS or is_secret_parameter(key):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
