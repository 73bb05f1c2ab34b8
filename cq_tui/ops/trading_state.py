"""Halting, reducing and resuming for a user: by files, which need nothing that may be broken, else by a signal."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from cq_tui.contracts.base import ContractModel
from cq_tui.contracts.layout import DataDir
from cq_tui.contracts.runfiles import LockHolder
from cq_tui.contracts.settings import TRADING_STATES
from cq_tui.ops.trading_holds import what_holds
from cq_tui.services.settings_record import SettingsRecord
from cq_tui.services.trading_state_record import lift_every_stop, make_request, record_change, stop_trading
from cq_tui.store.control import issue_command, wait_for_answer
from cq_tui.store.data_directory import DataDirError, prepare_data_directory, require_usable_version
from cq_tui.store.document import DocumentError, read_document
from cq_tui.store.lock import find_holder, is_alive
from cq_tui.store.process_signal import send_signal
from cq_tui.store.reserve import Reserve, describe_error
from cq_tui.store.settings_file import LoadedSettings, SettingsError, safer_state
from cq_tui.store.settings_in_force import SettingsInForce
from cq_tui.store.trading_state import STATE_OF

#: Seconds in which a trader that runs reports that it has heard.
_PATIENCE = 5.0
#: Seconds for which a resumption waits for a trader that does not run.
_KEPT = 30 * 86_400.0


class StopFailed(Exception):
    """Trading could not be stopped; the message says why and what to do."""


class TraderReport(ContractModel):
    """What of the trader's report, of any version, matters here."""

    pid: int | None = None
    #: None of a version that does not know the files.
    trading_state: str | None = None
    blocked_by: list[str] | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """What became of a wish to stop or resume trading."""

    done: str
    #: What keeps it from being as it was wanted, each with a remedy.
    problems: tuple[str, ...] = ()


def stop(data: DataDir, verb: str, asked_by: str, why: str | None = None, *, confirms: bool = True) -> StateChange:
    """Halt or reduce trading (``verb``: ``halt`` or ``reduce``). ``asked_by`` is ``cli`` or ``room``.

    Without ``confirms`` nobody waits until the trader has heard. Raises StopFailed if nothing could be done.
    """
    state, loaded = STATE_OF[verb], _load(data)
    before = TRADING_STATES[0] if isinstance(loaded, str) else loaded.settings.TRADING_STATE
    after = safer_state(state, before)
    trader = find_holder(data.lock_of("trader"))
    # What it cannot make is seen below; most of it is not needed.
    with suppress(DataDirError):
        prepare_data_directory(data)
    try:
        is_new = stop_trading(data, make_request(verb, before, after, asked_by, why))
        done = f"trading is {after}" if is_new else f"trading is {after} already{_by_whom(loaded)}"
    except OSError as error:
        # No reduction by signal: what stops more is safe.
        after, problem = TRADING_STATES[-1], describe_error(error)
        _send_signal(data, trader, problem)
        done = f"trading is {after} by a signal to the trader, since no file can be made ({problem})"
    problems = [] if trader is None else _tell_older_trader(data, trader, after, asked_by)
    # On a full disk it cannot report, but it reads.
    if confirms and trader is not None and not Reserve(data).is_full and not _hears(data, trader, after):
        problems.append(_unconfirmed(data, trader, after))
    return StateChange(done, tuple(problems))


def resume(data: DataDir, asked_by: str, why: str | None = None) -> StateChange:
    """Let trading be active again, and name what still keeps it from that. Raises OSError for a file that stays.

    Raises DataVersionError for files of another version.
    """
    require_usable_version(data)
    with suppress(DataDirError):
        prepare_data_directory(data)
    loaded = _load(data)
    before = TRADING_STATES[-1] if isinstance(loaded, str) else loaded.settings.TRADING_STATE
    problems = [loaded] if isinstance(loaded, str) else []
    if not isinstance(loaded, str):
        problems += _resume_settings(data, loaded, asked_by)
    now = _load(data)
    after = before if isinstance(now, str) else now.settings_state
    request = make_request("resume", before, after, asked_by, why)
    lifted = lift_every_stop(data, request)
    if not lifted and after != before:
        record_change(data, request)
    problems += _resume_trader(data, after, asked_by, why)
    found = _load(data)
    if not isinstance(found, str):
        problems = [*what_holds(found), *problems]
    state = after if isinstance(found, str) else found.settings.TRADING_STATE
    return StateChange(f"trading is {state}", tuple(dict.fromkeys(problems)))


def _by_whom(loaded: LoadedSettings | str) -> str:
    return "" if isinstance(loaded, str) or loaded.stop_reason is None else f", {loaded.stop_reason}"


def _load(data: DataDir) -> LoadedSettings | str:
    """Return the settings; why they cannot be read, for which nobody who stops waits."""
    try:
        return SettingsInForce(data).load()
    except SettingsError as error:
        return str(error)


