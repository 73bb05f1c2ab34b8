"""``cq-tui`` and ``python -m cq_tui``: the room opens at once, everything else goes through the command line."""

import sys

from cq_tui.room.launch import open_room, parse_room_options


def main() -> None:
    """Run what the words ask for. The command line's own libraries are nothing that the first paint should wait for."""
    options = parse_room_options(sys.argv[1:])
    if options is not None:
        sys.exit(open_room(options))
    from cq_tui.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
