"""What a store keeps, seen and changed without the runtime; the value under a stored key is `None` when there is none."""

import json
import os
import sqlite3
import subprocess


class Files:
    """The example in C: a file a key, in the component's folder."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, component, key):
        # Each byte is two letters from `a` to `p`.
        name = "k" + "".join(chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in key.encode())
        return os.path.join(self.folder, component, name)

    def value(self, component, key):
        try:
            with open(self.path(component, key), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def put(self, component, key, value):
        with open(self.path(component, key), "wb") as file:
            file.write(value)


class SQLite:
    """A database file a component. What is no text is kept as Base64."""

    def __init__(self, folder):
        self.folder = folder

    def value(self, component, key):
        row = self.ask(component, "SELECT value FROM state WHERE key = ?", key).fetchone()
        return row[0].encode() if row else None

    def put(self, component, key, value):
        self.ask(
            component, "INSERT INTO state (key, value, is_binary, etag) VALUES (?, ?, 0, 'planted')", key, value.decode()
        )

    def ask(self, component, statement, *values):
        database = sqlite3.connect(f"{self.folder}/{component}.db", isolation_level=None, timeout=20)
        return database.execute(statement, values)


class Redis:
    """All components share one server."""

    def __init__(self, port):
        self.port = port

    def value(self, component, key):
        text = self.ask("HGET", key, "data")
        return None if text is None else text.encode()

    def put(self, component, key, value):
        self.ask("HSET", key, "data", value.decode(), "version", "1")

    def ask(self, *command):
        program = ["redis-cli", "-p", str(self.port), "--json", *command]
        return json.loads(subprocess.run(program, capture_output=True, check=True).stdout)


def open_backing(kind, where):
    """`None` for a store that nobody else can look into."""
    known = {"state.file-store": Files, "state.sqlite": SQLite, "state.redis": Redis}
    return known[kind](where) if kind in known else None
