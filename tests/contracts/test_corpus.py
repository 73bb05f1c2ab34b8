"""Good and bad files of every kind: ``jsonschema``, ``check-jsonschema`` and ``cq-tui validate`` say the same of them.

A file's name in ``corpus/bad`` says what is wrong with it: ``required-symbols`` breaks that keyword of its schema at
that field, ``health.symbols_count`` that rule of ``cq-tui validate``. Everything else about the file is right.
"""

import json
import os
import shutil
from pathlib import Path

import jsonschema
import pytest
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.rules.table import RULES
from cq_tui.ops.validate.run import Validation
from cq_tui.schemas import kinds, load_schema

CORPUS = Path(__file__).parent / "corpus"
FOLDER = Path(__file__).resolve().parents[2] / "cq_tui" / "schemas"
HEAVY = bool(os.environ.get("CQ_HEAVY_TESTS"))
#: What ``validate`` says where it reads a file as its reader does, instead of field by field.
OWN_WORDS = {
    "kline": "kline.line",
    "ledger_line": "ledger.line",
    "log_line": "log.line",
    "taken_signal": "signal.line",
    "trader_input": "input.line",
    "spooled_event": "spool.line",
    "settings": "settings.value",
}
#: Its readers take true and 1 in text, too: ``validate`` warns.
SPELLING = {("settings", "type-BINANCE_USE_TESTNET"): "settings.spelling"}
#: Texts that Python's reader of JSON takes for good, or refuses before any schema is asked.
JSON_TEXTS = {
    "json.duplicate_key": True,
    "json.syntax": True,
    "json.huge_number": True,
    "json.byte_order_mark": True,
    "json.encoding": True,
    "file.empty": None,
    "json.depth": None,
    "json.object": False,
}
#: Those whose schemas users validate with: asking check-jsonschema takes 0.3 s for each.
ASKED = sorted(kinds()) if HEAVY else ["health_feeder", "event", "hash_chain", "settings", "debug_bundle"]


def files(verdict: str, kind: str) -> list[Path]:
    return sorted((CORPUS / verdict / kind).glob("*.json"))


def expected_rule(path: Path) -> str:
    kind, (keyword, is_schema, _) = path.parent.name, path.stem.partition("-")
    if not is_schema:
        return keyword
    return SPELLING.get((kind, path.stem)) or OWN_WORDS.get(kind) or f"schema.{keyword}"


def schema_takes(path: Path) -> bool | None:
    """Whether the schema alone takes a file; None if it is no JSON at all."""
    return JSON_TEXTS.get(path.stem, "-" not in path.stem)


def validated(path: Path, folder: Path) -> tuple[set[str], int]:
    """Rules that a copy breaks, closed to others as files with secrets must be, and the exit code."""
    copy = folder / path.name
    shutil.copyfile(path, copy)
    copy.chmod(0o600)
    report = Validation((copy,), DataDir(folder / "none"), path.parent.name).run(lambda _: None)
    (file,) = report.files
    return {finding.rule for finding in file.findings}, report.exit_code


def test_every_kind_has_good_files_and_bad_ones() -> None:
    assert [kind for kind in kinds() if not files("good", kind)] == [], "run python -m tests.contracts.make_corpus"
    # Every field of these may be missing, and has any value.
    lenient = {kind for kind in kinds() if not load_schema(kind).get("required")}
    assert {kind for kind in kinds() if not files("bad", kind)} <= lenient
    assert {folder.name for folder in CORPUS.glob("*/*")} == set(kinds())


def test_every_rule_named_is_one() -> None:
    rules = {expected_rule(path) for kind in kinds() for path in files("bad", kind)}
    assert rules <= RULES.keys()
    assert {rule for rule in RULES if rule.startswith("health.")} - rules == {"health.ahead", "health.stale"}


@pytest.mark.parametrize("kind", kinds())
def test_jsonschema_agrees(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(load_schema(kind))
    assert [path.stem for path in files("good", kind) if not validator.is_valid(json.loads(path.read_bytes()))] == []
    for path in files("bad", kind):
        try:
            found: bool | None = validator.is_valid(json.loads(path.read_bytes()))
        except (ValueError, RecursionError):
            found = None
        assert found == schema_takes(path), path.stem


@pytest.mark.parametrize("kind", kinds())
def test_a_bad_file_has_one_defect_where_its_name_says(kind: str) -> None:
    validator = jsonschema.Draft202012Validator(load_schema(kind))
    for path in files("bad", kind):
        keyword, is_schema, field = path.stem.partition("-")
        if is_schema:
            (error,) = validator.iter_errors(json.loads(path.read_bytes()))
            inner = error.context[0].validator if error.validator == "anyOf" and error.context else error.validator
            assert (inner, field in (*map(str, error.path), *str(error.message).split("'"))) == (keyword, True), path


@pytest.mark.parametrize("kind", kinds())
def test_validate_agrees_and_names_the_rule(kind: str, tmp_path: Path) -> None:
    for path in files("good", kind):
        assert validated(path, tmp_path) == (set(), 0), path.stem
    for path in files("bad", kind):
        rule = expected_rule(path)
        assert validated(path, tmp_path) == ({rule}, 2 if RULES[rule].severity == "error" else 1), path.stem


@pytest.mark.parametrize("kind", ASKED)
def test_check_jsonschema_agrees(kind: str) -> None:
    bad = [path for path in files("bad", kind) if path.stem not in JSON_TEXTS]
    asked = ["--output-format", "json", "--schemafile", str(FOLDER / f"{kind}.schema.json")]
    result = CliRunner().invoke(check_jsonschema, [*asked, *map(str, [*files("good", kind), *bad])])
    said = json.loads(result.output)
    assert not said.get("parse_errors")
    assert {each["filename"] for each in said["errors"]} == {str(path) for path in bad if not schema_takes(path)}


def test_check_jsonschema_takes_every_schema_for_valid() -> None:
    result = CliRunner().invoke(check_jsonschema, ["--check-metaschema", *map(str, FOLDER.glob("*.schema.json"))])
    assert (result.exit_code, result.output) == (0, "ok -- validation done\n")
