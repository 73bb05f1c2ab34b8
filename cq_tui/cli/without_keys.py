"""Commands that run the code of plug-ins: they begin again without the keys of the account in their environment."""

import os
import sys


def leave_keys_behind() -> None:
    """Run the same command line anew in this process, without the keys, if the environment has any.

    What a process was started with can be read by its code however often it forgets it.
    """
    from cq_tui.contracts.settings import environment_of_plug_ins

    without = environment_of_plug_ins()
    if len(without) < len(os.environ):
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(sys.executable, sys.orig_argv, without)
