"""The few bytes of protobuf and gRPC that the benchmark sends, written by hand: no library needed."""

STORE = "statestore"
KEY = "bench"
#: What `SaveState` writes: another key, since every write may lengthen the etag that `GetState` answers with.
WRITTEN_KEY = "bench-written"
#: 64 bytes as stored: a JSON string, so that the HTTP API and the gRPC API hold the same bytes.
VALUE = b'"' + b"x" * 62 + b'"'

GET_STATE = "/dapr.proto.runtime.v1.Dapr/GetState"
SAVE_STATE = "/dapr.proto.runtime.v1.Dapr/SaveState"


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field of less than 128 bytes, which is all that is needed here."""
    if len(content) > 127 or number > 15:
        raise ValueError("only fields of one-byte tag and one-byte length are written here")
    return bytes([number << 3 | 2, len(content)]) + content


def message(content: bytes) -> bytes:
    """A gRPC length-prefixed message, uncompressed."""
    return b"\0" + len(content).to_bytes(4, "big") + content


def get_state(key: str = KEY) -> bytes:
    return message(field(1, STORE.encode()) + field(2, key.encode()))


def save_state(key: str, value: bytes = VALUE) -> bytes:
    return message(field(1, STORE.encode()) + field(2, field(1, key.encode()) + field(2, value)))


def get_state_reply(value: bytes = VALUE, etag: str = "1") -> bytes:
    """What a server answers to `get_state`; the peers without a store send it as it is."""
    return message(field(1, value) + field(2, etag.encode()))


#: google.protobuf.Empty
EMPTY_REPLY = message(b"")
