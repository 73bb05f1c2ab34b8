"""Price sources, and the simulated market that plays them."""
