"""What Octavo encrypts an independent implementation of the scheme decrypts, and the other way round."""

import os

import scheme
from dapr.clients import DaprClient
from dapr.clients.grpc._crypto import DecryptOptions, EncryptOptions
from wires import WIRES, http_decrypt, http_encrypt

SIZES = [0, 1, 16, 65_535, 65_536, 65_537, 131_072, 131_073, 300_000]
# Algorithm, and the key's names in the folder and in the set.
ALGORITHMS = [
    ("A256KW", ["aes256", "aes256-text", "aes256.json", "link-inside"], "aes256"),
    ("RSA-OAEP-256", ["rsa.pem", "rsa-pkcs1", "rsa.json"], "rsa"),
    ("A128CBC-NOPAD", ["aes128"], "aes128"),
    ("A192CBC-NOPAD", ["aes192"], "aes192"),
    ("A256CBC-NOPAD", ["aes256"], "aes256"),
]
ALIASES = [("AES", "A256KW", "aes256"), ("rsa", "RSA-OAEP-256", "rsa.pem"), ("a256kw", "A256KW", "aes256")]


def both_ways(keys, encrypt, decrypt, plain, algorithm, component, key, cipher=1):
    names = {1: "aes-gcm", 2: "chacha20-poly1305"}
    sealed = encrypt(plain, component, key, algorithm, data_encryption_cipher=names[cipher])
    found, manifest = scheme.decrypt(sealed, keys.unwrap(algorithm))
    assert found == plain and manifest["k"] == key and manifest["cph"] == cipher, manifest
    assert decrypt(sealed, component) == plain
    theirs = scheme.encrypt(plain, keys.wrap(algorithm), algorithm, key, cipher)
    assert decrypt(theirs, component) == plain


def run(keys):
    for encrypt, decrypt in WIRES.values():
        for size in SIZES:
            for cipher in scheme.CIPHERS:
                both_ways(keys, encrypt, decrypt, os.urandom(size), "A256KW", "folder", "aes256", cipher)
        for algorithm, names, kid in ALGORITHMS:
            for component, key in [("folder", name) for name in names] + [("set", kid)]:
                both_ways(keys, encrypt, decrypt, os.urandom(70_000), algorithm, component, key)
        for alias, algorithm, key in ALIASES:
            sealed = encrypt(b"alias", "folder", key, alias)
            assert scheme.decrypt(sealed, keys.unwrap(algorithm))[0] == b"alias"
        key_names(keys, encrypt, decrypt)
    # A key of a folder within the folder; more than is kept, from a client that sends everything first.
    both_ways_alone("inner/aes256", 100)
    both_ways_alone("aes256", 4 << 20)
    sdk(keys)


def both_ways_alone(key, size):
    plain = os.urandom(size)
    assert http_decrypt(http_encrypt(plain, "folder", key, "A256KW"), "folder") == plain


def key_names(keys, encrypt, decrypt):
    unwrap = keys.unwrap("RSA-OAEP-256")
    sealed = encrypt(b"x", "folder", "rsa-public.pem", "RSA", decryption_key_name="rsa.pem")
    plain, manifest = scheme.decrypt(sealed, unwrap)
    assert plain == b"x" and manifest["k"] == "rsa.pem" and decrypt(sealed, "folder") == b"x"
    sealed = encrypt(b"y", "folder", "rsa-public-pkcs1.pem", "RSA", decryption_key_name="no", omit_decryption_key_name=True)
    assert "k" not in scheme.decrypt(sealed, unwrap)[1]
    assert decrypt(sealed, "folder", "rsa.pem") == b"y"
    # The name of the request counts more than that of the message, and any text can be a name.
    odd = scheme.encrypt(b"z", keys.wrap("A256KW"), "A256KW", 'of "nobody" ä\\ \u2028')
    assert decrypt(odd, "folder", "aes256") == b"z"


def sdk(keys):
    with DaprClient() as client:
        # Of no data the SDK sends no message at all, so there is nothing to answer.
        for size in (1, 70_000, 9_000_000):
            plain = os.urandom(size)
            sealed = client.encrypt(plain, EncryptOptions("folder", "rsa.pem", "RSA")).read()
            assert scheme.decrypt(sealed, keys.unwrap("RSA-OAEP-256"))[0] == plain
            assert client.decrypt(sealed, DecryptOptions("folder")).read() == plain
        sealed = client.encrypt("hello", EncryptOptions("set", "aes256", "AES", "chacha20-poly1305")).read()
        assert client.decrypt(sealed, DecryptOptions("set", "aes256")).read() == b"hello"
