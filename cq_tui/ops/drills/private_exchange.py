"""A private exchange on loopback: a process, its operator, who may do anything, and its account's owner."""

import contextlib
import hmac
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from cq_tui.ops.drills.waiting import DrillFailed, check

#: The same prices in every drill.
SEED = 7


class PrivateExchange:
    """An exchange that obeys its operator, at an address. Raises DrillFailed if it refuses what the operator asks."""

    def __init__(self, address: dict[str, str]) -> None:
        self.address = address
        self._http = httpx.Client(base_url=address["rest_url"], timeout=30, trust_env=False)

    def close(self) -> None:
        """Leave it."""
        self._http.close()

    @property
    def settings(self) -> dict[str, object]:
        """The settings that trade here, as on the testnet."""
        address = self.address
        return {
            "SIMULATION_MODE": False, "TRADING_MODE": "testnet",
            "BINANCE_API_KEY": address["api_key"], "BINANCE_API_SECRET": address["api_secret"],
            "BINANCE_REST_URL": address["rest_url"], "BINANCE_STREAM_URL": address["stream_url"],
            "BINANCE_WS_API_URL": address["ws_api_url"],
        }  # fmt: skip

    # The operator

    def admin(self, control: str, **body: object) -> Any:
        """Send a request to /admin."""
        return self._content(self._http.post(f"/admin/{control}", json=body))

    def fault(self, action: str, **selectors: object) -> int:
        """Add a fault; return its number."""
        return int(self.admin("faults", action=action, **selectors)["id"])

    def filters(self, symbol: str, **values: dict[str, object]) -> int:
        """Change fields of a symbol's filters."""
        changed = [{"filterType": name, **fields} for name, fields in values.items()]
        return self.fault("filters", symbol=symbol, filters=changed)

    def mend(self, *numbers: int) -> None:
        """End these faults, or all."""
        for path in [f"/admin/faults/{number}" for number in numbers] or ["/admin/faults"]:
            self._content(self._http.delete(path))

    # What it says to the account's owner

    def time(self) -> int:
        """Its time (Unix ms)."""
        clock = self._content(self._http.get("/admin/clock"))
        return int(clock["time"]) + int(clock["offset_ms"])

    def ask(self, path: str, method: str = "GET", **parameters: object) -> Any:
        """Ask for something of the account, signed as Binance documents it."""
        query = urlencode({**parameters, "timestamp": self.time(), "recvWindow": 30_000})
        signature = hmac.new(self.address["api_secret"].encode(), query.encode(), sha256).hexdigest()
        url = f"/api/v3/{path}?{query}&signature={signature}"
        return self._content(self._http.request(method, url, headers={"X-MBX-APIKEY": self.address["api_key"]}))

    def balance(self, asset: str) -> Decimal:
        """What the account holds of an asset, free and locked."""
        balances: dict[str, dict[str, str]] = self._content(self._http.get("/admin/account"))["balances"]
        held = balances.get(asset, {"free": "0", "locked": "0"})
        return Decimal(held["free"]) + Decimal(held["locked"])

    def orders(self, symbol: str, *types: str) -> list[dict[str, Any]]:
        """All orders of a symbol, of these types (all without any), oldest first."""
        orders: list[dict[str, Any]] = self.ask("allOrders", symbol=symbol, limit=1000)
        return [order for order in orders if not types or order["type"] in types]

    def trades(self, symbol: str) -> list[dict[str, Any]]:
        """All trades of the account in a symbol, oldest first."""
        trades: list[dict[str, Any]] = self.ask("myTrades", symbol=symbol, limit=1000)
        return trades

    def covered(self, symbol: str) -> Decimal:
        """How much of a symbol working stops would sell."""
        working = [order for order in self.ask("openOrders", symbol=symbol) if "STOP" in order["type"]]
        return sum((Decimal(order["origQty"]) - Decimal(order["executedQty"]) for order in working), Decimal(0))

    def bought(self, symbol: str) -> int:
        """How often something was bought in a symbol."""
        return len([each for each in self.orders(symbol) if each["side"] == "BUY" and Decimal(each["executedQty"])])

    @staticmethod
    def _content(answer: httpx.Response) -> Any:
        if answer.status_code != 200:
            raise DrillFailed(f"the private exchange refused its operator: {answer.text[:300]}")
        return answer.json()


class ExchangeProcess(PrivateExchange):
    """``cq-tui exchange --admin``, which ends with this. Raises DrillFailed if it does not start."""

    def __init__(self, *symbols: str, environment: Mapping[str, str], folder: Path | None = None) -> None:
        words = ["exchange", "--admin", "--json", "--no-limits", "--seed", str(SEED), "--speed", "60"]
        words += ["--symbols", ",".join(symbols)]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cq_tui", *words, *(() if folder is None else ("--data-dir", str(folder)))],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.kill()
            self._process.communicate()
        check(line, "the private exchange did not start")
        super().__init__(orjson.loads(line))

    def close(self) -> None:
        """End it."""
        super().close()
        self._process.kill()
        with contextlib.suppress(OSError):
            self._process.communicate()
