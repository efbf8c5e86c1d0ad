"""The keys of the tests, made new each time, as files of every form and as a set.

usage: keys.py FOLDER: writes FOLDER/keys/* and FOLDER/jwks.json.
"""

import base64
import json
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

PLAIN = serialization.NoEncryption()
PEM = serialization.Encoding.PEM
OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


def number(value, size=None):
    data = value if isinstance(value, bytes) else value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk_of_rsa(key):
    private, public = key.private_numbers(), key.public_key().public_numbers()
    names = {"n": public.n, "e": public.e, "d": private.d, "p": private.p, "q": private.q}
    names |= {"dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
    return {"kty": "RSA"} | {name: number(value) for name, value in names.items()}


def jwk_of_curve(key):
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {"kty": "OKP", "crv": "Ed25519", "x": number(key.public_key().public_bytes_raw()), "d": number(key.private_bytes_raw())}
    numbers = key.private_numbers()
    size = (key.curve.key_size + 7) // 8
    point = numbers.public_numbers
    curve = {256: "P-256", 384: "P-384", 521: "P-521"}[key.curve.key_size]
    return {
        "kty": "EC", "crv": curve, "x": number(point.x, size), "y": number(point.y, size),
        "d": number(numbers.private_value, size),
    }


def make(folder):
    keys = folder / "keys"
    keys.mkdir()
    (keys / "inner").mkdir()
    key = rsa.generate_private_key(65537, 2048)
    pkcs8 = serialization.PrivateFormat.PKCS8
    (keys / "rsa.pem").write_bytes(key.private_bytes(PEM, pkcs8, PLAIN))
    (keys / "rsa-pkcs1").write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN))
    public = key.public_key()
    (keys / "rsa-public.pem").write_bytes(public.public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    (keys / "rsa-public-pkcs1.pem").write_bytes(public.public_bytes(PEM, serialization.PublicFormat.PKCS1))
    (keys / "rsa.json").write_text(json.dumps(jwk_of_rsa(key)))
    sets = [jwk_of_rsa(key) | {"kid": "rsa"}]
    for bits in (128, 192, 256):
        secret = os.urandom(bits // 8)
        (keys / f"aes{bits}").write_bytes(secret)
        (keys / f"aes{bits}-text").write_bytes(base64.b64encode(secret) + b"\n")
        (keys / f"aes{bits}.json").write_text(json.dumps({"kty": "oct", "k": number(secret)}))
        sets.append({"kty": "oct", "k": number(secret), "kid": f"aes{bits}"})
    (keys / "inner" / "aes256").write_bytes(os.urandom(32))
    for name, curve in (("p256", ec.SECP256R1()), ("p384", ec.SECP384R1()), ("p521", ec.SECP521R1())):
        one = ec.generate_private_key(curve)
        (keys / f"{name}.pem").write_bytes(one.private_bytes(PEM, pkcs8, PLAIN))
        sets.append(jwk_of_curve(one) | {"kid": name})
    one = ed25519.Ed25519PrivateKey.generate()
    (keys / "ed25519.pem").write_bytes(one.private_bytes(PEM, pkcs8, PLAIN))
    sets.append(jwk_of_curve(one) | {"kid": "ed25519"})
    sets.append(jwk_of_rsa(key) | {"kid": "rsa-signs", "use": "sig"})
    sets.append({"kty": "oct", "k": "not base64!", "kid": "broken"})
    (folder / "jwks.json").write_text(json.dumps({"keys": sets}))
    # What must not be reached from the folder.
    (folder / "outside").write_bytes(os.urandom(32))
    (keys / "link-outside").symlink_to(folder / "outside")
    (keys / "link-inside").symlink_to("aes256")


class Keys:
    """The same keys, for Python."""

    def __init__(self, folder):
        self.folder = Path(folder) / "keys"

    def secret(self, bits):
        return (self.folder / f"aes{bits}").read_bytes()

    def private(self, name):
        return serialization.load_pem_private_key((self.folder / f"{name}.pem").read_bytes(), None)

    def wrap(self, algorithm):
        if algorithm == "A256KW":
            return lambda key: aes_key_wrap(self.secret(256), key)
        if algorithm == "RSA-OAEP-256":
            return lambda key: self.private("rsa").public_key().encrypt(key, OAEP)
        cipher = self.cbc(algorithm)
        return lambda key: (lambda one: one.update(key) + one.finalize())(cipher.encryptor())

    def unwrap(self, algorithm):
        if algorithm == "A256KW":
            return lambda key: aes_key_unwrap(self.secret(256), key)
        if algorithm == "RSA-OAEP-256":
            return lambda key: self.private("rsa").decrypt(key, OAEP)
        cipher = self.cbc(algorithm)
        return lambda key: (lambda one: one.update(key) + one.finalize())(cipher.decryptor())

    def cbc(self, algorithm):
        return Cipher(algorithms.AES(self.secret(int(algorithm[1:4]))), modes.CBC(bytes(16)))


if __name__ == "__main__":
    make(Path(sys.argv[1]))
