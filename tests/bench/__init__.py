"""Measures the goals of docs and design for speed and memory: `python -m tests.bench [--quick] [--only G5 …]`.

Every figure is a ratio of two things measured in turn in one run, since machines are noisy
(`make bench`). Nothing here is a timed test.
"""
