"""Every JSON example of the data contract, as it is printed there, fits its model and its schema."""

from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest

from cq_tui.contracts.events import PAYLOADS, Event
from cq_tui.contracts.json_schema import SCHEMAS

EXAMPLES = Path(__file__).parent / "examples"
FOLDER = Path(__file__).resolve().parents[2] / "schemas"


def load(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = orjson.loads(path.read_bytes())
    return value


def unfolded() -> list[tuple[str, str, dict[str, Any]]]:
    """Return (label, schema name, value): one for each alternative of ``ok|degraded|error``."""
    found = []
    for path in sorted(EXAMPLES.glob("*.json")):
        value, name = load(path), path.stem
        if name.startswith("event_"):
            value = value["data"]
        status = value.get("status")
        words = status.split("|") if isinstance(status, str) else [None]
        found += [(f"{name}-{word or 'as-is'}", name, value | ({"status": word} if word else {})) for word in words]
    return found


CASES = unfolded()
by_case = pytest.mark.parametrize(("name", "value"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])


def file_schema(name: str) -> jsonschema.Draft202012Validator:
    schema = load(FOLDER / f"{name}.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def contains(whole: Any, part: Any) -> bool:
    """Whether every field of ``part`` stands in ``whole`` with the same value."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


def test_all_examples_are_here_and_all_three_status_words_are_tried() -> None:
    assert len(list(EXAMPLES.glob("*.json"))) == 13
    assert len(CASES) == 13 + 4 * 2


@by_case
def test_example_fits_its_model_and_comes_back_whole(name: str, value: dict[str, Any]) -> None:
    # The placeholders of the settings read as unset: test_settings.py knows more of them.
    secrets = {key: None for key in value if key.startswith("BINANCE_API_")}
    assert contains(SCHEMAS[name].model_validate(value).model_dump(mode="json"), value | secrets)


@by_case
def test_example_fits_its_schema(name: str, value: dict[str, Any]) -> None:
    file_schema(name).validate(value)


@by_case
def test_unknown_fields_are_kept_at_every_depth(name: str, value: dict[str, Any]) -> None:
    strange: dict[str, Any] = {"x_later": {"deep": [1, {"a": None}]}, "X-2": "…"}

    def strewn(part: Any) -> Any:
        if isinstance(part, dict):
            extra = {} if part and all(isinstance(entry, dict) for entry in part.values()) else strange
            return {key: strewn(entry) for key, entry in part.items()} | extra
        return [strewn(entry) for entry in part] if isinstance(part, list) else part

    larger = strewn(value)
    file_schema(name).validate(larger)
    dumped = SCHEMAS[name].model_validate(larger).model_dump(mode="json")
    if name == "settings":
        assert dumped["x_later"] == strange["x_later"]
    else:
        assert contains(dumped, larger)


@by_case
def test_no_field_of_the_example_may_be_missing_and_no_added_one_is_needed(name: str, value: dict[str, Any]) -> None:
    """What the contract prints is what is required, but for the fields that came with later versions."""
    if name == "settings":
        return
    later = {"metadata", "commission", "data"} if name in ("event", "event_order_executed") else set()
    later |= {"reason"} if name == "event_health_status_changed" else set()
    validator = file_schema(name)
    for field in value:
        smaller = {key: entry for key, entry in value.items() if key != field}
        assert validator.is_valid(smaller) == (field in later), field
        if field in later:
            SCHEMAS[name].model_validate(smaller)
        else:
            with pytest.raises(ValueError, match=field):
                SCHEMAS[name].model_validate(smaller)


@pytest.mark.parametrize("status", ["ok|degraded|error", "OK", "", "fine", None, 1])
def test_no_other_status_word_is_accepted(status: object) -> None:
    value = load(EXAMPLES / "health_feeder.json") | {"status": status}
    assert not file_schema("health_feeder").is_valid(value)
    with pytest.raises(ValueError, match="status"):
        SCHEMAS["health_feeder"].model_validate(value)


def test_events_of_all_types_have_a_payload_and_unknown_types_have_none() -> None:
    event = load(EXAMPLES / "event.json")
    typed = Event.model_validate(event).payload()
    assert type(typed) is PAYLOADS["order_executed"]
    assert Event.model_validate(event | {"event_type": "of_a_later_version"}).payload() is None
    with pytest.raises(ValueError, match="symbol"):
        Event.model_validate(event | {"data": {}}).payload()


@pytest.mark.parametrize("event_type", sorted(PAYLOADS))
def test_no_payload_accepts_an_empty_object(event_type: str) -> None:
    assert load(FOLDER / f"event_{event_type}.schema.json")["required"]
    assert not file_schema(f"event_{event_type}").is_valid({})
