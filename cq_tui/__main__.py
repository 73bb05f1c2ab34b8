"""``cq-tui`` and ``python -m cq_tui``: open the room or run a service at once, or run a command."""

import gc
import os
import sys


def main() -> None:
    """Run the command line. Its libraries are imported only for a command, so that the room paints sooner."""
    from cq_tui.output_encoding import use_twins

    use_twins()
    # With this variable a shell asks for completions: the words after the command are in the environment then.
    if "_CQ_TUI_COMPLETE" not in os.environ:
        from cq_tui.room.launch import open_room, parse_room_options

        options = parse_room_options(sys.argv[1:])
        if options is not None:
            sys.exit(open_room(options))
        if sys.argv[1:2] == ["service"]:
            # What is imported stays, and looking for garbage in it takes a tenth of the start.
            gc.disable()
            from cq_tui.services.foreground import parse_service_command, run_in_foreground

            service = parse_service_command(sys.argv[1:])
            if service is not None:
                sys.exit(run_in_foreground(*service))
    from cq_tui.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
