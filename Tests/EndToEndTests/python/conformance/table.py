"""The table of cases: each is a row with a name, a condition and the function that runs it."""

import dataclasses
from typing import Callable

CASES = []


@dataclasses.dataclass
class Case:
    name: str
    run: Callable
    # Words of the store's capabilities that the case needs, and one that it must not have.
    needs: tuple
    lacks: str
    # The wire that alone has what the case asks for.
    wire: str

    def obstacle(self, features, wire):
        """Why the case does not concern this store or wire; an empty text when it does."""
        missing = [word for word in self.needs if word not in features]
        if missing:
            return "the store has no " + missing[0]
        if self.lacks in features:
            return "the store has " + self.lacks
        if self.wire not in ("", wire):
            return f"{self.wire} alone has it"
        return ""


def case(name, *, needs=(), lacks="", wire=""):
    """Adds the decorated function, which takes a `Bench`, as a case."""

    def add(run):
        CASES.append(Case(name, run, needs, lacks, wire))
        return run

    return add


def rows(name, table, *, needs=(), lacks="", wire=""):
    """Adds a case for each row of a table; the row's first member is its name, the others are arguments."""

    def add(run):
        for label, *values in table:
            CASES.append(
                Case(f"{name}: {label}", lambda bench, values=values: run(bench, *values), needs, lacks, wire)
            )
        return run

    return add
