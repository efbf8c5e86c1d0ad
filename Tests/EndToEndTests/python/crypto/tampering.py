"""Every change of a message is refused, whichever byte of it is touched."""

import base64
import json

import scheme
from wires import WIRES, refused

SIZE = 3 * scheme.SEGMENT + 1000


def header(message, **changes):
    manifest = json.loads(message.manifest) | changes
    return scheme.Message(json.dumps(manifest, separators=(",", ":")).encode(), message.code, message.segments)


def flipped(data, at, bit=1):
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


def cases(data, other):
    """Name and bytes of each changed message. `other` is another message of the same key."""
    message = scheme.Message.of(data)
    m, c, s = message.manifest, message.code, message.segments
    new = lambda manifest=m, code=c, segments=s: scheme.Message(manifest, code, segments).joined()  # noqa: E731
    yield "another scheme", data.replace(b"enc/v1", b"enc/v2", 1)
    yield "a scheme in other letters", data.replace(b"dapr", b"Dapr", 1)
    yield "CRLF", data.replace(b"\n", b"\r\n", 1)
    yield "no scheme", data.split(b"\n", 1)[1]
    yield "an empty manifest", new(b"")
    yield "no JSON", new(m[:-1])
    yield "a JSON list", new(b"[" + m + b"]")
    yield "a space in the manifest", new(m[:-1] + b" }")
    yield "another order of members", new(json.dumps(dict(reversed(json.loads(m).items())), separators=(",", ":")).encode())
    yield "one more member", header(message, x=1).joined()
    yield "another key's name", header(message, k="aes256.json").joined()
    yield "another wrap algorithm", header(message, kw=4).joined()
    yield "an unknown wrap algorithm", header(message, kw=6).joined()
    yield "a wrap algorithm as text", header(message, kw="1").joined()
    yield "another cipher", header(message, cph=2).joined()
    yield "an unknown cipher", header(message, cph=3).joined()
    yield "no wrapped key", header(message, wfk="").joined()
    yield "a wrapped key that is no Base64", header(message, wfk="%%%%").joined()
    wrapped = base64.b64decode(json.loads(m)["wfk"])
    for at in range(0, len(wrapped), 5):
        yield f"bit of the wrapped key's byte {at}", header(message, wfk=base64.b64encode(flipped(wrapped, at)).decode()).joined()
    prefix = base64.b64decode(json.loads(m)["np"])
    for at in range(7):
        yield f"bit of the nonce prefix's byte {at}", header(message, np=base64.b64encode(flipped(prefix, at)).decode()).joined()
    yield "a short nonce prefix", header(message, np=base64.b64encode(prefix[:6]).decode()).joined()
    yield "an empty code", new(code=b"")
    for at in range(0, len(c), 3):
        yield f"character {at} of the code", new(code=c[:at] + (b"A" if c[at : at + 1] != b"A" else b"B") + c[at + 1 :])
    # The last character stands for four bits and two that mean nothing.
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    yield "meaningless bits of the code", new(code=c[:-2] + alphabet[alphabet.index(c[-2]) ^ 1 :][:1] + b"=")
    yield "the code without padding", new(code=c.rstrip(b"="))
    yield "the code of another message", new(code=scheme.Message.of(other).code)
    yield "the header of another message", scheme.Message(*[getattr(scheme.Message.of(other), n) for n in ("manifest", "code")], s).joined()
    for index in (0, 1, len(s) - 1):
        for at in (0, 1, len(s[index]) // 2, len(s[index]) - 17, len(s[index]) - 16, len(s[index]) - 1):
            yield f"bit of byte {at} of segment {index}", new(segments=s[:index] + [flipped(s[index], at, 0x80)] + s[index + 1 :])
    yield "two segments in another order", new(segments=[s[1], s[0]] + s[2:])
    yield "a segment twice", new(segments=[s[0], s[0]] + s[1:])
    yield "no first segment", new(segments=s[1:])
    yield "no middle segment", new(segments=[s[0]] + s[2:])
    yield "no last segment", new(segments=s[:-1])
    yield "a segment of another message", new(segments=[scheme.Message.of(other).segments[0]] + s[1:])
    yield "a byte less", data[:-1]
    yield "a tag less", data[:-16]
    yield "the last segment cut to a tag", new(segments=s[:-1] + [s[-1][:16]])
    yield "the last segment cut to less than a tag", new(segments=s[:-1] + [s[-1][:5]])
    yield "a byte more", data + b"\0"
    yield "a tag more", data + bytes(16)
    yield "a segment more", data + s[-1]
    yield "the message twice", data + data
    for size in (0, 1, 14, 15, 16, 40, len(m) + 15, len(m) + 16, len(m) + 16 + len(c)):
        yield f"cut to {size} bytes", data[:size]
    yield "a header without end", data[:15] + b" " * 70_000


def run(keys):
    unwrap, wrap = keys.unwrap("A256KW"), keys.wrap("A256KW")
    data = scheme.encrypt(bytes(SIZE), wrap, "A256KW", "aes256")
    other = scheme.encrypt(bytes(SIZE), wrap, "A256KW", "aes256")
    count = 0
    for wire, (_, decrypt) in WIRES.items():
        assert decrypt(data, "folder") == bytes(SIZE)
        for name, changed in cases(data, other):
            assert changed != data, name
            try:
                refusal = refused(lambda changed=changed: decrypt(changed, "folder"), "INTERNAL", 500)
            except AssertionError as error:
                raise AssertionError(f"{wire}: {name}: {error}") from None
            assert "failed to perform operation" in refusal.text, refusal
            assert wire == "gRPC" or refusal.error == "ERR_CRYPTO"
            count += 1
        # The reader that the cases are made with refuses the same.
        for name, changed in cases(data, other):
            try:
                scheme.decrypt(changed, unwrap)
            except Exception:  # noqa: BLE001
                continue
            raise AssertionError(f"{name}: the independent reader takes it")
        # Another key, and one that is not there, look like a changed header.
        wrong = refused(lambda: decrypt(data, "folder", "inner/aes256"), "INTERNAL", 500).text
        absent = refused(lambda: decrypt(data, "folder", "nothing"), "INTERNAL", 500).text
        assert wrong.replace("inner/aes256", "") == absent.replace("nothing", "")
        # A message that was cut right behind its header is one without data: the scheme can't tell them apart.
        assert decrypt(data[: len(data) - len(b"".join(scheme.Message.of(data).segments))], "folder") == b""
    assert count > 100, count
