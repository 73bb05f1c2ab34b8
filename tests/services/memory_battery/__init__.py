"""The battery: every way to change a data directory, and what each reader has to say about it afterwards."""
