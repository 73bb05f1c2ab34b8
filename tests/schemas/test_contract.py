"""The data contract itself, where it lies beside this tree: its snippet runs, and every example in it is valid.

Its alternatives, such as ``ok|degraded|error``, are tried in turn. A fragment of an event (type and data alone) is
completed with the other fields of the contract's own event; every other block of JSON is a document as it is printed.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cq_tui.schemas import import_name, load_schema

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = sorted((ROOT / "../shared/seed").glob("*.txt"))
KEPT = ROOT / "tests" / "contracts" / "examples"
#: The lines that the snippet needs before it, as they stand in docs/formats.md.
IMPORTS = "import json\nfrom cq_tui.schemas import feeder_health_schema\n"
#: Kinds by the path that the contract prints above an example, or by what the example is.
KINDS = {
    "health/feeder.json": "health_feeder",
    "health/ares.json": "health_ares",
    "health/trader.json": "health_trader",
    "health/memory.json": "health_memory",
    "event_chain.ndjson": "event",
    "snapshots/": "snapshot",
    "hash_chain.json": "hash_chain",
    "ssot/env.json": "settings",
    "debug_bundle": "debug_bundle",
}

needs_contract = pytest.mark.skipif(not CONTRACTS, reason="the data contract is not beside this tree: ../shared/seed")


def blocks(text: str, language: str) -> list[tuple[str, str]]:
    """Every code block of a language, with the prose above it."""
    parts = text.split("```")
    fenced = zip(parts[0::2], parts[1::2], strict=False)
    return [(above, block.partition("\n")[2]) for above, block in fenced if block.startswith(f"{language}\n")]


def documents(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every example of the contract as a document, with its kind; each alternative is one."""
    whole_event: dict[str, Any] = {}
    for above, block in blocks(text, "json"):
        value = json.loads(block)
        kind = "block" if "previous_hash" in value else next((KINDS[key] for key in KINDS if key in above), None)
        if value.keys() == {"event_type", "data"}:
            yield f"event_{value['event_type']}", value["data"]
            value, kind = whole_event | value, "event"
        elif kind == "event":
            whole_event = value
        assert kind is not None, above
        words = str(value.get("status", "")).split("|")
        yield from ((kind, value | ({"status": word} if word else {})) for word in words)


@needs_contract
def test_every_example_of_the_contract_is_valid() -> None:
    for contract in CONTRACTS:
        found = list(documents(contract.read_text()))
        # Each alternative of four health files; the other nine blocks; the payloads of three fragments.
        assert len(found) == 4 * 3 + 9 + 3
        assert {kind for kind, _ in found} >= {*KINDS.values(), "block", "event_signal_generated"}
        for kind, document in found:
            jsonschema.validate(document, load_schema(kind))


@needs_contract
def test_the_examples_kept_here_are_those_of_the_contract() -> None:
    kept = {path.stem: json.loads(path.read_bytes()) for path in KEPT.glob("*.json")}
    printed = [json.loads(block) for contract in CONTRACTS for _, block in blocks(contract.read_text(), "json")]
    assert [value for value in printed if value not in kept.values()] == []
    assert len(printed) == len(kept)


def run(snippet: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a snippet in a folder with the feeder's health of the contract."""
    health = folder / "shared_data" / "health"
    health.mkdir(parents=True, exist_ok=True)
    example = json.loads((KEPT / "health_feeder.json").read_bytes())
    (health / "feeder.json").write_text(json.dumps(example | {"status": "ok"}))
    environment = {"PYTHONPATH": f"{ROOT}:{':'.join(filter(None, sys.path))}"}
    command = [sys.executable, "-c", snippet]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def fails_for_a_wrong_file(snippet: str, folder: Path) -> bool:
    """Whether the snippet refuses a file that is not valid: it would otherwise prove nothing."""
    wrong = snippet.replace("data = json.load(f)", "data = json.load(f) | {'symbols_count': -1}")
    return wrong != snippet and "ValidationError: -1 is less than the minimum" in run(wrong, folder).stderr


@needs_contract
def test_the_snippet_of_the_contract_runs_with_two_lines_before_it(tmp_path: Path) -> None:
    ((_, snippet),) = blocks(CONTRACTS[0].read_text(), "python")
    done = run(IMPORTS + snippet, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert fails_for_a_wrong_file(IMPORTS + snippet, tmp_path)


def test_the_snippet_on_the_page_runs_and_is_that_of_the_contract(tmp_path: Path) -> None:
    ((_, snippet),) = blocks((ROOT / "docs" / "formats.md").read_text(), "python")
    assert snippet.startswith(IMPORTS)
    done = run(snippet, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert fails_for_a_wrong_file(snippet, tmp_path)
    for contract in CONTRACTS:
        ((_, printed),) = blocks(contract.read_text(), "python")
        # The page is formatted as code of ours, with other quotes.
        assert snippet.replace('"', "'") == IMPORTS + printed


def test_the_page_names_what_is_imported() -> None:
    page = (ROOT / "docs" / "formats.md").read_text()
    for kind in ("health_feeder", "event", "hash_chain", "settings"):
        assert f"`{import_name(kind)}`" in page
