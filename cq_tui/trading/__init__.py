"""Guardrails, sizing, portfolio, order lifecycle, quarantine: pure decisions, no I/O."""
