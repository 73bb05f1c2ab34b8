"""The exit codes of all commands and their meanings."""

from enum import IntEnum


class ExitCode(IntEnum):
    """An exit code with its meaning."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> "ExitCode":
        """Create a member that knows its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    OK = 0, "done or ok"
    FAILED = 1, "failed or degraded"
    ERROR = 2, "wrong usage or error"
    ALREADY_RUNNING = 3, "already running"
    UNUSABLE = 4, "unusable data directory, settings or output"
    TERMINAL = 5, "unsupported terminal"
    #: Distinct from every result of a command.
    DEFECT = 70, "internal error"
    INTERRUPTED = 130, "interrupted"


#: Commands whose exit code is their result.
RESULTS: dict[str, dict[ExitCode, str]] = {
    "status": {ExitCode.OK: "ok", ExitCode.FAILED: "degraded", ExitCode.ERROR: "error"},
    "halt": {
        ExitCode.OK: "halted",
        ExitCode.FAILED: "asked for, but a running trader has not confirmed it",
        ExitCode.UNUSABLE: "could not be done",
    },
    "reduce": {
        ExitCode.OK: "reducing, or halted",
        ExitCode.FAILED: "asked for, but a running trader has not confirmed it",
        ExitCode.UNUSABLE: "could not be done",
    },
    "resume": {
        ExitCode.OK: "positions can be opened",
        ExitCode.FAILED: "something still holds, and is named",
        ExitCode.UNUSABLE: "a file could not be taken away",
    },
    "mode": {
        ExitCode.OK: "shown, in force or asked for",
        ExitCode.FAILED: "refused, and what lacks is named",
        ExitCode.UNUSABLE: "unusable settings",
    },
    "flatten": {
        ExitCode.OK: "nothing is left that could be sold",
        ExitCode.FAILED: "something is left, is named, and is tried again",
        ExitCode.UNUSABLE: "could not be carried out",
    },
    "close": {
        ExitCode.OK: "nothing is left that could be sold",
        ExitCode.FAILED: "something is left, is named, and is tried again",
        ExitCode.UNUSABLE: "could not be carried out",
    },
    "signal": {
        ExitCode.OK: "followed: an order was filled, an entry waits for its limit, or a position is being closed",
        ExitCode.FAILED: "refused, denied, a duplicate, or not filled, and the reason is named",
        ExitCode.ERROR: "wrong usage or a wrong value",
        ExitCode.UNUSABLE: "nothing was recorded",
    },
    "events": {ExitCode.OK: "ok", ExitCode.FAILED: "some lines are damaged"},
    "trades": {
        ExitCode.OK: "listed",
        ExitCode.FAILED: "listed, but something is left out or the history is damaged",
        ExitCode.ERROR: "wrong usage, or nothing to list",
        ExitCode.UNUSABLE: "unusable data directory",
    },
    "report": {
        ExitCode.OK: "shown",
        ExitCode.FAILED: "shown, but something is left out or the history is damaged",
        ExitCode.ERROR: "wrong usage, or nothing to show",
        ExitCode.UNUSABLE: "unusable data directory",
    },
    "reconcile": {
        ExitCode.OK: "no difference",
        ExitCode.FAILED: "differences, or something is left out",
        ExitCode.ERROR: "wrong usage, or nothing to compare",
        ExitCode.UNUSABLE: "unusable file or data directory",
    },
    "verify": {
        ExitCode.OK: "intact",
        ExitCode.FAILED: "intact but incomplete or not anchored",
        ExitCode.ERROR: "damaged",
        ExitCode.UNUSABLE: "unusable file",
    },
    "strategies check": {
        ExitCode.OK: "no check failed",
        ExitCode.FAILED: "a check failed, and is named",
        ExitCode.ERROR: "no such strategy, parameter or file",
    },
    "backtest": {
        ExitCode.OK: "run",
        ExitCode.FAILED: "run, but a strategy was stopped, and is named",
        ExitCode.ERROR: "wrong usage, klines, strategy or parameter",
        ExitCode.UNUSABLE: "unusable folder or settings",
    },
    "backtest check": {
        ExitCode.OK: "nothing found",
        ExitCode.FAILED: "something fails, and is named",
        ExitCode.ERROR: "wrong usage, klines, strategy or parameter",
    },
    "backtest compare": {
        ExitCode.OK: "the same",
        ExitCode.FAILED: "something differs, and is named",
        ExitCode.ERROR: "no report there",
    },
    "backtest search": {
        ExitCode.OK: "searched",
        ExitCode.ERROR: "wrong usage, klines, strategy or parameter",
        ExitCode.UNUSABLE: "unusable folder",
    },
    "backtest live": {
        ExitCode.OK: "equal",
        ExitCode.FAILED: "something differs, and is named",
        ExitCode.UNUSABLE: "unusable data directory",
    },
    "data check": {
        ExitCode.OK: "nothing is wrong",
        ExitCode.FAILED: "usable, with remarks",
        ExitCode.ERROR: "something is wrong, and is named",
    },
    "data import": {
        ExitCode.OK: "imported, or kept already",
        ExitCode.FAILED: "imported, and what was left out is named",
        ExitCode.ERROR: "something could not be imported, and is named",
        ExitCode.ALREADY_RUNNING: "another import or fetch is running",
        ExitCode.UNUSABLE: "unusable data directory",
    },
    "data fetch": {
        ExitCode.OK: "fetched, or kept already",
        ExitCode.FAILED: "ended early: what came is kept, and the same command goes on from there",
        ExitCode.ERROR: "nothing to fetch from, or no such symbol",
        ExitCode.ALREADY_RUNNING: "another import or fetch is running",
        ExitCode.UNUSABLE: "unusable data directory",
    },
    "validate": {
        ExitCode.OK: "valid",
        ExitCode.FAILED: "valid, with warnings",
        ExitCode.ERROR: "invalid",
        ExitCode.UNUSABLE: "no such path, kind or data directory",
    },
    "backup": {
        ExitCode.OK: "written",
        ExitCode.FAILED: "written, but the history has a fault",
        ExitCode.UNUSABLE: "could not be written",
    },
    "restore": {
        ExitCode.OK: "restored, or checked",
        ExitCode.FAILED: "refused, since services run or a data directory is there",
        ExitCode.ERROR: "damaged backup",
        ExitCode.UNUSABLE: "unusable file or directory",
    },
    "prove": {ExitCode.OK: "written", ExitCode.FAILED: "cannot be proved (yet)", ExitCode.UNUSABLE: "unusable file"},
    "check-proof": {ExitCode.OK: "holds", ExitCode.ERROR: "does not hold", ExitCode.UNUSABLE: "not a proof"},
    "migrate": {
        ExitCode.OK: "done, or nothing to do",
        ExitCode.ALREADY_RUNNING: "a service is running",
        ExitCode.UNUSABLE: "refused: nothing was changed",
    },
    "drill": {ExitCode.OK: "passed", ExitCode.FAILED: "failed"},
    "acknowledge": {ExitCode.OK: "no faults, or accepted", ExitCode.FAILED: "faults listed, or refused"},
}


def describe_results(command: str) -> str:
    """Return the codes of such a command as a sentence, such as "Exits 0 ok, 1 degraded, 2 error."."""
    return f"Exits {', '.join(f'{code.value} {result}' for code, result in RESULTS[command].items())}."
