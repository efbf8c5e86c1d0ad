"""The subtle operations over both wires, beside Python's own cryptography."""

import base64
import hashlib
import json
import os

import grpc
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from dapr.proto import api_v1
from wires import Refused, refused, request, stub

# Operation: method, message, and the JSON name of what it gives.
OPERATIONS = {
    "getkey": ("SubtleGetKeyAlpha1", api_v1.SubtleGetKeyRequest),
    "encrypt": ("SubtleEncryptAlpha1", api_v1.SubtleEncryptRequest),
    "decrypt": ("SubtleDecryptAlpha1", api_v1.SubtleDecryptRequest),
    "wrapkey": ("SubtleWrapKeyAlpha1", api_v1.SubtleWrapKeyRequest),
    "unwrapkey": ("SubtleUnwrapKeyAlpha1", api_v1.SubtleUnwrapKeyRequest),
    "sign": ("SubtleSignAlpha1", api_v1.SubtleSignRequest),
    "verify": ("SubtleVerifyAlpha1", api_v1.SubtleVerifyRequest),
}
HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}


def over_grpc(operation, component, **members):
    method, message = OPERATIONS[operation]
    with stub() as one:
        try:
            answer = getattr(one, method)(message(component_name=component, **members), timeout=30)
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details()) from None
    return {field.name: getattr(answer, field.name) for field in answer.DESCRIPTOR.fields}


def camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def over_http(operation, component, **members):
    text = lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else value  # noqa: E731
    body = json.dumps({camel(name): text(value) for name, value in members.items()})
    data, _ = request("POST", f"/v1.0-alpha1/subtlecrypto/{component}/{operation}", body)
    answer = json.loads(data)
    known = {"publicKey": "public_key", "wrappedKey": "wrapped_key", "plaintextKey": "plaintext_key"}
    is_text = {"name", "publicKey"}
    return {
        known.get(name, name): value if name in is_text or isinstance(value, bool) else base64.b64decode(value, validate=True)
        for name, value in answer.items()
    }


def run(keys):
    for call in (over_grpc, over_http):
        encryption(keys, call)
        signatures(keys, call)
        public_keys(keys, call)
        faults(call)


def encryption(keys, call):
    plain, associated = os.urandom(1000), b"about it"
    for bits in (128, 192, 256):
        nonce = os.urandom(12)
        arguments = {"algorithm": f"A{bits}GCM", "key_name": f"aes{bits}", "nonce": nonce, "associated_data": associated}
        sealed = call("encrypt", "folder", plaintext=plain, **arguments)
        expected = AESGCM(keys.secret(bits)).encrypt(nonce, plain, associated)
        assert sealed["ciphertext"] + sealed["tag"] == expected
        assert call("decrypt", "set", ciphertext=expected[:-16], tag=expected[-16:], **arguments)["plaintext"] == plain
    nonce = os.urandom(12)
    sealed = call("encrypt", "set", plaintext=plain, algorithm="C20P", key_name="aes256", nonce=nonce, associated_data=b"")
    assert sealed["ciphertext"] + sealed["tag"] == ChaCha20Poly1305(keys.secret(256)).encrypt(nonce, plain, None)
    wrapped = call("wrapkey", "folder", plaintext_key=bytes(24), algorithm="A192KW", key_name="aes192")["wrapped_key"]
    assert wrapped == aes_key_wrap(keys.secret(192), bytes(24))
    assert call("unwrapkey", "set", wrapped_key=wrapped, algorithm="A192KW", key_name="aes192")["plaintext_key"] == bytes(24)
    for bits, one in HASHES.items():
        oaep = padding.OAEP(padding.MGF1(one), one, b"label")
        arguments = {"algorithm": f"RSA-OAEP-{bits}", "associated_data": b"label"}
        theirs = keys.private("rsa").public_key().encrypt(b"small", oaep)
        assert call("decrypt", "folder", ciphertext=theirs, key_name="rsa.pem", **arguments)["plaintext"] == b"small"
        ours = call("encrypt", "set", plaintext=b"small", key_name="rsa", **arguments)["ciphertext"]
        assert keys.private("rsa").decrypt(ours, oaep) == b"small"
    ours = call("encrypt", "folder", plaintext=b"old", algorithm="RSA1_5", key_name="rsa-public.pem")["ciphertext"]
    assert keys.private("rsa").decrypt(ours, padding.PKCS1v15()) == b"old"


