"""The commands: each parses its arguments, calls one function, prints, and turns errors into exit codes.

Whatever else a command needs is imported inside it, so that help and the other commands start without it.
"""

# Importing a file registers its commands, in the order of the help: not sorted.
# isort: off
from cq_tui.cli.application import app, main
from cq_tui.cli import stack
from cq_tui.cli import trading_state
from cq_tui.cli import trading
from cq_tui.cli import signal
from cq_tui.cli import events
from cq_tui.cli import books
from cq_tui.cli import verify
from cq_tui.cli import validate
from cq_tui.cli import prove
from cq_tui.cli import acknowledge
from cq_tui.cli import bundle
from cq_tui.cli import backup
from cq_tui.cli import exchange
from cq_tui.cli import mode
from cq_tui.cli import strategies
from cq_tui.cli import backtest
from cq_tui.cli import backtest_check
from cq_tui.cli import backtest_search
from cq_tui.cli import backtest_compare
from cq_tui.cli import backtest_live
from cq_tui.cli import data
from cq_tui.cli import drill
from cq_tui.cli import migrate
from cq_tui.cli import settings
# isort: on

__all__ = ["app", "main"]
