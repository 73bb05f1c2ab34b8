"""Failures that people met in the field, tried on real processes: an exchange that misbehaves, and what trades on it.

Those that need less are where their part is tested: levels as they will be sent (``tests/trading/test_guardrails.py``),
pauses that do not outlive their outage (``tests/trading/core/test_inquiring.py`` and the world), a symbol that is held
and not watched (``tests/stack/test_held_symbol.py``).
"""
