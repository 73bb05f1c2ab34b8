"""``cq-tui exchange``: the simulated exchange alone, in the foreground, for any Binance client."""

import asyncio
import signal
import sys
from pathlib import Path

import orjson

from cq_tui.simulator.ledger import LedgerError
from cq_tui.simulator.recordings import ReplayError
from cq_tui.simulator.server import DEFAULT_SEED, Endpoint, PortInUseError, SimulatorConfig, run
from cq_tui.simulator.symbols import DEFAULT_SYMBOLS, UnknownSymbolError
from cq_tui.store.document import sync_folder
from cq_tui.store.journal import JournalError


class ExchangeError(Exception):
    """The exchange cannot run; the message says why and what to do."""


def run_exchange(
    *, port: int, seed: int | None, symbols: str | None, replay: Path | None, ledger: Path | None, as_json: bool
) -> None:
    """Run until SIGINT or SIGTERM. Without a ledger nothing outlives the process. Raises ExchangeError."""
    chosen = tuple(name.strip().upper() for name in symbols.split(",") if name.strip()) if symbols else DEFAULT_SYMBOLS
    try:
        if ledger is not None:
            ledger.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(ledger.parent)
        config = SimulatorConfig(
            port=port, seed=DEFAULT_SEED if seed is None else seed, symbols=chosen, replay=replay, ledger=ledger
        )
        asyncio.run(_run(config, as_json))
    except PortInUseError as error:
        raise ExchangeError(error.strerror) from None
    except (ReplayError, LedgerError, JournalError, UnknownSymbolError) as error:
        raise ExchangeError(str(error)) from None
    except OSError as error:
        raise ExchangeError(f"{error.filename or 'the exchange'}: {error.strerror or error}") from None


async def _run(config: SimulatorConfig, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run(config, on_ready=lambda endpoint: _announce(endpoint, as_json), stop=stop)


def _announce(endpoint: Endpoint, as_json: bool) -> None:
    told = {
        "rest_url": endpoint.rest_url,
        "stream_url": endpoint.stream_url,
        "ws_api_url": endpoint.ws_api_url,
        "api_key": endpoint.api_key,
        "api_secret": endpoint.api_secret,
    }
    text = orjson.dumps(told).decode() if as_json else "\n".join(f"{name:<12}{value}" for name, value in told.items())
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
