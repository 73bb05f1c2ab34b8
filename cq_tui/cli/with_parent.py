"""``--with-parent``: a command that another process of ours runs ends with it."""

import os
import signal
import sys
import threading


def end_with_parent() -> None:
    """End this process when its standard input ends, which is when the one that holds it has ended."""

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
