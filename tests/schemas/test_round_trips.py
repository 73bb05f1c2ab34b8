"""Model, file, schema, model: what a model writes fits its schema, and comes back as it was, for every kind of file.

What a model is made from fits the schema, too: a model takes whatever its schema takes.
"""

from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.json_schema import SCHEMAS
from cq_tui.schemas import load_schema
from cq_tui.store.document import read_document, write_document
from tests.schemas.valid_documents import documents_of

#: 4 in `make test`, 40 in `make torture`.
EXAMPLES = max(1, settings.default.max_examples // 10 if settings.default else 4)
#: Of these the text may be one that its own readers refuse: names of symbols separated by commas.
NARROWER = {"settings": {"SYMBOLS"}}


def revealed(model: ContractModel) -> dict[str, Any]:
    """Return what is written of a model, with its secrets, as the one who owns them writes it."""
    secrets = {name: value.get_secret_value() for name, value in model if isinstance(value, SecretStr)}
    return model.model_dump(mode="json", exclude_none=True) | secrets


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_a_model_comes_back_from_its_file_and_fits_its_schema(
    kind: str, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    schema = load_schema(kind)
    narrower = {name: each for name, each in schema["properties"].items() if name not in NARROWER.get(kind, ())}
    drawn = data.draw(documents_of(schema | {"properties": narrower}))
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(drawn)
    model = SCHEMAS[kind].model_validate(drawn)
    path = tmp_path_factory.getbasetemp() / f"{kind}.json"
    write_document(path, revealed(model), durable=False)
    validator.validate(orjson.loads(path.read_bytes()))
    assert read_document(path, SCHEMAS[kind]) == model


def test_a_wrong_field_does_not_come_back(tmp_path: Path) -> None:
    """The comparison would notice: a value that the file changes is another one."""
    path = tmp_path / "wanted_state.json"
    model = SCHEMAS["wanted_state"].model_validate({"wanted": "running", "changed_by": "kim", "changed_ts": 5.0})
    write_document(path, revealed(model) | {"changed_ts": 6.0})
    assert read_document(path, SCHEMAS["wanted_state"]) != model
