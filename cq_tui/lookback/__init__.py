"""The trader's core on the simulated exchange's matching engine, in virtual time. No I/O."""
