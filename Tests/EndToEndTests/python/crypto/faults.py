"""Requests that are wrong, and what they are told."""

from dapr.proto import api_v1, common_v1
from wires import WIRES, collect, grpc_decrypt, refused, request, stub

ENCRYPT = {"component_name": "folder", "key_name": "aes256", "key_wrap_algorithm": "A256KW"}


def call(method, *messages):
    with stub() as one:
        return collect(getattr(one, method)(iter(messages), timeout=30))


def encrypt_message(options=None, seq=None, data=b"x"):
    message = api_v1.EncryptRequest()
    if options is not None:
        message.options.CopyFrom(api_v1.EncryptRequestOptions(**options))
    if seq is not None:
        message.payload.CopyFrom(common_v1.StreamPayload(data=data, seq=seq))
    return message


def bad(text, code, *messages):
    refusal = refused(lambda: call("EncryptAlpha1", *messages), code)
    assert text in refusal.text, refusal


def run(keys):
    first = encrypt_message(ENCRYPT)
    bad("does not contain the required options", "INVALID_ARGUMENT", encrypt_message(seq=0))
    bad("ended before it", "INVALID_ARGUMENT")
    bad("keyName", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"key_name": ""}))
    bad("keyWrapAlgorithm", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"key_wrap_algorithm": ""}))
    bad("not known", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"key_wrap_algorithm": "ROT13"}))
    bad("not known", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"data_encryption_cipher": "des"}))
    bad("options found in non-leading message", "INTERNAL", first, first)
    bad("expected: 0", "INTERNAL", first, encrypt_message(seq=1))
    bad("expected: 1", "INTERNAL", first, encrypt_message(seq=0), encrypt_message(seq=0))
    bad("crypto provider nobody not found", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"component_name": "nobody"}))
    bad("crypto provider statestore not found", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"component_name": "statestore"}))
    bad("does not fit", "INTERNAL", encrypt_message(ENCRYPT | {"key_name": "aes128"}))
    bad("does not fit", "INTERNAL", encrypt_message(ENCRYPT | {"key_name": "rsa.pem"}))
    bad("header of more than", "INVALID_ARGUMENT", encrypt_message(ENCRYPT | {"decryption_key_name": "k" * 66_000}))
    # A payload may come with the options.
    assert call("DecryptAlpha1", api_v1.DecryptRequest(
        options=api_v1.DecryptRequestOptions(component_name="folder"),
        payload=common_v1.StreamPayload(data=call("EncryptAlpha1", encrypt_message(ENCRYPT, seq=0, data=b"with"))))) == b"with"

    for encrypt, _ in WIRES.values():
        for key in ("nothing", "inner/nothing", "rsa.pem/x"):
            refusal = refused(lambda key=key: encrypt(b"x", "folder", key, "A256KW"), "INTERNAL", 500)
            assert "no key" in refusal.text, refusal
        for key in ("../outside", "inner/../../outside", "/etc/hostname", "link-outside", ".."):
            refusal = refused(lambda key=key: encrypt(b"x", "folder", key, "A256KW"), "INVALID_ARGUMENT", 400)
            assert "outside of the folder" in refusal.text, refusal
        assert "no file" in refused(lambda: encrypt(b"x", "folder", "inner", "A256KW"), "INVALID_ARGUMENT", 400).text
        assert "not Base64" in refused(lambda: encrypt(b"x", "set", "broken", "A256KW"), "INTERNAL", 500).text
        assert "not for wrapKey" in refused(lambda: encrypt(b"x", "set", "rsa-signs", "RSA"), "INTERNAL", 500).text
        assert "kid" in refused(lambda: encrypt(b"x", "set", "nothing", "RSA"), "INTERNAL", 500).text

    sealed = WIRES["gRPC"][0](b"x", "folder", "aes256", "AES", omit_decryption_key_name=True)
    for _, decrypt in WIRES.values():
        assert "name it" in refused(lambda decrypt=decrypt: decrypt(sealed, "folder"), "INVALID_ARGUMENT", 400).text
    public = WIRES["gRPC"][0](b"x", "folder", "rsa-public.pem", "RSA")
    refused(lambda: grpc_decrypt(public, "folder"), "INTERNAL")

    path = "/v1.0-alpha1/crypto/folder/encrypt"
    for headers in ({}, {"dapr-key-name": "aes256"}, {"dapr-key-wrap-algorithm": "AES"}):
        refusal = refused(lambda headers=headers: request("PUT", path, b"x", headers), 400)
        assert refusal.error == "ERR_BAD_REQUEST" and "missing header" in refusal.text, refusal
    whole = {"dapr-key-name": "aes256", "dapr-key-wrap-algorithm": "AES"}
    refusal = refused(lambda: request("PUT", path.replace("folder", "nobody"), b"x", whole), 400)
    assert refusal.error == "ERR_CRYPTO_PROVIDER_NOT_FOUND", refusal
    refused(lambda: request("POST", path, b"x", whole), 404)
    refused(lambda: request("PUT", path + "/more", b"x", whole), 404)
    # Slashes too many are one, and then the body is taken whole.
    assert request("PUT", "//v1.0-alpha1//crypto/folder/encrypt", b"x", whole)[0].startswith(b"dapr.io/enc/v1\n")