def _resume_settings(data: DataDir, loaded: LoadedSettings, asked_by: str) -> list[str]:
    """Set TRADING_STATE in the file to active if it is there; return why that is impossible."""
    if loaded.problem is not None or (loaded.in_file or {}).get("TRADING_STATE", "active") == "active":
        return []
    try:
        SettingsRecord(data).change({"TRADING_STATE": "active"}, asked_by)
    except SettingsError as error:
        return [str(error)]
    return []


# The trader


def _report(data: DataDir, trader: LockHolder) -> TraderReport | None:
    """Return what this very process reported last."""
    try:
        found = read_document(data.health_of("trader"), TraderReport)
    except DocumentError:
        return None
    return found if found.pid == trader.pid else None


def _send_signal(data: DataDir, trader: LockHolder | None, problem: str) -> None:
    """Have the trader halt by a signal. Raises StopFailed."""
    if trader is None:
        raise StopFailed(f"trading cannot be stopped: {problem}. No trader is running, so nothing is bought now")
    report = _report(data, trader)
    if report is None or report.trading_state is None:
        # Of a version that does not know the signal, or it is just starting: the signal would end it.
        raise StopFailed(f"trading cannot be stopped: {problem}. Stop the trader (process {trader.pid}) by hand")
    try:
        send_signal(trader.pid, trader.process_started, trader.start_ticks, signal.SIGUSR1)
    except OSError as error:
        text = f"the trader (process {trader.pid}) cannot be signaled: {error.strerror}"
        raise StopFailed(f"trading cannot be stopped: {problem}, and {text}") from None


def _tell_older_trader(data: DataDir, trader: LockHolder, state: str, asked_by: str) -> list[str]:
    """Set TRADING_STATE as well for a trader that does not know the files; return why that is impossible."""
    report = _report(data, trader)
    if report is None or report.trading_state is not None:
        return []
    try:
        SettingsRecord(data).change({"TRADING_STATE": state}, asked_by)
    except SettingsError as error:
        return [f"the trader (process {trader.pid}) is of an older version and takes settings only: {error}"]
    return []


def _wait_for_trader(
    data: DataDir, trader: LockHolder, is_wanted: Callable[[str], bool], patience: float = _PATIENCE
) -> TraderReport | None:
    """Return the report in which the trader acts on what is wanted, or that of one who tells no state; else None."""
    end = time.monotonic() + patience
    while True:
        report = _report(data, trader)
        if report is not None and (report.trading_state is None or is_wanted(report.trading_state)):
            return report
        if time.monotonic() > end or not is_alive(trader.pid, trader.process_started, trader.start_ticks):
            return None
        time.sleep(0.02)


def _hears(data: DataDir, trader: LockHolder, state: str) -> bool:
    return _wait_for_trader(data, trader, lambda found: safer_state(found, state) == found) is not None


def _unconfirmed(data: DataDir, trader: LockHolder, state: str) -> str:
    report = _report(data, trader)
    said = "has not reported yet" if report is None else f"reports {report.trading_state}"
    return f"the trader (process {trader.pid}) {said}: it does not confirm that trading is {state}"


def resume_symbol(data: DataDir, symbol: str, asked_by: str, why: str | None = None) -> StateChange:
    """Unlock a symbol that was flattened; the trader does, as soon as there is one. Raises OSError."""
    if find_holder(data.lock_of("trader")) is None:
        _leave_resumption(data, symbol, asked_by, why)
        return StateChange(f"{symbol} may be opened again once the trader runs")
    command = issue_command(data, "resume", "trader", issued_by=asked_by, target=symbol, arguments=_arguments(why))
    answer = asyncio.run(wait_for_answer(data, command))
    if answer.outcome == "done":
        return StateChange(answer.message)
    return StateChange(f"{symbol} is as it was", (f"{answer.outcome}: {answer.message}",))


def _leave_resumption(data: DataDir, symbol: str | None, asked_by: str, why: str | None) -> None:
    """Leave a resumption for the next trader. Raises OSError."""
    said = _arguments(why)
    issue_command(data, "resume", "trader", issued_by=asked_by, target=symbol, arguments=said, expiry=_KEPT)


def _arguments(why: str | None) -> dict[str, str] | None:
    return {"why": why} if why else None


def _resume_trader(data: DataDir, state: str, asked_by: str, why: str | None) -> list[str]:
    """Release a halt by signal or flatten; return what keeps the trader from opening positions, by its own report."""
    trader = find_holder(data.lock_of("trader"))
    if trader is None:
        if not data.state_of("trader").exists():
            return []
        try:
            _leave_resumption(data, None, asked_by, why)
        except OSError as error:
            return [f"the trader, which does not run, cannot be told ({describe_error(error)}): resume again then"]
        return []
    report = _wait_for_trader(data, trader, lambda found: found == state, patience=1.0)
    if report is None:
        with suppress(OSError):
            issue_command(data, "resume", "trader", issued_by=asked_by, arguments=_arguments(why))
        report = _wait_for_trader(data, trader, lambda found: found == state)
    if report is None:
        return [f"{_unconfirmed(data, trader, state)}. Its environment may set TRADING_STATE, or it hangs"]
    # One of an older version may not have looked yet.
    return list(report.blocked_by or ()) if report.trading_state is not None else []
