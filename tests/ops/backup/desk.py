"""A data directory with everything that a backup holds, and its secrets; made without running services."""

import asyncio
import hashlib
import os
from pathlib import Path

import orjson

from cq_tui.contracts.layout import DataDir
from cq_tui.store.data_directory import prepare_data_directory
from cq_tui.store.data_version import find_version, record_version
from cq_tui.store.document import write_document
from cq_tui.store.spools.spool import EventSpool
from tests.services.memory_in_process import memory_of, remember

API_KEY, API_SECRET = "CaNaRyKey51", "CaNaRySecret52"
SIMULATED_KEY, SIMULATED_SECRET = "ab" * 32, "cd" * 32
SECRETS = (API_KEY, API_SECRET, SIMULATED_KEY, SIMULATED_SECRET)

IDENTITY = {"uid": 1234567890, "api_key": SIMULATED_KEY, "api_secret": SIMULATED_SECRET, "starts": 3}


def furnished(root: Path, events: int = 30) -> DataDir:
    """Make a directory with a signed history, spooled events, state, stops, a ledger and secrets everywhere."""
    data = DataDir(root)
    prepare_data_directory(data)
    record_version(data, find_version(data))
    settings = {"BINANCE_API_KEY": API_KEY, " BINANCE_API_SECRET": f"{API_SECRET}\n", "TRADER_ORDER_QUOTE": 33.0}
    write_document(data.settings, settings | {"BINANCE_SECRET": API_SECRET})
    write_document(data.settings_in_force, {"in_file": settings, "account": {"BINANCE_API_SECRET": API_SECRET}})
    asyncio.run(remember(data, events))
    write_document(data.account, {"balances": {}})
    data.control.joinpath("halted").write_text("by hand")
    data.control.joinpath("pending.json").write_text("{}")
    write_document(data.exchange_address, {"api_key": SIMULATED_KEY, "api_secret": SIMULATED_SECRET})
    lines = [{"facts": [], "account": IDENTITY}, {"market": {"api_key": "of a market"}}, {"facts": [], "time": 1}]
    data.ledger.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines) + b'{"torn"')
    data.log_of("trader").write_text("a log\n")
    spool = EventSpool(data.spool, "trader", quarantine=data.quarantine)
    for number in range(5):
        spool.emit("e", {"spooled": number})
    spool.close()
    return data


async def accept_all(data: DataDir) -> tuple[list[str], list[str]]:
    """Run memory, accept all that is open, and return the faults before and after."""
    from tests.services.memory_in_process import command

    async with memory_of(data) as memory:
        before = list(memory.integrity.faults.values())
        await memory.integrity.accept(command("acknowledge", "all"))
        return before, list(memory.integrity.faults.values())


def contents(root: Path) -> dict[str, str]:
    """Return the hash of every file below a folder."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder) / name
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
