"""Where in a data directory, or in the configuration folder, the files of each kind are."""

from cq_tui.contracts.layout import SERVICES

#: Paths relative to the data directory, by kind; ``<name>`` stands for any name. A kind of a file that holds JSON lines
#: is the kind of each line. Blocks are part of a file, proofs are written where the user wants them.
DATA_DIRECTORY: dict[str, tuple[str, ...]] = {
    "version": ("version.json",),
    **{f"health_{service}": (f"health/{service}.json",) for service in (*SERVICES, "supervisor")},
    "settings": ("ssot/env.json",),
    "event": ("memory/event_chain.ndjson",),
    "spooled_event": ("memory/spool/<writer>.ndjson", "memory/spool/<writer>.<seq>.ndjson"),
    "hash_chain": ("memory/hash_chain.json",),
    "tree_index": ("memory/tree_index.json",),
    "snapshot": ("memory/snapshots/snapshot_<timestamp>.json",),
    "tickers": ("market/tickers.json",),
    "command": ("control/<command_id>.json", "control/<command_id>.<service>.claimed"),
    "command_outcome": ("control/done/<command_id>.json",),
    "outside_signal": ("control/signals/<name>.json", "control/signals/taken/<name>.json"),
    "outside_outcome": ("control/signals/done/<name>.json",),
    "taken_signal": ("state/outside_signals.ndjson",),
    "signal_door": ("run/signals.json",),
    "account": ("state/account.json",),
    "kline": ("market/klines/<symbol>-<interval>.ndjson",),
    "kline_columns": ("market/columns/<symbol>-<interval>/columns.json",),
    "state_trader": ("state/trader.json",),
    "state_memory": ("state/memory.json",),
    "state_feeder": ("state/feeder.json",),
    "state_ares": ("state/ares.json",),
    "trader_input": ("trader_inputs/<number>.ndjson",),
    "kept_bars": ("state/ares/<symbol>-<interval>.json",),
    "settings_record": ("state/settings.json",),
    "trading_state_record": ("state/trading_state.json",),
    "settings_in_force": ("state/settings_in_force.json",),
    "ledger_line": ("exchange/ledger.ndjson",),
    "log_line": ("logs/<service>.log", "logs/<service>.log.<number>"),
    "request_budget": ("run/weight-<host>.json",),
    "lock_holder": ("run/<service>.lock",),
    "wanted_state": ("run/<service>.wanted.json",),
    "exchange_address": ("run/exchange.json",),
    "import_manifest": ("memory/imported/<sha256>/manifest.json",),
    "migration_record": tuple(f"migration/{state}.json" for state in ("plan", "done", "undoing", "undone")),
    "drill_report": ("drills/<time>-<drill>/report.json",),
    "debug_bundle": ("debug_bundle_<timestamp>.json",),
}

#: The same in the configuration folder.
CONFIGURATION_FOLDER: dict[str, tuple[str, ...]] = {
    "lock_holder": ("accounts/<venue>-<uid>.lock",),
    "owner_use": ("accounts/<venue>-<uid>-<owner>.json",),
    "directory_record": ("directories/<hash>.json",),
    "request_budget": ("weight/<host>.json",),
    "room_preferences": ("room.json",),
}
