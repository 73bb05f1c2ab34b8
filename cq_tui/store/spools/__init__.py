"""Spools: what each process wants remembered, and how memory takes it in."""
