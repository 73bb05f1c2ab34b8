"""What 0.1.0 wrote can be read, and what its users address keeps its name: users upgrade in place.

The folder ``release_0_1_0`` was written by that release.
"""

import importlib
import pkgutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from textual.binding import Binding

import cq_tui.room
from cq_tui.contracts.json_schema import SCHEMAS, schema_of
from cq_tui.services.trader.first_version import take_over
from cq_tui.simulator.engine.ledger_codec import decode_event, encode_event

RELEASE = Path(__file__).parent / "release_0_1_0"
NAMES: dict[str, Any] = orjson.loads((RELEASE / "names.json").read_bytes())
#: Told in the changelog.
REMOVED_FROM_PLUG_INS = {"SignalKey"}


def fields_of(name: str) -> dict[str, set[str]]:
    """Return every field of a document by its path, with the values that it may have if they are listed."""
    schema: dict[str, Any] = schema_of(name)
    found: dict[str, set[str]] = {}

    def walk(part: dict[str, Any], path: str) -> None:
        if "$ref" in part:
            walk(schema["$defs"][part["$ref"].rpartition("/")[2]], path)
        values = [*part.get("enum", ()), *([part["const"]] if "const" in part else ())]
        found.setdefault(path, set()).update(map(str, values))
        for field, inner in part.get("properties", {}).items():
            walk(inner, f"{path}.{field}" if path else field)
        for inner in (each for key in ("anyOf", "oneOf", "allOf") for each in part.get(key, ())):
            walk(inner, path)
        for inner in (part[key] for key in ("items", "additionalProperties") if isinstance(part.get(key), dict)):
            walk(inner, path + "[]")

    walk(schema, "")
    return found


@pytest.mark.parametrize("name", sorted(NAMES["schemas"]))
def test_every_document_keeps_its_fields_and_values(name: str) -> None:
    assert name in SCHEMAS
    found = fields_of(name)
    for path, values in NAMES["schemas"][name].items():
        assert path in found
        assert set(values) <= found[path], path


def test_every_setting_keeps_its_default() -> None:
    properties = schema_of("settings")["properties"]
    assert {key: properties[key].get("default") for key in NAMES["defaults"]} == NAMES["defaults"]


def test_the_trader_takes_its_state_over() -> None:
    books = orjson.loads((RELEASE / "trader.json").read_bytes())["books"]
    assert books["simulation"]["positions"]
    for plain in books.values():
        book = take_over(plain, "simulated:7", "abcde", "USDT", Decimal(1000), 1_796_034_290_000)
        assert [*book.positions] == [position["symbol"] for position in plain["positions"]]
        assert [*book.orders] == [order["client_order_id"] for order in plain["orders"]]
        assert [str(held.quantity) for held in book.holdings.values()] == [
            position["quantity"] for position in plain["positions"]
        ]
        assert [*book.answered] == plain["acted"]


def test_the_exchange_reads_and_rewrites_its_ledger_unchanged() -> None:
    lines = [orjson.loads(line) for line in (RELEASE / "ledger.ndjson").read_bytes().splitlines()]
    facts = [fact for line in lines for fact in line.get("facts", ())]
    kinds = {"Activated", "Amended", "Closed", "Filled", "ListDone", "Locked", "Trailed"}
    assert {fact["fact"] for fact in facts} >= kinds
    assert [encode_event(decode_event(fact)) for fact in facts] == facts


def test_every_key_keeps_its_id() -> None:
    ids = set()
    for module in pkgutil.walk_packages(cq_tui.room.__path__, "cq_tui.room."):
        values = vars(importlib.import_module(module.name)).values()
        tables = [vars(value).get("BINDINGS") if isinstance(value, type) else value for value in values]
        ids |= {b.id for table in tables if isinstance(table, (list, tuple)) for b in table if isinstance(b, Binding)}
    assert set(NAMES["key_ids"]) <= ids


@pytest.mark.parametrize("module", sorted(NAMES["plug_in"]))
def test_plug_ins_find_what_they_import(module: str) -> None:
    names = set(NAMES["plug_in"][module]) - REMOVED_FROM_PLUG_INS
    assert names <= set(vars(importlib.import_module(module)))
