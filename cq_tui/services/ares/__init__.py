"""ARES: signals from closed klines."""

from cq_tui.services.ares.service import AresService

__all__ = ["AresService"]
