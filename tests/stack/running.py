"""A whole stack in a temporary directory, started with ``cq-tui up``."""

import hmac
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import psutil

from cq_tui.contracts.layout import SERVICES, DataDir
from cq_tui.contracts.settings import SETTING_KEYS
from cq_tui.contracts.tickers import Ticker, tickers_from_bytes

#: Seconds within which everything has to be ready, on a machine that is busy with other tests.
READY_PATIENCE = 90.0


def until(condition: Callable[[], object], patience: float, what: str) -> float:
    """Wait for a condition and return the seconds that took; fail naming what never came."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience, f"{what}: not within {patience:.0f} s"
        time.sleep(0.05)
    return time.monotonic() - began


class Stack:
    """The processes over one data directory, and what they wrote."""

    def __init__(self, root: Path, *words: str, **settings: str) -> None:
        self.data = DataDir(root)
        self._words = words
        clean = {key: value for key, value in os.environ.items() if key not in (*SETTING_KEYS, "CQ_DATA_DIR")}
        self._environment = clean | settings
        self.supervisor: subprocess.Popen[str] | None = None

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "cq_tui", *words, "--data-dir", str(self.data.root)]

    def up(self, patience: float = READY_PATIENCE) -> float:
        """Start everything; return the seconds until all services are ready."""
        self.supervisor = subprocess.Popen(
            self._command("up", *self._words),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        return until(self.all_ready, patience, "all services ready")

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self._command(*words), env=self._environment, capture_output=True, text=True, timeout=90, check=False
        )

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        for process in self.processes():
            process.kill()
        if self.supervisor is not None:
            self.supervisor.kill()
            self.supervisor.communicate()

    def processes(self) -> list[psutil.Process]:
        """Every process whose command line names this data directory."""
        found = psutil.process_iter(["cmdline", "status"])
        ours = [process for process in found if str(self.data.root) in (process.info["cmdline"] or [])]
        return [process for process in ours if process.info["status"] != psutil.STATUS_ZOMBIE]

    # What the files say

    def json(self, path: Path) -> dict[str, Any]:
        """A document; empty while it does not exist."""
        try:
            value: dict[str, Any] = orjson.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        return value

    def states(self) -> dict[str, dict[str, Any]]:
        """What the current supervisor reports of each service."""
        report = self.json(self.data.health_of("supervisor"))
        mine = self.supervisor is not None and report.get("pid") == self.supervisor.pid
        return report["services"] if mine else {}

    def pids(self) -> dict[str, int]:
        """The services' processes."""
        return {name: state["pid"] for name, state in self.states().items()}

    def all_ready(self) -> bool:
        """Whether every service is running."""
        states = self.states()
        return bool(states) and all(states[name]["state"] == "running" for name in SERVICES)

    def tickers(self) -> dict[str, Ticker]:
        """The latest prices."""
        return tickers_from_bytes(self.data.tickers.read_bytes())[1] if self.data.tickers.exists() else {}

    def events(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """The history, or the events of one type."""
        if not self.data.events.exists():
            return []
        whole = self.data.events.read_bytes().rpartition(b"\n")[0]
        events = [orjson.loads(line) for line in whole.splitlines()]
        return [event for event in events if event_type in (None, event["event_type"])]

    # What the exchange says

    def ask_exchange(self, path: str, **parameters: str) -> Any:
        """Ask the simulated exchange, signed as Binance documents it."""
        address = self.json(self.data.exchange_address)
        query = urlencode(parameters | {"timestamp": str(int(time.time() * 1000)), "recvWindow": "10000"})
        signature = hmac.new(address["api_secret"].encode(), query.encode(), sha256).hexdigest()
        url = f"{address['rest_url']}/api/v3/{path}?{query}&signature={signature}"
        answer = httpx.get(url, headers={"X-MBX-APIKEY": address["api_key"]}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def books_agree(self) -> bool:
        """Whether the trader's account is the exchange's: every balance, every open order."""
        account = self.json(self.data.account)
        there = self.ask_exchange("account")["balances"]
        theirs = {entry["asset"]: (Decimal(entry["free"]), Decimal(entry["locked"])) for entry in there}
        ours = {asset: (Decimal(b["free"]), Decimal(b["locked"])) for asset, b in account["balances"].items()}
        held = {asset for asset, amounts in theirs.items() if any(amounts)}
        working = {order["clientOrderId"] for order in self.ask_exchange("openOrders")}
        open_here = {
            order["client_order_id"]
            for order in account["orders"]
            if order["status"].lower() in ("new", "partially_filled")
        }
        return working == open_here and all(theirs[asset] == ours.get(asset) for asset in held)

    def kill(self, service: str) -> None:
        """End a service without a warning."""
        os.kill(self.pids()[service], signal.SIGKILL)