def signatures(keys, call):
    message = b"signed by whoever has the key"
    rsa = keys.private("rsa")
    for bits, one in HASHES.items():
        digest = hashlib.new(f"sha{bits}", message).digest()
        prehashed = utils.Prehashed(one)
        pss = padding.PSS(padding.MGF1(one), bits // 8)
        for algorithm, scheme in ((f"RS{bits}", padding.PKCS1v15()), (f"PS{bits}", pss)):
            ours = call("sign", "folder", digest=digest, algorithm=algorithm, key_name="rsa.pem")["signature"]
            rsa.public_key().verify(ours, digest, scheme, prehashed)
            check(call, "rsa-public.pem", algorithm, digest, rsa.sign(digest, scheme, prehashed))
        longest = padding.PSS(padding.MGF1(one), padding.PSS.MAX_LENGTH)
        check(call, "rsa.pem", f"PS{bits}", digest, rsa.sign(digest, longest, prehashed))
        name = {256: "p256", 384: "p384", 512: "p521"}[bits]
        key = keys.private(name)
        ours = call("sign", "folder", digest=digest, algorithm=f"ES{bits}", key_name=f"{name}.pem")["signature"]
        key.public_key().verify(ours, digest, ec.ECDSA(prehashed))
        check(call, f"{name}.pem", f"ES{bits}", digest, key.sign(digest, ec.ECDSA(prehashed)))
    key = keys.private("ed25519")
    ours = call("sign", "folder", digest=message, algorithm="EdDSA", key_name="ed25519.pem")["signature"]
    assert ours == key.sign(message)
    check(call, "ed25519.pem", "EdDSA", message, ours)


def check(call, key, algorithm, digest, signature):
    verify = lambda **changes: call(  # noqa: E731
        "verify", "folder", **({"digest": digest, "algorithm": algorithm, "key_name": key, "signature": signature} | changes)
    )["valid"]
    assert verify() is True
    assert verify(digest=digest[::-1]) is False
    assert verify(signature=signature[:-1] + bytes([signature[-1] ^ 1])) is False
    assert verify(signature=signature[:-1]) is False
    assert verify(signature=b"") is False


def public_keys(keys, call):
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    for name in ("rsa", "p256", "p384", "p521", "ed25519"):
        pem = call("getkey", "folder", name=f"{name}.pem", format="PEM")
        assert pem == {"name": f"{name}.pem", "public_key": keys.private(name).public_key().public_bytes(*form).decode()}, pem
    rsa = json.loads(call("getkey", "set", name="rsa", format="JSON")["public_key"])
    decoded = base64.urlsafe_b64decode(rsa["n"] + "=" * (-len(rsa["n"]) % 4))
    assert int.from_bytes(decoded, "big") == keys.private("rsa").public_key().public_numbers().n
    assert rsa["kty"] == "RSA" and rsa["e"] == "AQAB" and set(rsa) == {"kty", "n", "e"}
    curve = json.loads(call("getkey", "folder", name="p521.pem", format="JSON")["public_key"])
    assert curve["crv"] == "P-521" and len(curve["x"]) == len(curve["y"]) == 88 and "d" not in curve
    edwards = json.loads(call("getkey", "folder", name="ed25519.pem", format="JSON")["public_key"])
    assert edwards["kty"] == "OKP" and edwards["crv"] == "Ed25519" and "d" not in edwards


def faults(call):
    wrong = ("INVALID_ARGUMENT", 400)
    misfit = ("INTERNAL", 500)
    gcm = {"algorithm": "A256GCM", "key_name": "aes256"}
    for expected, text, operation, arguments in [
        (misfit, "symmetric", "getkey", {"name": "aes256"}),
        (misfit, "no key", "getkey", {"name": "nothing"}),
        (wrong, "not known", "encrypt", {"plaintext": b"x", "algorithm": "ROT13", "key_name": "aes256"}),
        (wrong, "not known", "sign", {"digest": b"x", "algorithm": "A256GCM", "key_name": "aes256"}),
        (wrong, "nonce of 12", "encrypt", {"plaintext": b"x", "nonce": b"short"} | gcm),
        (wrong, "tag of 16", "decrypt", {"ciphertext": b"x", "nonce": bytes(12), "tag": b"short"} | gcm),
        (wrong, "does not decrypt", "decrypt", {"ciphertext": b"x", "nonce": bytes(12), "tag": bytes(16)} | gcm),
        (wrong, "does not decrypt", "unwrapkey", {"wrapped_key": bytes(24), "algorithm": "A256KW", "key_name": "aes256"}),
        (wrong, "can't take", "wrapkey", {"plaintext_key": bytes(17), "algorithm": "A256KW", "key_name": "aes256"}),
        (wrong, "can't take", "encrypt", {"plaintext": bytes(500), "algorithm": "RSA-OAEP", "key_name": "rsa.pem"}),
        (wrong, "digest of 32", "sign", {"digest": b"x", "algorithm": "RS256", "key_name": "rsa.pem"}),
        (misfit, "does not fit", "sign", {"digest": bytes(32), "algorithm": "ES256", "key_name": "p384.pem"}),
        (misfit, "public one", "sign", {"digest": bytes(32), "algorithm": "RS256", "key_name": "rsa-public.pem"}),
        (misfit, "public one", "decrypt", {"ciphertext": bytes(256), "algorithm": "RSA1_5", "key_name": "rsa-public.pem"}),
    ]:
        refusal = refused(lambda o=operation, a=arguments: call(o, "folder", **a), *expected)
        assert text in refusal.text, refusal
    refusal = refused(lambda: call("sign", "nobody", digest=b"x", algorithm="RS256", key_name="x"), "INVALID_ARGUMENT", 400)
    assert "crypto provider nobody not found" in refusal.text
