"""The trader's core on the simulated exchange's matching engine, in virtual time. No I/O.

``from cq_tui.lookback import backtest`` runs strategies from Python.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cq_tui.lookback.api import Backtest, backtest

__all__ = ["Backtest", "backtest"]


def __getattr__(name: str) -> Any:
    # Most of what is imported from here needs neither strategies nor an engine.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from cq_tui.lookback import api

    return getattr(api, name)
