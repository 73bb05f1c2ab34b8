"""Trading decisions: guardrails, sizing, money, order life, quarantine. Pure, no I/O."""
