"""``cq-tui`` and ``python -m cq_tui``: open the room or run a service at once, or run a command."""

import os
import sys

from cq_tui.contracts.exit_code import ExitCode
from cq_tui.garbage import pause_collection, resume_collection
from cq_tui.interrupts import end_on_interrupt, is_interrupt
from cq_tui.standard_streams import OutputFailed, reopen_closed, report_failed_output


def main() -> None:
    """Run the command line: the outermost frame, in which every error gets its exit code."""
    end_on_interrupt()
    reopen_closed()
    try:
        code = _run()
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except (BrokenPipeError, OutputFailed) as error:
        code = report_failed_output(error)
    except Exception as defect:  # noqa: BLE001 - the outermost handler; Python's own exit code would mean "failed"
        code = ExitCode.INTERRUPTED if is_interrupt(defect) else _report_defect(defect)
    sys.exit(code)


def _run() -> int:
    """Run what the arguments ask for. Libraries are imported only for a command, so that the room paints sooner."""
    from cq_tui.output_encoding import use_twins

    use_twins()
    # With this variable a shell asks for completions: the words after the command are in the environment then.
    if "_CQ_TUI_COMPLETE" not in os.environ:
        from cq_tui.room.launch import open_room, parse_room_options

        options = parse_room_options(sys.argv[1:])
        if options is not None:
            return open_room(options)
        if sys.argv[1:2] == ["service"]:
            pause_collection()
            from cq_tui.services.foreground import parse_service_command, run_in_foreground

            service = parse_service_command(sys.argv[1:])
            if service is not None:
                return run_in_foreground(*service)
        if sys.argv[1:2] == ["up"]:
            pause_collection()
            from cq_tui.supervisor.foreground import parse_up_command, supervise_in_foreground

            supervisor = parse_up_command(sys.argv[1:])
            if supervisor is not None:
                return supervise_in_foreground(*supervisor)
            resume_collection()
    from cq_tui.cli import main as command_line

    return command_line()


def _report_defect(defect: Exception) -> int:
    import traceback

    traceback.print_exception(defect)
    return ExitCode.DEFECT


if __name__ == "__main__":
    main()
