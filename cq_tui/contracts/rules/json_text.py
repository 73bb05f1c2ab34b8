"""From the bytes of a file that anybody may have written to its JSON value, with everything that is odd about them."""

import codecs
import json
import re
from collections import Counter
from typing import Any, NamedTuple

import orjson

from cq_tui.contracts.rules.finding import Finding

#: From here on many readers lose digits or refuse the number.
_HUGE = 2**64
_HUGE_DIGITS = 20
_MOST_DUPLICATES = 20
_MAX_NAME = 60
_NO_NUMBER = re.compile(r"[-+]?(?:NaN|nan|Infinity|inf)")
#: Byte-order marks of what is not UTF-8, the longer ones first.
_OTHER_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class ParsedJson(NamedTuple):
    """``value`` is None as well if the text is no JSON: then there is a finding of an error."""

    value: Any
    findings: tuple[Finding, ...]
    is_json: bool


def parse_json_text(content: bytes, *, allow_mark: bool = False) -> ParsedJson:
    """Parse one JSON text. ``allow_mark``: its readers take a byte-order mark."""
    if not content.strip():
        return _refused("file.empty", "is empty")
    if content.startswith(_OTHER_MARKS) or b"\0" in content[:4]:
        return _refused("json.encoding", "is no UTF-8, but UTF-16, UTF-32 or no text at all")
    findings = []
    if content.startswith(codecs.BOM_UTF8):
        content = content[len(codecs.BOM_UTF8) :]
        if not allow_mark:
            findings.append(Finding("json.byte_order_mark", "begins with a byte-order mark"))
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        return _refused(*_why(content, error))
    return ParsedJson(value, (*findings, *find_odd_parts(content)), True)


def _refused(rule: str, text: str) -> ParsedJson:
    return ParsedJson(None, (Finding(rule, text),), False)


def _why(content: bytes, error: orjson.JSONDecodeError) -> tuple[str, str]:
    text = str(error)
    if "depth" in text or "recursion" in text:
        return "json.depth", "is nested too deeply"
    if "UTF-8" in text:
        return "json.encoding", f"is no valid UTF-8 ({text})"
    if (found := _NO_NUMBER.match(error.doc, error.pos)) is not None:
        return "json.syntax", f"{found[0]} is no number of JSON (line {error.lineno} column {error.colno})"
    return "json.syntax", f"is no valid JSON ({text})"


def find_odd_parts(content: bytes) -> list[Finding]:
    """Return the keys that stand twice in an object of valid JSON, and its numbers that readers change."""
    names = Counter[str]()
    huge: list[str] = []

    def check(pairs: list[tuple[str, Any]]) -> None:
        if len(pairs) > 1 and len({name for name, _ in pairs}) < len(pairs):
            names.update(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)

    def count(text: str) -> None:
        if len(text) >= _HUGE_DIGITS and (len(text) > _HUGE_DIGITS + 1 or abs(int(text)) >= _HUGE):
            huge.append(text)

    try:
        json.loads(content, object_pairs_hook=check, parse_int=count, parse_float=len)
    except RecursionError:
        return [Finding("json.depth", "is nested too deeply for its keys to be compared")]
    twice = [Finding("json.duplicate_key", "stands more than once in its object", name[:_MAX_NAME]) for name in names]
    found = twice[:_MOST_DUPLICATES]
    if huge:
        found.append(Finding("json.huge_number", f"holds {len(huge)} whole number(s) of 2^64 or more"))
    return found
