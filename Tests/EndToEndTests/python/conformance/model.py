"""What both wires have in common: items, writes, refusals."""

import dataclasses
from typing import Optional


@dataclasses.dataclass
class Item:
    key: str
    # None: there is no such key.
    value: Optional[bytes]
    etag: str = ""
    metadata: dict = dataclasses.field(default_factory=dict)
    error: str = ""


@dataclasses.dataclass
class Write:
    key: str
    value: bytes = b"null"
    etag: Optional[str] = None
    metadata: dict = dataclasses.field(default_factory=dict)
    # "first-write", "last-write" or "".
    concurrency: str = ""
    # "strong", "eventual" or "".
    consistency: str = ""


@dataclasses.dataclass
class Page:
    items: list
    token: str


class Refused(Exception):
    """An answer that is an error. `code` is gRPC's word or HTTP's status; `word` the ErrorInfo's reason or errorCode."""

    def __init__(self, code, word, message, details=None):
        super().__init__(f"{code} {word}: {message}")
        self.code, self.word, self.message, self.details = code, word, message, details or []


@dataclasses.dataclass
class Refusal:
    """One refusal as both wires give it: (code, word)."""

    grpc: tuple
    http: tuple
    # Kinds of details, on the wires that carry them.
    details: tuple = ()

    def on(self, wire):
        return self.grpc if wire == "grpc" else self.http
