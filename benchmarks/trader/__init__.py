"""How fast the trader decides."""
