"""A deterministic world around the trader's core: exchange, network, disk, clocks and people, all from one seed."""
