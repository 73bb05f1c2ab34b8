"""Tests of the door for POST."""
