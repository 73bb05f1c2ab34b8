"""ARES with a short quiet time before a default signal."""

from cq_tui.services.ares.service import AresService
from cq_tui.services.runtime import ServiceRuntime
from cq_tui.strategies import default_signal


class HastyAres(AresService):
    """Takes the place of ARES."""

    def __init__(self, runtime: ServiceRuntime) -> None:
        default_signal.QUIET_SECONDS = 0.5
        super().__init__(runtime)
