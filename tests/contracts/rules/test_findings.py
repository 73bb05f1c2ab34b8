"""Values in findings are short and never secret; every code that is used is in the table."""

import re
from pathlib import Path
from typing import Any

import pytest

import cq_tui
from cq_tui.contracts.rules.finding import field_path, shown
from cq_tui.contracts.rules.schema_check import _COMPARED, _LENGTHS
from cq_tui.contracts.rules.table import RULES

PACKAGE = Path(cq_tui.__file__).parent


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("BINANCE_API_SECRET",), "s3cret"),
        (("BINANCE_API_KEY",), "k3y"),
        (("api_key",), "k3y"),
        (("a", "password"), "x"),
        (("headers", "signature"), "x"),
        (("secret", 0, "text"), "x"),
    ],
)
def test_no_value_of_a_field_that_may_hold_a_secret(path: tuple[str | int, ...], value: Any) -> None:
    assert shown(value, path) is None


def test_values_are_short_and_addresses_name_nobody() -> None:
    assert shown("x " * 5_000) == repr("x " * 29 + "x…")
    assert shown("https://user:word@host/x", ("BINANCE_REST_URL",)) == "'https://…@host/x'"
    assert shown({"a": 1}) == "an object"
    assert shown([1, 2]) == "a list of 2"
    assert [shown(each) for each in (None, True, 1.5)] == ["null", "true", "1.5"]
    assert shown("BTC:1s", ("signal_key",)) == "'BTC:1s'"


def test_a_key_that_stands_where_none_belongs_is_not_shown_but_a_hash_is() -> None:
    assert shown("vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A") == "a text of 64 characters"
    assert shown("0f" * 25) == repr("0f" * 25)


def test_paths_read_as_people_write_them() -> None:
    assert field_path(("data", "positions", 0, "size")) == "data.positions[0].size"
    assert field_path(("services", "a b")) == 'services["a b"]'


def test_every_code_in_use_is_a_rule_and_every_rule_is_in_use() -> None:
    files = [*(PACKAGE / "contracts" / "rules").glob("*.py"), *(PACKAGE / "ops" / "validate").glob("*.py")]
    text = "\n".join(path.read_text() for path in files if path.name != "table.py")
    families = "|".join({code.partition(".")[0] for code in RULES})
    used = set(re.findall(rf'"((?:{families})\.[a-z_]+)"', text))
    used |= {f"schema.{keyword}" for keyword in (*_COMPARED, *_LENGTHS)}
    used |= {f"schema.{each}" for each in ("type", "required", "enum", "const", "pattern", "additionalProperties")}
    assert used == set(RULES)
