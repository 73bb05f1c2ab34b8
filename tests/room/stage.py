"""A data directory as a running stack writes it, made with the store's own functions, at a fixed time."""

import hashlib
import math
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cq_tui.contracts.account import AccountState, OrderState, PositionState, QuarantineState
from cq_tui.contracts.health import (
    AresHealth,
    ExchangeHealth,
    FeederHealth,
    Health,
    MemoryHealth,
    ServiceState,
    SupervisorHealth,
    TraderHealth,
)
from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.market import Kline
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.contracts.settings import DEFAULT_SYMBOLS
from cq_tui.contracts.tickers import Ticker, tickers_to_bytes
from cq_tui.store.checkpoints.anchoring import Anchoring
from cq_tui.store.checkpoints.checkpoint import Checkpoint
from cq_tui.store.checkpoints.checkpoint_log import newest_checkpoint
from cq_tui.store.checkpoints.config_folder import create_file, make_private
from cq_tui.store.checkpoints.signing_key import key_path
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.document import DocumentError, read_document, write_document
from cq_tui.store.history.chain_file import read_chain_tail
from cq_tui.store.history.event_line import NewEvent
from cq_tui.store.history.writer import HistoryWriter
from cq_tui.store.journal import JournalWriter

#: 2026-08-01 14:22:07 UTC.
NOW = 1785594127.0

PRICES: dict[str, tuple[float, float, int]] = {
    "BTCUSDT": (67412.10, 1.32, 2), "ETHUSDT": (3501.22, -0.41, 2), "BNBUSDT": (612.4, 0.77, 1),
    "SOLUSDT": (148.06, 3.91, 2), "XRPUSDT": (0.6213, -1.08, 4), "ADAUSDT": (0.4467, 0.09, 4),
    "DOGEUSDT": (0.12034, -2.61, 5), "AVAXUSDT": (27.61, 0.44, 2), "DOTUSDT": (5.913, 0.0, 3),
    "LINKUSDT": (14.27, 1.9, 2), "LTCUSDT": (71.83, -0.2, 2), "TRXUSDT": (0.13221, 0.31, 5),
    "ATOMUSDT": (6.402, -0.93, 3), "NEARUSDT": (5.117, 2.24, 3),
}  # fmt: skip

#: Events under the signed checkpoint.
ANCHORED = 11

_Event = tuple[float, str, str, dict[str, Any]]


def staged_holder(lock: Path) -> LockHolder | None:
    """The holder named by a lock file, whether or not its process exists."""
    try:
        return read_document(lock, LockHolder)
    except DocumentError:
        return None


