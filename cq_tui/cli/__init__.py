"""The commands: each reads its words, calls one function, prints, and turns errors into exit codes.

What a command needs beyond that is imported inside it: help and every other command start without it.
"""

# One line for each file of commands. Their order is the order in the help, which is why nobody sorts them.
# isort: off
from cq_tui.cli.application import app, main
from cq_tui.cli import stack
from cq_tui.cli import trading
from cq_tui.cli import events
from cq_tui.cli import verify
from cq_tui.cli import prove
from cq_tui.cli import acknowledge
from cq_tui.cli import bundle
from cq_tui.cli import exchange
from cq_tui.cli import settings
# isort: on

__all__ = ["app", "main"]
