"""The feeder: writes the exchange's market data to files."""

from cq_tui.services.feeder.service import FeederService

__all__ = ["FeederService"]
