"""The feeder: market data from the exchange into files."""

from cq_tui.services.feeder.service import FeederService

__all__ = ["FeederService"]
