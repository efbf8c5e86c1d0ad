"""What a store keeps, seen without the runtime: the value under a stored key, `None` when there is none."""

import json
import os
import sqlite3
import subprocess


class Files:
    """The example in C: a file a key, in the component's folder."""

    def __init__(self, folder):
        self.folder = folder

    def value(self, component, key):
        # Each byte is two letters from `a` to `p`.
        name = "k" + "".join(chr(97 + (byte >> 4)) + chr(97 + (byte & 15)) for byte in key.encode())
        try:
            with open(os.path.join(self.folder, component, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


class SQLite:
    """A database file a component. What is no text is kept as Base64."""

    def __init__(self, folder):
        self.folder = folder

    def value(self, component, key):
        with sqlite3.connect(f"file:{self.folder}/{component}.db?mode=ro", uri=True) as database:
            row = database.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return row[0].encode() if row else None


class Redis:
    """All components share one server."""

    def __init__(self, port):
        self.port = port

    def value(self, component, key):
        command = ["redis-cli", "-p", str(self.port), "--json", "HGET", key, "data"]
        answer = subprocess.run(command, capture_output=True, check=True).stdout
        # Values here are JSON texts, so that the tool's quoting has to be taken away once.
        text = answer.decode().strip()
        return None if text == "null" else json.loads(text).encode()


def open_backing(kind, where):
    """`None` for a store that nobody else can look into."""
    known = {"state.file-store": Files, "state.sqlite": SQLite, "state.redis": Redis}
    return known[kind](where) if kind in known else None
