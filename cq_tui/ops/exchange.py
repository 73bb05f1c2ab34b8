"""``cq-tui exchange``: the simulated exchange alone, in the foreground."""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError

from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.settings import Symbol
from cq_tui.simulator.access.keys import KeyFileError
from cq_tui.simulator.access.rate_limits import RateLimitSettings
from cq_tui.simulator.engine.ledger import LedgerError
from cq_tui.simulator.market.recordings import ReplayError
from cq_tui.simulator.market.symbols import DEFAULT_SYMBOLS, UnknownSymbolError
from cq_tui.simulator.server import DEFAULT_SEED, ExchangeEndpoint, PortInUseError, SimulatorConfig, run
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.journal import JournalError
from cq_tui.store.lock import ProcessLock


class ExchangeError(Exception):
    """The exchange cannot run; the message says why and how to fix it."""


def run_exchange(
    *,
    port: int,
    seed: int | None,
    symbols: str | None,
    replay: Path | None,
    speed: float,
    data: DataDir | None,
    as_json: bool,
    public_keys: tuple[Path, ...] = (),
    admin: bool = False,
    limits: bool = True,
) -> None:
    """Run until SIGINT or SIGTERM. Only with a data directory does the ledger outlive the process.

    Raises ExchangeError, DataDirError, or LockHeld when this data directory's exchange is running.
    """
    config = SimulatorConfig(
        port=port,
        seed=DEFAULT_SEED if seed is None else seed,
        symbols=_parse_symbols(symbols),
        replay=replay,
        speed=speed,
        ledger=None if data is None else data.ledger,
        public_keys=public_keys,
        admin=admin,
        limits=RateLimitSettings(enforced=limits),
    )
    try:
        with _ledger_lock(data):
            asyncio.run(_run(config, as_json))
    except PortInUseError as error:
        raise ExchangeError(error.strerror) from None
    except (ReplayError, LedgerError, JournalError, UnknownSymbolError, KeyFileError) as error:
        raise ExchangeError(str(error)) from None
    except OSError as error:
        raise ExchangeError(f"{error.filename or 'the exchange'}: {error.strerror or error}") from None


def _parse_symbols(symbols: str | None) -> tuple[str, ...]:
    if symbols is None:
        return DEFAULT_SYMBOLS
    chosen = tuple(name.strip().upper() for name in symbols.split(",") if name.strip())
    if not chosen:
        raise ExchangeError("--symbols is empty. Omit it, or list symbols such as BTCUSDT,ETHUSDT")
    for symbol in chosen:
        try:
            TypeAdapter(Symbol).validate_python(symbol)
        except ValidationError:
            raise ExchangeError(f"{symbol!r} is not a symbol: use letters and digits, as in BTCUSDT") from None
    return chosen


@contextlib.contextmanager
def _ledger_lock(data: DataDir | None) -> Iterator[None]:
    """Hold the exchange's lock, since a ledger has one writer."""
    if data is None:
        yield
        return
    if closed := prepare_data_directory(data):
        sys.stderr.write(f"cq-tui: {closed}\n")
    lock = ProcessLock(data.lock_of("exchange"), "exchange")
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


async def _run(config: SimulatorConfig, as_json: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await run(config, on_ready=lambda endpoint: _print_endpoint(endpoint, as_json), stop=stop)


def _print_endpoint(endpoint: ExchangeEndpoint, as_json: bool) -> None:
    fields = {
        "rest_url": endpoint.rest_url,
        "stream_url": endpoint.stream_url,
        "ws_api_url": endpoint.ws_api_url,
        "api_key": endpoint.api_key,
        "api_secret": endpoint.api_secret,
    }
    if as_json:
        keys = {"public_keys": endpoint.public_keys} if endpoint.public_keys else {}
        text = orjson.dumps(fields | keys).decode()
    else:
        shown = fields | {f"api_key of {file}": key for file, key in endpoint.public_keys.items()}
        text = "\n".join(f"{name:<11} {value}" for name, value in shown.items())
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
