"""The trader: signals into orders, under guardrails, with every position protected."""

from cq_tui.services.trader.service import TraderService

__all__ = ["TraderService"]
