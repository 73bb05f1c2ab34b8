"""JSON Schema (2020-12) of every kind of file, generated from the models by ``make schemas``."""

import sys
from pathlib import Path
from typing import Any

import orjson

from cq_tui.contracts.account import AccountState
from cq_tui.contracts.backup_files import BackupHead, BackupManifest
from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.bundle import DebugBundle
from cq_tui.contracts.commands import Command, CommandOutcome
from cq_tui.contracts.data_version import CURRENT
from cq_tui.contracts.drills import DrillReport
from cq_tui.contracts.events import PAYLOADS, Event, SpooledEvent
from cq_tui.contracts.file_kinds import CONFIGURATION_FOLDER, DATA_DIRECTORY
from cq_tui.contracts.health import HEALTH_MODELS
from cq_tui.contracts.history import BlockDocument, HashChain, Snapshot, TreeIndexDocument
from cq_tui.contracts.in_force import InForce
from cq_tui.contracts.kept_bars import KeptBarsDocument
from cq_tui.contracts.kline_columns import KlineColumnsDocument
from cq_tui.contracts.outside_signals import OutsideOutcome, OutsideSignal, SignalDoor, TakenSignal
from cq_tui.contracts.proof import ConsistencyProof, InclusionProof
from cq_tui.contracts.runfiles import DesiredState, ExchangeAddress, LockHolder
from cq_tui.contracts.schema_examples import add_examples
from cq_tui.contracts.schema_fields import describe_fields, in_words
from cq_tui.contracts.schema_only import (
    AresStateDocument,
    DirectoryRecord,
    ImportManifest,
    KlineLine,
    LedgerLine,
    LogLine,
    MemoryStateDocument,
    MigrationRecord,
    OwnerUse,
    RequestBudgetDocument,
    RoomPreferences,
    TraderInputLine,
    TraderStateDocument,
)  # fmt: skip
from cq_tui.contracts.settings import Settings
from cq_tui.contracts.state_files import FeederState, SettingsRecordDocument, TradingStateRecordDocument
from cq_tui.contracts.tickers import TickersDocument
from cq_tui.contracts.trading_report import TradingReport
from cq_tui.contracts.validation import ValidationDocument
from cq_tui.contracts.version_document import VersionDocument
from cq_tui.schemas import import_name

SCHEMAS: dict[str, type[ContractModel]] = {
    **{f"health_{service}": model for service, model in HEALTH_MODELS.items()},
    **{f"event_{event_type}": model for event_type, model in PAYLOADS.items()},
    "event": Event,
    "spooled_event": SpooledEvent,
    "block": BlockDocument,
    "hash_chain": HashChain,
    "snapshot": Snapshot,
    "tree_index": TreeIndexDocument,
    "inclusion_proof": InclusionProof,
    "consistency_proof": ConsistencyProof,
    "settings": Settings,
    "version": VersionDocument,
    "backup_head": BackupHead,
    "backup_manifest": BackupManifest,
    "import_manifest": ImportManifest,
    "migration_record": MigrationRecord,
    "kline": KlineLine,
    "kline_columns": KlineColumnsDocument,
    "state_trader": TraderStateDocument,
    "state_memory": MemoryStateDocument,
    "state_feeder": FeederState,
    "state_ares": AresStateDocument,
    "trader_input": TraderInputLine,
    "kept_bars": KeptBarsDocument,
    "settings_record": SettingsRecordDocument,
    "trading_state_record": TradingStateRecordDocument,
    "settings_in_force": InForce,
    "ledger_line": LedgerLine,
    "log_line": LogLine,
    "request_budget": RequestBudgetDocument,
    "directory_record": DirectoryRecord,
    "owner_use": OwnerUse,
    "room_preferences": RoomPreferences,
    "debug_bundle": DebugBundle,
    "tickers": TickersDocument,
    "account": AccountState,
    "command": Command,
    "command_outcome": CommandOutcome,
    "outside_signal": OutsideSignal,
    "outside_outcome": OutsideOutcome,
    "taken_signal": TakenSignal,
    "signal_door": SignalDoor,
    "lock_holder": LockHolder,
    "wanted_state": DesiredState,
    "exchange_address": ExchangeAddress,
    "drill_report": DrillReport,
    "validation_report": ValidationDocument,
    "trading_report": TradingReport,
}


def schema_of(name: str) -> dict[str, Any]:
    """Return the schema of one kind of file; unknown fields are allowed everywhere."""
    model = SCHEMAS[name]
    schema = model.model_json_schema(mode="validation")
    describe_fields(schema, model)
    add_examples(schema, name, model.__name__)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cq-tui:schema:{name}",
        "title": in_words(model.__name__),
        "description": schema.pop("description"),
        "version": CURRENT,
        **{key: value for key, value in schema.items() if key != "title"},
    }


def _index(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the index: each kind with its file, the name by which it is imported, its id, title, version and paths."""
    return {"version": CURRENT, "schemas": [_entry(name, schema) for name, schema in schemas.items()]}


def _entry(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": name,
        "file": f"{name}.schema.json",
        "import": import_name(name),
        **{key: schema[key] for key in ("$id", "title", "version")},
        "paths": list(DATA_DIRECTORY.get(name, ())),
        "configuration_paths": list(CONFIGURATION_FOLDER.get(name, ())),
    }


def schema_files() -> dict[str, bytes]:
    """Return every file of ``schemas/`` by its name, with its content."""
    schemas = {name: schema_of(name) for name in SCHEMAS}
    documents = {f"{name}.schema.json": schema for name, schema in schemas.items()} | {"index.json": _index(schemas)}
    return {name: orjson.dumps(each, option=orjson.OPT_INDENT_2) + b"\n" for name, each in documents.items()}


def write_schemas(folder: Path) -> None:
    """Write every schema and the index, and remove the schemas without a model."""
    folder.mkdir(parents=True, exist_ok=True)
    written = schema_files()
    for stale in set(folder.glob("*.schema.json")) - {folder / name for name in written}:
        stale.unlink()
    for name, content in written.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
