"""Closing positions in this process: as the trader, whose lock it holds, for as long as that takes."""

import os
import signal
import time
from collections.abc import Callable

from cq_tui.contracts.commands import Command
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.trader_requests import read_request
from cq_tui.garbage import resume_collection
from cq_tui.ops.closings import ClosingAnswer, answer_of
from cq_tui.ops.trader_lock import take_trader_lock
from cq_tui.services.runner import serve_to_end
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.services.trader.direct import DIRECT_PATIENCE, DirectTrader
from cq_tui.services.trader.selling import SellingPatience
from cq_tui.store.data_directory import DataDirError, DataVersionError, prepare_data_directory
from cq_tui.store.trading_state import Stop

#: How often a trader that fails is begun anew: as after a crash, it reads everything again.
_ATTEMPTS = 3
_INTERRUPTED = "ended before all was sold. What is left is still wanted: start the trader (`cq-tui up`), and it is sold"


async def close_directly(
    data: DataDir, command: Command, tell: Callable[[str], object], patience: SellingPatience = DIRECT_PATIENCE
) -> ClosingAnswer:
    """Be the trader, halted, until positions are closed. ``tell`` hears what happens meanwhile.

    Raises TraderNotEnded, DataDirError for a directory of another user, SettingsError for the environment, or OSError.
    """
    # From before the trader is ended until all is sold: neither the end of its terminal nor Ctrl+Z holds it up.
    for number in (signal.SIGHUP, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
    resume_collection()
    _prepare(data, tell)
    request = read_request(command)
    made: list[DirectTrader] = []

    def make(runtime: ServiceRuntime) -> DirectTrader:
        made.append(DirectTrader(runtime, command, request, tell, patience))
        return made[-1]

    for _ in range(_ATTEMPTS):
        lock = await take_trader_lock(data, tell)
        hold = Stop("halted", time.time(), by="direct")
        error = await serve_to_end(ServiceRuntime("trader", data, lock, hold), make)
        if (answer := made[-1].answer) is not None:
            return answer_of(*answer)
        if error is None:
            return ClosingAnswer(False, _INTERRUPTED, [])
        problem = f"{type(error).__name__}: {error}"
        tell(f"failed: {problem}")
    return ClosingAnswer(False, f"failed {_ATTEMPTS} times: {problem}. What is left is still wanted", [])


def _prepare(data: DataDir, tell: Callable[[str], object]) -> None:
    """Prepare the directory as far as that is possible: nothing in it is needed to sell."""
    try:
        prepare_data_directory(data)
    except DataVersionError:
        raise
    except DataDirError as error:
        # What one user writes, the trader of another could not read later.
        if data.root.stat().st_uid != os.geteuid():
            raise
        tell(str(error))
