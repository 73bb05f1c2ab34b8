"""Trading decisions: guardrails, sizing, portfolio, order lifecycle, quarantine. Pure, no I/O."""
