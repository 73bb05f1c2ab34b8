"""Benchmarks: each figure beside a named peer that is measured in the same run."""
