"""What anybody may have written in a file's place gets a verdict, never a traceback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cq_tui.contracts.rules.json_text import parse_json_text
from cq_tui.contracts.rules.table import RULES


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file.empty"),
        (b" \r\n\t", "file.empty"),
        ('{"a":1}'.encode("utf-16"), "json.encoding"),
        ('{"a":1}'.encode("utf-16-le"), "json.encoding"),
        ('{"a":1}'.encode("utf-16-be"), "json.encoding"),
        ('{"a":1}'.encode("utf-32"), "json.encoding"),
        (b'{"a":"\xff"}', "json.encoding"),
        (b'\xef\xbb\xbf{"a":1}', "json.byte_order_mark"),
        (b'{"a":NaN}', "json.syntax"),
        (b'{"a":-Infinity}', "json.syntax"),
        (b'{"a":1e999}', "json.syntax"),
        (b'{"a":1,}', "json.syntax"),
        (b'{"a":1}{}', "json.syntax"),
        (b'{"a":1', "json.syntax"),
        (b"\0" * 100, "json.encoding"),
        (b"[" * 100_000, "json.depth"),
        (b"[" * 1020 + b"]" * 1020, "json.depth"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, "json.depth"),
        (b'{"a":1,"b":2,"a":3}', "json.duplicate_key"),
        (b'{"a":{"b":[{"c":1,"c":1}]}}', "json.duplicate_key"),
        (b'{"a":18446744073709551616}', "json.huge_number"),
        (b'{"a":-' + b"9" * 300 + b"}", "json.huge_number"),
    ],
)
def test_names_what_is_odd(content: bytes, rule: str) -> None:
    assert {finding.rule for finding in parse_json_text(content).findings} == {rule}


@pytest.mark.parametrize(
    "content", [b"{}", b'{"a":\r\n1}\r\n', b'{"a":18446744073709551615}', b"[0.1, null]", b'"\xc3\xa9"']
)
def test_says_nothing_about_sound_json(content: bytes) -> None:
    parsed = parse_json_text(content)
    assert parsed.is_json
    assert parsed.findings == ()


def test_readers_that_take_a_byte_order_mark_get_the_value() -> None:
    parsed = parse_json_text(b'\xef\xbb\xbf{"a":1}', allow_mark=True)
    assert (parsed.value, parsed.findings) == ({"a": 1}, ())


def test_tells_where_a_text_is_wrong_and_names_a_key_that_is_there_twice() -> None:
    (finding,) = parse_json_text(b'{\n  "a": NaN\n}').findings
    assert finding.text == "NaN is no number of JSON (line 2 column 8)"
    (finding,) = parse_json_text(b'{"a":1,"a":2}').findings
    assert finding.field == "a"


@given(st.binary(max_size=200) | st.text(alphabet='{}[]":,0123456789.eE-+aNtrufls\\ \n', max_size=60).map(str.encode))
def test_any_bytes_get_a_verdict(content: bytes) -> None:
    parsed = parse_json_text(content)
    assert parsed.is_json or parsed.findings
    assert all(finding.rule in RULES for finding in parsed.findings)
