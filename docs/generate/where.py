"""``where.md``: which function answers a newcomer's question."""

import importlib
from functools import reduce
from typing import Any

from docs.generate import markdown

#: "Where is …": the rest of the question, and the object as ``module:qualified name``, below ``cq_tui``.
QUESTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "Market data": (
        ("a message of a market stream parsed", "binance.market_events:parse_stream_message"),
        ("a lost connection reopened", "binance.reconnect:keep_connected"),
        ("a silent stream detected", "binance.watchdog:StreamWatchdog"),
        ("an order book synchronized", "binance.order_book:BookSync"),
        ("a closed kline written", "services.feeder.kline_feed:KlineFeed.append_closed"),
        ("a gap in the klines filled", "services.feeder.kline_feed:KlineFeed._repair_series"),
        ("a recording of klines read", "ops.market_data.reading:load_columns"),
        ("a fault of a recording found", "lookback.column_checks:check_lines"),
        ("a recording kept as columns", "ops.market_data.column_folder:write_columns"),
        ("a missing part of a recording fetched", "ops.market_data.fetching:Fetch.run"),
        ("a halted symbol left out and taken up again", "services.feeder.session:FeederSession._apply_rules"),
        ("the next reading of a symbol's rules planned", "binance.rules_refresh:RulesRefresh.due"),
        ("a price published", "services.feeder.service:FeederService._write_tickers"),
    ),
    "Signals": (
        ("a new kline passed to the strategies", "services.ares.interval_engines:IntervalEngines.decide"),
        ("a strategy loaded", "strategies.registry:load_strategies"),
        ("an indicator computed", "strategies.indicators:CloseIndicator"),
        ("a trend signal made", "strategies.trend_multi_tf:TrendMultiTf.on_bar"),
        ("a mean reversion signal made", "strategies.bb_mean_revert_v2:BbMeanRevertV2.on_bar"),
        ("a signal recorded", "services.ares.emission:SignalEmitter.emit"),
        ("a signal compared with its block", "store.reading.chained_lines:ChainedLines.read_new"),
    ),
    "Orders": (
        ("a signal accepted or denied", "trading.guardrails:decide_entry"),
        ("a limit on entries listed", "trading.limits.table:LIMITS"),
        ("the cost of a round trip computed", "trading.limits.signals:round_trip_cost"),
        ("an entry counted for the limits a minute and a day", "trading.core.entry_log:EntryLog.add"),
        ("the cooldown checked", "trading.limits.pauses:check_cooldown"),
        ("trading halted or reduced by a person", "ops.trading_state:stop"),
        ("trading resumed by a person", "ops.trading_state:resume"),
        ("an administrator's limit applied", "store.administrator_limits:AdministratorLimits.tighten"),
        ("a mode chosen by a person", "ops.mode:change_mode"),
        ("what is open, so that no mode is left", "store.what_is_open:what_is_open"),
        ("a file that stops trading made", "store.trading_state:put_stop"),
        ("a halt recorded", "services.trading_state_record:TradingStateRecord.follow"),
        ("TRADING_STATE checked", "trading.gates:_trading_denial"),
        ("a denial reason explained", "trading.denial:DenialReason"),
        ("the size of an entry computed", "trading.sizing:size_entry"),
        ("a price rounded to the tick size", "binance.filters:SymbolRules.quantize_price"),
        ("a client order id made", "trading.client_order_id:client_order_id"),
        ("an order recorded before it is sent", "trading.core.making:intend"),
        ("a decision of the trader made", "trading.core.core:Core.step"),
        ("a fact of the trader recorded as an event", "trading.core.codec:to_event"),
        ("the next request to the exchange chosen", "trading.queue_policy:decide"),
        ("the trader's book read from its events", "services.trader.trader_state:TraderState.take"),
        ("an order sent", "services.trader.executor:Executor.submit"),
        ("a request signed", "binance.signing:signed_query"),
        ("request weight limited", "binance.shared_budget:SharedBudget"),
        ("an unknown outcome resolved", "trading.core.inquiring:ask"),
        ("an order's status changed", "trading.order_life:hear"),
        ("a fill booked", "trading.money.holding:buy"),
        ("a commission booked", "trading.money.trades:book_trade"),
        ("the kind of an entry chosen, by list or at market", "trading.core.entry_kind:entry_kind"),
        ("what a position needs decided", "trading.core.positions:look_after"),
        ("a position's state changed", "trading.position_life:see"),
        ("the time without a stop measured", "trading.core.naked:NakedLog"),
        ("what cannot be sold told from dust", "trading.money.sellable:is_dust"),
        ("a doubt raised", "trading.core.situation:Situation.doubt"),
        ("a doubt accepted by a person", "trading.core.acceptance:accept"),
        ("coins put under protection", "trading.core.adoption:adopt"),
        ("the owner of orders settled", "trading.owner:settle_owner"),
        ("a request carried out in virtual time", "lookback.fills:EngineFills"),
        ("a stop or target placed", "trading.core.making:place_oco"),
        ("a trailing stop moved", "trading.core.trailing:take_bar"),
        ("a symbol quarantined", "trading.quarantine:Quarantine.put"),
        ("the account reconciled with the exchange", "trading.core.reconciling:look_at_account"),
    ),
    "Books": (
        ("a trader's fact entered into the books", "books.ledger:Ledger.take"),
        ("the oldest lot taken first", "books.lots:Lots.follow"),
        ("a position followed from entry to exit", "books.round_trips:round_trips"),
        ("a figure of a report computed", "books.metrics:max_drawdown"),
        ("a report made", "books.report:make_report"),
        ("an account's books read from the history", "ops.books.history:read_books"),
        ("trades compared with the exchange's own list", "books.reconciling:compare"),
    ),
    "History": (
        ("an event emitted", "services.runtime:ServiceRuntime.emit"),
        ("an event read from the spools", "store.spools.merge:SpoolMerger.collect"),
        ("an event appended", "store.history.writer:HistoryWriter.append"),
        ("the chain shown at once for a signal", "services.memory.chain_schedule:ChainSchedule.pause"),
        ("all events of one writer read", "store.spools.own_events:read_own_events"),
        ("a block hashed", "store.history.hash_chain:build_blocks"),
        ("the Merkle root computed", "store.history.merkle:MerkleFrontier.root"),
        ("a checkpoint signed", "store.checkpoints.anchoring:Anchoring.sign"),
        ("the history verified", "ops.verify:verify_history"),
        ("a proof made", "store.proofs.merkle_proofs:inclusion_path"),
        ("a proof checked", "ops.check_proof:check_proof"),
        ("a fault accepted", "store.checkpoints.anchoring:Anchoring.accept"),
        ("a snapshot written", "store.snapshots.snapshot_store:SnapshotStore.take_snapshot"),
    ),
    "Services": (
        ("the mode chosen", "contracts.mode:effective_mode"),
        ("a setting defined", "contracts.settings:Settings"),
        ("a setting read", "store.settings_file:load_settings"),
        ("a setting changed", "store.settings_file:change_settings"),
        ("a file of the data directory named", "contracts.layout:DataDir"),
        ("a kind of file and its paths listed", "contracts.file_kinds:DATA_DIRECTORY"),
        ("a unit of a field named", "contracts.units:Unit"),
        ("a schema made from its model", "contracts.json_schema:schema_of"),
        ("a file replaced atomically", "store.document:write_document"),
        ("a service process started", "supervisor.process:spawn_service"),
        ("a crashed service restarted", "supervisor.supervisor:Supervisor._handle_crash"),
        ("a heartbeat written", "services.runtime:ServiceRuntime.publish_health"),
        ("the age of a report judged", "contracts.freshness:judge_age"),
        ("the verdict on a service", "ops.verdict:judge"),
        ("a command passed to a service", "store.control:issue_command"),
        ("a signal from outside read", "contracts.outside_signals:read_signal"),
        ("a signal from outside taken", "services.ares.outside.door:OutsideDoor.look"),
        ("a signal taken by POST", "services.signal_door.door:SignalDoorApp"),
    ),
    "Room and command line": (
        ("a key bound", "room.keys:FOOTER_BINDINGS"),
        ("a key's action performed", "room.actions:RoomActions.perform"),
        ("a changed file noticed", "room.watcher:Watcher"),
        ("the room's state kept", "room.state:RoomState"),
        ("the status bar drawn", "room.panes.status_bar:StatusBar.render"),
        ("a table drawn", "room.widgets.line_table:LineTable"),
        ("the trader's account told in words", "ops.account_words:account_lines"),
        ("an alert raised", "room.alerts:all_alerts"),
        ("text from outside sanitized", "ops.formatting:sanitize"),
        ("an exit code defined", "contracts.exit_code:ExitCode"),
    ),
    "Simulated exchange": (
        ("a price generated", "simulator.market.random_walk:RandomWalk.next_block"),
        ("a recording replayed", "simulator.market.replay:Replay"),
        ("a request handled", "simulator.api.dispatch:dispatch"),
        ("a rate limit enforced", "simulator.access.rate_limits:RateLimits.count_request"),
        ("an order matched", "simulator.engine.matching:plan_match"),
        ("a trade saved", "simulator.engine.ledger:Ledger"),
        ("a fault injected", "simulator.faults.plan:FaultPlan"),
    ),
}


def page() -> str:
    """Return the page. Raises ImportError or AttributeError if the code no longer has one of the names."""
    parts = []
    for heading, questions in QUESTIONS.items():
        rows = [[f"{question}?", *_place(name)] for question, name in questions]
        parts += [f"## {heading}", markdown.table(["Where is …", "file", "name"], rows)]
    return markdown.page("Where is …", *parts)


def find(name: str) -> Any:
    """Return the object that ``module:qualified name`` names. Raises ImportError or AttributeError."""
    module, _, qualified = name.partition(":")
    return reduce(getattr, qualified.split("."), importlib.import_module(f"cq_tui.{module}"))


def _place(name: str) -> list[str]:
    find(name)
    module, _, qualified = name.partition(":")
    path = f"cq_tui/{module.replace('.', '/')}.py"
    return [f"[{path}](../../{path})", markdown.code(qualified)]
