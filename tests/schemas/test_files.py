"""The schema files: what the models say now, listed by the index, each importable by name, valid by the metaschema."""

import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import orjson
import pytest

import cq_tui.schemas
from cq_tui.contracts.data_version import CURRENT
from cq_tui.contracts.file_kinds import CONFIGURATION_FOLDER, DATA_DIRECTORY
from cq_tui.contracts.json_schema import SCHEMAS, schema_files, write_schemas

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "cq_tui" / "schemas"
INDEX = cq_tui.schemas.load_index()


def test_the_files_are_what_the_models_generate() -> None:
    outdated = [name for name, content in schema_files().items() if (FOLDER / name).read_bytes() != content]
    assert outdated == [], "run `make schemas`"
    assert {path.name for path in FOLDER.glob("*.json")} == set(schema_files())


def test_the_folder_has_its_old_name_too() -> None:
    assert (ROOT / "schemas").resolve() == FOLDER


def test_writing_removes_schemas_without_a_model_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "stale.schema.json").write_text("{}")
    (tmp_path / "README.md").write_text("kept")
    write_schemas(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*schema_files(), "README.md"}


def test_the_index_lists_every_schema_as_it_is() -> None:
    assert INDEX["version"] == CURRENT
    assert [entry["kind"] for entry in INDEX["schemas"]] == list(SCHEMAS)
    for entry in INDEX["schemas"]:
        schema = orjson.loads((FOLDER / entry["file"]).read_bytes())
        assert {key: schema[key] for key in ("$id", "title", "version")}.items() <= entry.items()
    for key in ("$id", "title", "file", "import"):
        assert len({entry[key] for entry in INDEX["schemas"]}) == len(SCHEMAS), key


def test_every_path_belongs_to_one_kind() -> None:
    for paths in (DATA_DIRECTORY, CONFIGURATION_FOLDER):
        assert paths.keys() <= SCHEMAS.keys()
        listed = [path for kind in paths.values() for path in kind]
        assert len(listed) == len(set(listed))


@pytest.mark.parametrize("kind", sorted(SCHEMAS))
def test_every_schema_is_valid_and_imported_by_its_name(kind: str) -> None:
    schema = getattr(cq_tui.schemas, cq_tui.schemas.import_name(kind))
    assert schema is cq_tui.schemas.load_schema(kind)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert re.fullmatch(r"urn:cq-tui:schema:[a-z_]+", schema["$id"])
    jsonschema.Draft202012Validator.check_schema(schema)


def test_names_are_those_of_the_contract() -> None:
    from cq_tui.schemas import (
        ares_health_schema,
        debug_bundle_schema,
        event_schema,
        feeder_health_schema,
        hash_chain_schema,
        memory_health_schema,
        settings_schema,
        snapshot_schema,
        trader_health_schema,
    )

    titles = [schema["title"] for schema in (feeder_health_schema, ares_health_schema, trader_health_schema)]
    assert titles == ["Feeder health", "ARES health", "Trader health"]
    assert [schema["title"] for schema in (event_schema, hash_chain_schema, snapshot_schema)] == [
        "Event",
        "Hash chain",
        "Snapshot",
    ]
    assert all(schema["properties"] for schema in (debug_bundle_schema, memory_health_schema, settings_schema))
    assert set(dir(cq_tui.schemas)) >= {cq_tui.schemas.import_name(kind) for kind in SCHEMAS}


@pytest.mark.parametrize("name", ["health_feeder_schema", "feeder_health", "nonsense_schema", "index_schema"])
def test_there_are_no_other_names(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(cq_tui.schemas, name)
    with pytest.raises(KeyError):
        cq_tui.schemas.load_schema(name)


def test_reading_a_schema_needs_no_models() -> None:
    script = "import sys; from cq_tui.schemas import event_schema; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"
