"""The simulated exchange as a service; in paper mode it mirrors the real market."""

from cq_tui.services.exchange.service import ExchangeService

__all__ = ["ExchangeService"]