class Stage:
    """Writes a data directory; each method writes one file."""

    def __init__(self, root: Path, now: float = NOW) -> None:
        self.data = DataDir(root)
        self.now = now
        prepare_data_directory(self.data)

    def write_all(self) -> "Stage":
        """Write a healthy stack at work."""
        self.healthy()
        self.supervisor()
        self.tickers()
        self.klines()
        self.account()
        self.history(self.sample_events()[:ANCHORED])
        self.anchor()
        self.history(self.sample_events()[ANCHORED:])
        self.health(self.memory_from_history())
        return self

    def health(self, health: Health) -> None:
        write_document(self.data.health_of(health.service), health, durable=False)

    def lock(self, name: str, pid: int) -> None:
        """Write the lock file of a process that counts as alive."""
        holder = LockHolder(pid=pid, process_started=self.now - 4000, name=name)
        write_document(self.data.lock_of(name), holder, durable=False)

    def healthy(self) -> None:
        for position, name in enumerate(SERVICES):
            self.lock(name, 4101 + position)
        common = {"status": "ok", "ready": True, "started_ts": self.now - 4000}
        spoke = {name: self.now - ago for name, ago in zip(SERVICES, (0.2, 0.4, 0.1, 0.6, 1.2), strict=True)}
        self.health(
            ExchangeHealth.model_validate(
                common
                | {"service": "exchange", "last_update_ts": spoke["exchange"], "updated_within_sec": 0.1}
                | {"symbols_count": 14, "pid": 4101}
            )
        )
        self.health(self.memory())
        self.health(
            FeederHealth.model_validate(
                common
                | {"service": "feeder", "last_update_ts": spoke["feeder"], "updated_within_sec": 0.1, "pid": 4103}
                | {"symbols": list(DEFAULT_SYMBOLS), "symbols_count": 14, "ws_connected": True, "rest_api_ok": True}
                | {"last_symbol_update": self.now - 0.1}
            )
        )
        self.health(
            AresHealth.model_validate(
                common
                | {"service": "ares", "last_update_ts": spoke["ares"], "updated_within_sec": 0.1, "pid": 4104}
                | {"signal_count": 15, "last_signal_time": self.now - 6, "feeder_health_ok": True}
                | {"default_signals_blocked": True, "latency_ms_p50": 1.4}
                | {"active_strategies": ["trend_multi_tf", "bb_mean_revert_v2"]}
            )
        )
        self.health(self.trader())

    def memory(self, **changes: Any) -> MemoryHealth:
        root = hashlib.sha256(b"root").hexdigest()
        return MemoryHealth.model_validate(
            {"service": "memory", "status": "ok", "ready": True, "last_update_ts": self.now - 0.4, "pid": 4102}
            | {"updated_within_sec": 0.1, "integrity_ok": True, "events_count": 12847, "snapshots_count": 45}
            | {"last_integrity_check": self.now - 0.8, "merkle_root": root, "chain_length": 12848, "backlog": 0}
            | {"check_progress": 0.71}
            | changes
        )

    def memory_from_history(self, **changes: Any) -> MemoryHealth:
        """Return memory's health, matching the files of the history."""
        tail, newest = read_chain_tail(self.data.hash_chain), newest_checkpoint(self.data.checkpoints)
        anchored = {} if newest is None else {
            "anchored_count": newest.checkpoint.size, "last_anchor_ts": newest.checkpoint.time,
            "checkpoint": newest.text, "public_key": newest.key.text,
        }  # fmt: skip
        fields = {
            "events_count": tail.chain_length - 1, "chain_length": tail.chain_length, "merkle_root": tail.merkle_root,
            "backlog_bytes": 0, "missing_count": 0, "last_full_check": self.now - 3900,
        }  # fmt: skip
        return self.memory(**fields | anchored | changes)

    def anchor(self, ago: float = 12.0) -> Checkpoint:
        """Sign the current history with a key that is the same in every test and signs nothing else."""
        folder = self.data.root.parent / "config"
        if not key_path(folder).exists():
            make_private(folder)
            key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"stage").digest())
            create_file(key_path(folder), key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        anchoring = Anchoring(self.data, folder=folder, new_id=lambda: hashlib.md5(b"stage").hexdigest())
        history = HistoryWriter(self.data, now=self.now - 4000)
        try:
            signed = anchoring.sign(history.events, history.mark, self.now - ago)
            assert signed is not None, anchoring.problem
            return signed
        finally:
            history.close()
            anchoring.close()

    def trader(self, **changes: Any) -> TraderHealth:
        return TraderHealth.model_validate(
            {"service": "trader", "status": "ok", "ready": True, "last_update_ts": self.now - 1.2, "pid": 4105}
            | {"updated_within_sec": 0.3, "orders_count": 8, "fills_count": 6, "last_order_time": self.now - 6}
            | {"account_balance_ok": True, "ares_health_ok": True, "quarantined_symbols": ["DOGEUSDT"]}
            | {"active_positions": 2}
            | changes
        )

    def supervisor(self, **states: ServiceState) -> None:
        usage = {"exchange": (1.8, 62.1), "memory": (0.6, 48.4), "feeder": (2.1, 71.3), "ares": (1.1, 66.2)}
        services = {
            name: ServiceState(
                state="running",
                pid=4101 + position,
                cpu_percent=usage.get(name, (0.7, 64.0))[0],
                memory_mb=usage.get(name, (0.7, 64.0))[1],
                restarts=1 if name == "ares" else 0,
            )
            for position, name in enumerate(SERVICES)
        }
        self.lock("supervisor", 4100)
        self.health(
            SupervisorHealth(
                service="supervisor",
                pid=4100,
                status="ok",
                last_update_ts=self.now - 0.5,
                updated_within_sec=0.0,
                services=services | states,
                kind="room",
            )
        )

    def tickers(self, ages: dict[str, float] | None = None, prices: dict[str, float] | None = None) -> None:
        table = {}
        for symbol, (price, change, decimals) in PRICES.items():
            price = (prices or {}).get(symbol, price)
            step = 10.0**-decimals
            at = self.now - (ages or {}).get(symbol, 0.1)
            table[symbol] = Ticker(price, change, price - step, price + step, 1e9 / price, at, decimals)
        write_document(self.data.tickers, tickers_to_bytes(self.now, table), durable=False)

    def klines(self, symbols: tuple[str, ...] = tuple(PRICES)) -> None:
        for number, symbol in enumerate(symbols):
            price = PRICES[symbol][0]
            writer = JournalWriter(self.data.klines_of(symbol, "1s"))
            lines = []
            for second in range(90, 0, -1):
                wave = math.sin(second / (5 + number)) + 0.6 * math.sin(second / 2.3 + number)
                move = (wave * 3 + second * (number % 3 - 1) / 8) * 1e-4
                close = price * (1 + move)
                open_time = int((self.now - second) * 1000)
                bar = Kline(open_time, open_time + 999, close, close, close, close, 1.0, close, 3)
                lines.append(bar.to_line())
            writer.append(lines)
            writer.close()

    def account(self, **changes: Any) -> None:
        position = PositionState(
            symbol="BTCUSDT", size=0.00148, entry_price=67412.1, unrealized_pnl=0.42, cost=99.35,
            opened_ts=self.now - 6, stop_loss=66980.0, take_profit=68055.0,
            strategy="trend_multi_tf", protection="working",
        )  # fmt: skip
        order = OrderState(
            client_order_id="cq-old-entry", symbol="SOLUSDT", side="BUY", order_type="MARKET", leg="entry",
            status="filled", size=0.67, filled=0.67, average_price=146.9, updated_ts=self.now - 700,
        )  # fmt: skip
        stop = OrderState(
            client_order_id="cq-btc-stop", symbol="BTCUSDT", side="SELL", order_type="STOP_LOSS", leg="stop",
            status="new", size=0.00148, stop_price=66980.0, updated_ts=self.now - 5,
        )  # fmt: skip
        target = OrderState(
            client_order_id="cq-btc-target", symbol="BTCUSDT", side="SELL", order_type="LIMIT_MAKER", leg="target",
            status="new", size=0.00148, price=68055.0, updated_ts=self.now - 5,
        )  # fmt: skip
        quarantined = QuarantineState(
            symbol="DOGEUSDT", reason="Filter failure: NOTIONAL (-1013)", failures=3,
            since=self.now - 127, until=self.now + 773,
        )  # fmt: skip
        state = {
            "timestamp": self.now - 1, "mode": "simulation", "equity": 10042.18, "available_balance": 9801.2,
            "equity_start": 10000.0, "positions": {"BTCUSDT": position}, "orders": [order, stop, target],
            "quarantine": {"DOGEUSDT": quarantined},
        } | changes  # fmt: skip
        write_document(self.data.account, AccountState.model_validate(state))

    def history(self, events: list[_Event] | None = None) -> None:
        history = HistoryWriter(self.data, now=self.now - 4000)
        chosen = self.sample_events() if events is None else events
        for number, (ago, event_type, source, data) in enumerate(chosen, history.cursors.get("stage", 0) + 1):
            at = self.now - ago
            history.append([NewEvent(event_type, source, data, "stage", number, at, {})], at)
        history.close()

    def sample_events(self) -> list[_Event]:
        btc = self.signal("BTCUSDT", "BUY", 67410.0, 66980.0, 68055.0, 0.85, "trend_multi_tf", 6)
        eth = self.signal("ETHUSDT", "SELL", 3502.0, 3544.5, 3440.1, 0.61, "bb_mean_revert_v2", 27)
        ada = self.signal("ADAUSDT", "BUY", 0.4466, 0.4421, 0.4533, 0.72, "trend_multi_tf", 115)
        key, eth_key, ada_key = (self.key_of(data) for data in (btc, eth, ada))
        entry = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "signal_key": key,
            "leg": "entry",
            "client_order_id": "cq-btc-entry",
        }
        stop = {"symbol": "BTCUSDT", "side": "SELL", "signal_key": key, "leg": "stop", "client_order_id": "cq-btc-stop"}
        target = stop | {"leg": "target", "client_order_id": "cq-btc-target"}
        denied = {"symbol": "ETHUSDT", "side": "SELL", "reason": "nothing held", "refused_by": "guardrail"}
        poor = {"symbol": "ADAUSDT", "side": "BUY", "signal_key": ada_key, "leg": "entry", "client_order_id": "cq-ada"}
        return [
            (4000, "service_started", "memory", {"service": "memory", "pid": 4102}),
            (3990, "service_started", "feeder", {"service": "feeder", "pid": 4103}),
            (900, "config_changed", "room", {"key": "LOG_LEVEL", "old_value": "INFO", "new_value": "DEBUG"}),
            (115, "signal_generated", "ares", ada),
            (115, "order_submitted", "trader", poor | {"order_type": "MARKET", "size": 22.3, "price": 0.4466}),
            (114, "order_rejected", "trader", poor | {"reason": "Account has insufficient balance", "code": "-2010"}),
            (27, "signal_generated", "ares", eth),
            (27, "order_rejected", "trader", denied | {"code": "nothing_held", "signal_key": eth_key}),
            (6, "signal_generated", "ares", btc),
            (6, "order_submitted", "trader", entry | {"order_type": "MARKET", "size": 0.00148}),
            (
                6,
                "order_executed",
                "trader",
                entry
                | {"size": 0.00148, "price": 67412.1, "order_id": "77", "status": "FILLED"}
                | {"commission": 0.0998, "commission_asset": "USDT"},
            ),
            (6, "order_submitted", "trader", stop | {"order_type": "STOP_LOSS", "size": 0.00148, "stop_price": 66980}),
            (6, "order_submitted", "trader", target | {"order_type": "LIMIT_MAKER", "size": 0.00148, "price": 68055.0}),
        ]

    def signal(
        self,
        symbol: str,
        side: str,
        entry: float,
        stop: float,
        target: float,
        confidence: float,
        strategy: str,
        ago: int,
    ) -> dict[str, Any]:
        return {
            "symbol": symbol, "side": side, "entry_price": entry, "stop_loss": stop, "take_profit": target,
            "confidence": confidence, "strategy": strategy, "frame": "1s",
            "bar_close_time": int((self.now - ago) * 1000),
        }  # fmt: skip

    @staticmethod
    def key_of(signal: dict[str, Any]) -> str:
        return ":".join(str(signal[part]) for part in ("strategy", "symbol", "frame", "bar_close_time", "side"))

    def log(self, service: str, lines: list[dict[str, Any]]) -> None:
        writer = JournalWriter(self.data.log_of(service))
        writer.append([orjson.dumps(line) for line in lines])
        writer.close()
