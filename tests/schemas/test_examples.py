"""Every field of every schema has examples, and they are possible: they fit the field, its unit and the documents."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import orjson
import pytest

from cq_tui.contracts.json_schema import SCHEMAS
from cq_tui.contracts.schema_examples import example_documents
from cq_tui.ops.validate.documents import check_content
from cq_tui.schemas import kinds, load_schema
from tests.schemas.test_fields import fields_of

KINDS = sorted(kinds())
#: Digits that are no amount, by the end of their path.
NAMES_OF_DIGITS = {
    "value",
    "order_id",
    "trade_id",
    "code",
    "device",
    "inode",
    "previous_hash",
    "schema_version",
    "data_version",
}
#: What quarantine by hand has for its end.
NO_END = 253_370_764_800.0
#: Least and greatest plausible value of a unit; 0 stands for "has not happened".
PLAUSIBLE = {
    "Unix seconds": (1.4e9, 1.9e9),
    "Unix milliseconds": (1.4e12, 1.9e12),
    "seconds": (0, 1e6),
    "milliseconds": (-1e9, 1e10),
    # A return may be a loss.
    "share": (-1, 1),
    "percent": (-100, 10_000),
    "days since 1970-01-01": (15_000, 25_000),
    "MiB": (1, 1e5),
    "count": (0, 1e8),
}


def scalars_of(value: Any) -> Iterator[Any]:
    """Every number and text in a value of plain lists and maps."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    yield from [value] if not isinstance(value, dict | list) else [each for part in parts for each in scalars_of(part)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_has_examples_that_fit_it(kind: str) -> None:
    schema = load_schema(kind)
    for path, rule in fields_of(schema):
        assert rule.get("examples"), f"{path}: add a document that has it to cq_tui/contracts/examples"
        assert rule["examples"][0] not in (None, [], {}), path
        validator = jsonschema.Draft202012Validator({**rule, "$defs": schema.get("$defs", {})})
        for example in rule["examples"]:
            validator.validate(example)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_are_plausible_in_their_unit(kind: str) -> None:
    for path, rule in fields_of(load_schema(kind)):
        least, most = PLAUSIBLE.get(rule["unit"], (-1e15, 1e15))
        for value in scalars_of(rule["examples"]):
            is_name = isinstance(value, bool) or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", str(value))
            if not is_name and rule["unit"] != "none":
                assert float(value) in (0, NO_END) or least <= float(value) <= most, (path, value)


@pytest.mark.parametrize("kind", KINDS)
def test_amounts_in_text_have_a_unit(kind: str) -> None:
    """A unit cannot be forgotten because the number stands in a text."""
    for path, rule in fields_of(load_schema(kind)):
        texts = [value for value in scalars_of(rule["examples"]) if isinstance(value, str)]
        if any(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) for text in texts) and "$ref" not in str(rule):
            is_free = rule.get("type") == "object" or "additionalProperties" in str(rule)
            assert rule["unit"] != "none" or path.rpartition(".")[2] in NAMES_OF_DIGITS or is_free, (path, texts)


@pytest.mark.parametrize("kind", KINDS)
def test_whole_documents_fit_the_schema_and_the_model(kind: str) -> None:
    documents = example_documents(kind)
    assert load_schema(kind)["examples"] == documents[:2]
    validator = jsonschema.Draft202012Validator(load_schema(kind))
    for document in documents:
        validator.validate(document)
        SCHEMAS[kind].model_validate(document)
        found = check_content(orjson.dumps(document), kind).findings
        # A snapshot's hash is over the bytes of its file.
        assert {finding.rule for finding in found} <= {"snapshot.hash"}


def test_examples_of_events_have_payloads_that_fit_their_type() -> None:
    events = example_documents("event")
    for event_type in {event["event_type"] for event in events}:
        validator = jsonschema.Draft202012Validator(load_schema(f"event_{event_type}"))
        assert all(validator.is_valid(event["data"]) for event in events if event["event_type"] == event_type)


def test_examples_have_no_secrets_and_nobodys_names() -> None:
    """Keys are those of the contract's example, and the only person is Kim."""
    for kind in KINDS:
        for path, rule in fields_of(load_schema(kind)):
            name = path.rpartition(".")[2].lower()
            for example in rule["examples"]:
                if name.endswith(("api_key", "api_secret")):
                    assert example in ("your_api_key_here", "your_api_secret_here"), path
                if name in ("person", "acknowledged_by", "accepted_by"):
                    assert example.startswith("kim"), path
                for text in map(str, scalars_of(example)):
                    assert not re.search(r"/(?:tmp|root|work|home/(?!kim))\b|PRIVATE KEY|\broot\b", text), path
