"""The writer of the terminal: what is left out on a slow line, and that the line catches up."""

import os
import pty
import select
import threading
import tty

from cq_tui.room.terminal.output import TerminalWriter

FRAME = "frame" * 200


def test_a_slow_terminal_catches_up_though_frames_keep_coming() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    caught_up = threading.Event()
    with open(slave, "w", encoding="utf-8") as file:
        writer = TerminalWriter(file, on_lost=lambda: None, on_caught_up=caught_up.set)
        writer.start()
        seen = b""
        for step in range(400):
            for _ in range(10):
                writer.write(FRAME)
            writer.write(f"<always {step}>", always=True)
            # Half of what came: the terminal never gets all of it.
            for _ in range(5):
                if select.select([master], [], [], 0.5)[0]:
                    seen += os.read(master, len(FRAME))
            if caught_up.is_set():
                break
        assert caught_up.is_set()
        writer.give_up()
        writer.close()
    os.close(master)
    kept = [int(part.split(b">")[0]) for part in seen.split(b"<always ")[1:-1]]
    assert kept == list(range(len(kept)))
