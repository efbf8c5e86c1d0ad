"""Octavo's benchmark: the runtime beside its peers, in one run, on one machine."""
