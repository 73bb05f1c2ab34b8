"""Checkpoints: signed words on how far the history goes, kept inside and outside the data directory."""
