"""The core of the trader: ``Core.step(input, moment) -> effects``, a state machine without I/O."""
