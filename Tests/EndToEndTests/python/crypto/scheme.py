"""Dapr's encryption scheme, `dapr.io/enc/v1`, written from its specification: reads what Octavo writes, and the other way."""

import base64
import hashlib
import hmac
import json
import os
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NAME = b"dapr.io/enc/v1"
SEGMENT = 64 * 1024
TAG = 16
CIPHERS = {1: AESGCM, 2: ChaCha20Poly1305}
WRAPS = {"A256KW": 1, "A128CBC-NOPAD": 2, "A192CBC-NOPAD": 3, "A256CBC-NOPAD": 4, "RSA-OAEP-256": 5}


def derive(key, salt, info):
    return HKDF(hashes.SHA256(), 32, salt, info).derive(key)


def signed(lines, key):
    return base64.b64encode(hmac.new(derive(key, None, b"header"), lines, hashlib.sha256).digest())


def nonce(prefix, index, last):
    return prefix + index.to_bytes(4, "big") + (b"\1" if last else b"\0")


@dataclass
class Message:
    """A message taken apart."""

    manifest: bytes
    code: bytes
    segments: list

    @classmethod
    def of(cls, data):
        name, manifest, code, payload = data.split(b"\n", 3)
        assert name == NAME, name
        step = SEGMENT + TAG
        return cls(manifest, code, [payload[at : at + step] for at in range(0, len(payload), step)])

    def joined(self):
        return b"\n".join([NAME, self.manifest, self.code, b"".join(self.segments)])


def segments(plain):
    parts = [plain[at : at + SEGMENT] for at in range(0, len(plain), SEGMENT)]
    return [(index, part, index == len(parts) - 1) for index, part in enumerate(parts)]


def encrypt(plain, wrap, algorithm, key_name="", cipher=1):
    """`wrap` turns the key of the message into what the manifest holds."""
    key, prefix = os.urandom(32), os.urandom(7)
    manifest = {"k": key_name} if key_name else {}
    manifest |= {
        "kw": WRAPS[algorithm],
        "wfk": base64.b64encode(wrap(key)).decode(),
        "cph": cipher,
        "np": base64.b64encode(prefix).decode(),
    }
    text = json.dumps(manifest, separators=(",", ":")).encode()
    lines = NAME + b"\n" + text + b"\n"
    seal = CIPHERS[cipher](derive(key, prefix, b"payload")).encrypt
    payload = b"".join(seal(nonce(prefix, index, last), part, None) for index, part, last in segments(plain))
    return lines + signed(lines, key) + b"\n" + payload


def decrypt(data, unwrap):
    """The plain text and the manifest."""
    message = Message.of(data)
    manifest = json.loads(message.manifest)
    assert list(manifest) == [name for name in ("k", "kw", "wfk", "cph", "np") if name in manifest], manifest
    assert json.dumps(manifest, separators=(",", ":"), ensure_ascii=False).encode() == message.manifest, "not compact"
    key = unwrap(base64.b64decode(manifest["wfk"], validate=True))
    assert len(key) == 32
    lines = NAME + b"\n" + message.manifest + b"\n"
    assert hmac.compare_digest(signed(lines, key), message.code)
    prefix = base64.b64decode(manifest["np"], validate=True)
    assert len(prefix) == 7
    open_ = CIPHERS[manifest["cph"]](derive(key, prefix, b"payload")).decrypt
    last = len(message.segments) - 1
    plain = [open_(nonce(prefix, index, index == last), part, None) for index, part in enumerate(message.segments)]
    return b"".join(plain), manifest
