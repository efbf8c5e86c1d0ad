"""What a case works with: the store on one wire, keys of its own, and what must be refused."""

import concurrent.futures
import contextlib
import time

from model import Refused, Write


class Bench:
    """One case's view. Methods without a store's name go to the component `store`."""

    def __init__(self, number, wire, other, kind, features, backing):
        self.number, self.wire, self.other = number, wire, other
        self.kind, self.features, self.backing = kind, features, backing

    def key(self, name="key"):
        """A key that no other case uses."""
        return f"{self.wire.name}{self.number}-{name}"

    def save(self, key, value=b"1", store="store", **options):
        self.wire.save(store, Write(key, value, **options))

    def save_many(self, writes, store="store", metadata=None):
        self.wire.save_many(store, writes, metadata)

    def get(self, key, store="store", **options):
        return self.wire.get(store, key, **options)

    def value(self, key, store="store"):
        return self.get(key, store).value

    def etag(self, key):
        return self.get(key).etag

    def bulk_get(self, keys, store="store", **options):
        return self.wire.bulk_get(store, keys, **options)

    def delete(self, key, store="store", **options):
        self.wire.delete(store, Write(key, **options))

    def transact(self, *operations, store="store", metadata=None):
        """Operations are (word, write)."""
        self.wire.transact(store, operations, metadata)

    @contextlib.contextmanager
    def refuses(self, refusal, says=""):
        """What is done inside must be refused so, with a message that holds `says`."""
        try:
            yield
        except Refused as error:
            expected = refusal.on(self.wire.name)
            assert (error.code, error.word) == expected, f"{error}, expected {expected}"
            assert says in error.message, f"{error.message!r} does not say {says!r}"
            if refusal.details:
                assert tuple(error.details) == refusal.details, error.details
            return
        raise AssertionError(f"it was done, expected {refusal.on(self.wire.name)}")

    def stays(self, key, value):
        """The value is still, or by now, this one."""
        found = self.value(key)
        assert found == value, f"{key} is {found!r}, expected {value!r}"

    @staticmethod
    def eventually(condition, what, seconds=10):
        """Waits for the condition."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s: {what}"
            time.sleep(0.02)

    @staticmethod
    def at_once(calls):
        """Runs the calls side by side; their results, or the refusals that they ended with."""

        def outcome(call):
            try:
                return call()
            except Refused as error:
                return error

        with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
            return list(pool.map(outcome, calls))
