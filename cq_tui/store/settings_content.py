"""What the bytes of a settings file say: names and values as meant, and what is wrong with the text itself."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cq_tui.contracts.settings import SECRET_KEYS, TRADING_STATES
from cq_tui.store.document import DocumentError, parse_json

#: Characters of a name quoted in a message.
_MAX_QUOTED = 80
#: Longer integers are read as the nearest floating-point number, which may be infinite: no setting takes them.
_MAX_DIGITS = 19
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: A trading state in a file that is no JSON: whoever wrote it wanted it, whatever else is wrong.
_WRITTEN_STATE = re.compile(rb'"\s*TRADING_STATE\s*"\s*:\s*"(active|reducing|halted)"')


@dataclass(frozen=True, slots=True)
class SettingsContent:
    """Values by name, without white space around names, keys and secrets."""

    #: Of a name that appears twice, the last value.
    values: dict[str, Any]
    #: Names that appear twice, each with the words for it: which value was wanted cannot be told.
    doubled: Mapping[str, str] = field(default_factory=dict)
    #: Where white space was trimmed, in words, without values.
    trimmed: tuple[str, ...] = ()
    #: The safest trading state that the text names.
    state: str = TRADING_STATES[0]


def parse_settings(path: Path, content: bytes) -> SettingsContent:
    """Return what a settings file says. Raises DocumentError if it is no JSON object."""
    content = content.removeprefix(_BYTE_ORDER_MARK)
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:2]:
        raise DocumentError(path, "is not valid JSON (no UTF-8, perhaps UTF-16: save it as UTF-8)", "Fix it")
    pairs, doubled = _parse(path, content)
    text = content.decode()
    values, trimmed = trim_values({name.strip(): value for name, value in pairs})
    named = [f"white space around the name {name.strip()[:_MAX_QUOTED]}" for name, _ in pairs if name != name.strip()]
    words = {name: f"has {name[:_MAX_QUOTED]!r} twice{_lines_of(text, name)}" for name in doubled}
    return SettingsContent(values, words, (*named, *trimmed), state_in_text(content))


def trim_values(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return values with keys and secrets trimmed, and which, in words. The lines of a PEM may end as they like."""
    trimmed = {key: value.strip() for key, value in values.items() if key in SECRET_KEYS and isinstance(value, str)}
    words = [
        f"white space around the value of {key}"
        for key, value in trimmed.items()
        if value != values[key] and "\n" not in value
    ]
    return {**values, **trimmed}, tuple(words)


def state_in_text(content: bytes) -> str:
    """Return the safest trading state that a text names, whatever else is wrong with it."""
    found = [state.decode() for state in _WRITTEN_STATE.findall(content)]
    return max(found, key=TRADING_STATES.index, default=TRADING_STATES[0])


def _parse(path: Path, content: bytes) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return names and values as they stand in the text, and the names that appear twice. Raises DocumentError.

    NaN, infinite and huge numbers are for the rule of their setting to refuse: the other values are good.
    """
    found: list[tuple[str, Any]] = []
    doubled: list[str] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # The outermost object ends last.
        found[:] = pairs
        doubled.extend(_doubled(name for name, _ in pairs))
        return dict(pairs)

    try:
        value = json.loads(content.decode(), object_pairs_hook=keep, parse_int=_integer)
        # No half of a surrogate pair, which cannot be written anywhere.
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        # This one says where.
        parse_json(path, content)
        raise DocumentError(path, "is not valid JSON", "Fix it or move it away") from None
    if not isinstance(value, dict):
        raise DocumentError(path, f"contains a {type(value).__name__}, not an object", "Fix it or move it away")
    return found, list(dict.fromkeys(doubled))


def _doubled(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(name.strip() for name in names).items() if count > 1]


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _lines_of(text: str, name: str) -> str:
    key = re.compile(rf'"\s*{re.escape(json.dumps(name, ensure_ascii=False)[1:-1])}\s*"\s*:')
    lines = [text.count("\n", 0, found.start()) + 1 for found in key.finditer(text)]
    return f" (lines {', '.join(map(str, lines))})" if 1 < len(lines) < 10 else ""
