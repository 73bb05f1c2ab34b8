"""Launching, adopting, restarting and stopping service processes."""
