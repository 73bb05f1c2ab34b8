"""Strategies of other packages: they run in one process of their own, the host, and ARES alone writes.

``host`` is that process, with ``residents`` and their ``turns``; ``keeper`` is the side of ARES. ``wire`` and
``running_call`` are between the two.
"""
