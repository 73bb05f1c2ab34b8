"""Which prices the simulated exchange gets: ``--replay`` and ``--seed`` reach it through the environment."""

import os
from pathlib import Path


class RecordingNotFound(Exception):
    """There is no such recording; the message names it."""


def set_market_source(replay: Path | None, seed: int | None) -> None:
    """Set what the services started from here inherit; the environment goes before the settings file.

    Raises RecordingMissing, before anything is set.
    """
    if replay is not None:
        if not replay.exists():
            raise RecordingNotFound(f"--replay {replay}: there is no such file or folder")
        os.environ["SIMULATOR_REPLAY"] = str(replay.absolute())
    if seed is not None:
        os.environ["SIMULATOR_SEED"] = str(seed)
