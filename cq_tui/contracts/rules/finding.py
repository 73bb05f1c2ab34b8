"""What is wrong with a file: where, which rule it breaks, and the value that breaks it, unless that may be a secret."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from cq_tui.contracts.rules.schema_check import SchemaProblem

#: Characters of a value that are shown.
_MAX_SHOWN = 60
#: Fields whose values are secrets, wherever they stand.
_SECRET = re.compile(r"secret|password|passphrase|token|private|(^|_)api_?key|^key$|signature$", re.IGNORECASE)
#: What stands before the host in an address may be a name and a password.
_USER_INFO = re.compile(r"//[^/@\s]*@")
#: A key that stands where none belongs is not shown either; a hash is.
_LIKE_A_KEY, _HASH, _MOST_SEARCHED = re.compile(r"[A-Za-z0-9+/=_-]{40,}"), re.compile(r"[0-9a-f]+"), 10_000
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Finding(NamedTuple):
    """One thing that is wrong in a file. The code of the rule is stable, its words are not."""

    rule: str
    text: str
    #: Path of the field in JSON, such as ``data.positions[0].size``; empty for the whole.
    field: str = ""
    #: The value, shortened; None if there is none or it may be a secret.
    value: str | None = None
    #: From 1; in a file of one document None.
    line: int | None = None


def field_path(parts: Iterable[str | int]) -> str:
    """Return a path as people write it."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_NAME.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part[:_MAX_SHOWN]}"]'
    return text


def shown(value: Any, path: Iterable[str | int] = ()) -> str | None:
    """Return a value in a few words; None if it is, or may hold, a secret."""
    if any(isinstance(part, str) and _SECRET.search(part) for part in path):
        return None
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        if any(not _HASH.fullmatch(found) for found in _LIKE_A_KEY.findall(value[:_MOST_SEARCHED])):
            return f"a text of {len(value):,} characters"
        return repr(_shortened(_USER_INFO.sub("//…@", value[: 4 * _MAX_SHOWN]), len(value) > 4 * _MAX_SHOWN))
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _shortened(str(value))


def _shortened(text: str, is_longer: bool = False) -> str:
    return text[: _MAX_SHOWN - 1] + "…" if is_longer or len(text) > _MAX_SHOWN else text


def schema_findings(problems: Iterable[SchemaProblem], before: tuple[str | int, ...] = ()) -> Iterator[Finding]:
    """Return what does not fit a schema as findings; ``before`` leads to the value that was checked."""
    for problem in problems:
        path = (*before, *problem.path)
        value = None if problem.keyword == "required" else shown(problem.value, path)
        yield Finding(f"schema.{problem.keyword}", problem.text, field_path(path), value)
