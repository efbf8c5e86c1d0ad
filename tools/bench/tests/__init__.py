"""Tests of the benchmark: `python3 -m unittest discover -s tests -t .` in tools/bench."""
