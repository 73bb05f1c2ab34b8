"""The simulated exchange's prices: ``--replay``, ``--seed`` and ``--speed`` reach it through the environment."""

import os
from pathlib import Path


class RecordingNotFound(Exception):
    """The recording does not exist; the message names it."""


def set_market_source(replay: Path | None, seed: int | None, speed: float | None = None) -> None:
    """Set the variables that our child processes inherit; they override the settings file.

    Raises RecordingNotFound before anything is set.
    """
    if replay is not None:
        if not replay.exists():
            raise RecordingNotFound(f"--replay {replay}: no such file or folder")
        os.environ["SIMULATOR_REPLAY"] = str(replay.absolute())
    if seed is not None:
        os.environ["SIMULATOR_SEED"] = str(seed)
    if speed is not None:
        os.environ["SIMULATOR_SPEED"] = f"{speed:g}"
