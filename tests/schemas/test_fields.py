"""Every field of every schema, at every depth, says what it is: title, meaning, unit."""

from collections.abc import Iterator
from typing import Any

import pytest

from cq_tui.contracts.schema_fields import inner_schemas, is_number
from cq_tui.contracts.units import UNIT_NAMES
from cq_tui.schemas import kinds, load_schema

KINDS = sorted(kinds())


def fields_of(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property below a schema, wherever one may be, by its path: nothing is skipped by being unexpected."""
    pending: list[tuple[str, Any]] = [("", schema)]
    while pending:
        path, part = pending.pop()
        if isinstance(part, list):
            pending += [(f"{path}[{number}]", each) for number, each in enumerate(part)]
        elif isinstance(part, dict):
            for key, value in part.items():
                if key == "properties":
                    yield from ((f"{path}.{name}", rule) for name, rule in value.items())
                    pending += [(f"{path}.{name}", rule) for name, rule in value.items()]
                elif key not in ("examples", "default", "enum", "const"):
                    pending.append((f"{path}/{key}", value))


def test_a_field_is_found_wherever_it_is() -> None:
    rule: dict[str, Any] = {"type": "object", "properties": {"deep": {"type": "string"}}}
    for schema in (
        rule,
        {"$defs": {"Part": rule}},
        {"properties": {"outer": {"anyOf": [{"type": "null"}, {"items": rule}]}}},
        {"additionalProperties": {"allOf": [rule]}},
        {"if": rule},
    ):
        assert [path for path, _ in fields_of(schema) if path.endswith(".deep")], schema


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_a_title_and_a_meaning(kind: str) -> None:
    missing = [
        (path, key)
        for path, rule in fields_of(load_schema(kind))
        for key in ("title", "description")
        if len(str(rule.get(key, ""))) < (1 if key == "title" else 5)
    ]
    assert missing == [], "write a docstring under the field"


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_one_unit(kind: str) -> None:
    for path, rule in fields_of(load_schema(kind)):
        assert rule.get("unit") in UNIT_NAMES, f"{path}: give its type a unit (cq_tui/contracts/units.py)"
        assert [each for each in inner_schemas(rule) if "unit" in each] == [rule], path


#: Numbers that name or number something, by the end of their path.
NUMBERS_WITHOUT_UNIT = {
    "pid", "index", "seq", "v", "event_index", "leaf_index", "indexes", "exit_code", "start_ticks", "risk_score",
    "numbers", "cursors", "uid", "number", "format", "line", "backup", "folders", "after", "SIMULATOR_SEED",
    "SIMULATOR_PORT", "SIMULATOR_SPEED", "speed", "TRADER_MIN_TARGET_COSTS", "values", "same_rules",
    "seed", "sharpe_daily", "sharpe_daily_error", "sharpe", "sharpe_error", "sortino", "calmar", "profit_factor", "sqn",
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_have_a_unit_but_for_names_and_factors(kind: str) -> None:
    without = {
        path.rpartition(".")[2]
        for path, rule in fields_of(load_schema(kind))
        if rule["unit"] == "none" and any(map(is_number, inner_schemas(rule)))
    }
    assert without <= NUMBERS_WITHOUT_UNIT


@pytest.mark.parametrize("kind", KINDS)
def test_names_and_units_agree(kind: str) -> None:
    units = {"_ts": {"Unix seconds"}, "_sec": {"seconds"}, "_seconds": {"seconds"}, "_bytes": {"bytes"}, "_mb": {"MiB"}}
    units |= {"_ms": {"milliseconds", "Unix milliseconds"}, "_count": {"count"}, "_percent": {"percent"}}
    for path, rule in fields_of(load_schema(kind)):
        for ending, allowed in units.items():
            assert not path.endswith(ending) or rule["unit"] in allowed, path


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_has_a_title_a_description_and_a_version(kind: str) -> None:
    schema = load_schema(kind)
    assert schema["version"]
    assert len(schema["title"]) > 3
    assert len(schema["description"]) > 20
