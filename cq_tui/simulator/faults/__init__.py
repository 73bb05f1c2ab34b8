"""Fault injection: what fails, when and for whom, as requested through /admin."""
