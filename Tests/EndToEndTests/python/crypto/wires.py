"""The two wires, each as a pair of functions over bytes."""

import http.client
import json
import os
from contextlib import contextmanager

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1

CHUNK = 50_000


class Refused(Exception):
    """An answer that is an error: gRPC's code and HTTP's status, whichever there is, and the text."""

    def __init__(self, code, text, error=""):
        super().__init__(f"{code} {error}: {text}")
        self.code, self.text, self.error = code, text, error


@contextmanager
def stub():
    with grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}") as channel:
        yield api_service_v1.DaprStub(channel)


def payloads(message, options, data, chunk=CHUNK):
    yield message(options=options)
    for seq, at in enumerate(range(0, len(data), chunk)):
        yield message(payload=common_v1.StreamPayload(data=data[at : at + chunk], seq=seq))


def collect(answers):
    parts = []
    try:
        for seq, answer in enumerate(answers):
            assert answer.payload.seq == seq, (answer.payload.seq, seq)
            parts.append(answer.payload.data)
    except grpc.RpcError as error:
        raise Refused(error.code().name, error.details()) from None
    return b"".join(parts)


def grpc_encrypt(data, component, key, algorithm, **options):
    options = api_v1.EncryptRequestOptions(component_name=component, key_name=key, key_wrap_algorithm=algorithm, **options)
    with stub() as one:
        return collect(one.EncryptAlpha1(payloads(api_v1.EncryptRequest, options, data), timeout=60))


def grpc_decrypt(data, component, key=""):
    options = api_v1.DecryptRequestOptions(component_name=component, key_name=key)
    with stub() as one:
        return collect(one.DecryptAlpha1(payloads(api_v1.DecryptRequest, options, data), timeout=60))


def request(method, path, body, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ["DAPR_HTTP_PORT"]), timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            error = json.loads(data)
            raise Refused(answer.status, error["message"], error["errorCode"])
        return data, answer
    finally:
        connection.close()


def http_encrypt(data, component, key, algorithm, **options):
    headers = {"dapr-key-name": key, "dapr-key-wrap-algorithm": algorithm}
    names = {"data_encryption_cipher": "dapr-data-encryption-cipher", "decryption_key_name": "dapr-decryption-key-name"}
    names |= {"omit_decryption_key_name": "dapr-omit-decryption-key-name"}
    headers |= {names[name]: str(value) for name, value in options.items()}
    body, answer = request("PUT", f"/v1.0-alpha1/crypto/{component}/encrypt", data, headers)
    assert answer.getheader("content-type") == "application/octet-stream"
    return body


def http_decrypt(data, component, key=""):
    return request("PUT", f"/v1.0-alpha1/crypto/{component}/decrypt", data, {"dapr-key-name": key} if key else {})[0]


WIRES = {"gRPC": (grpc_encrypt, grpc_decrypt), "HTTP": (http_encrypt, http_decrypt)}


def refused(body, *expected):
    """Runs `body`, which must be refused with one of the codes; gives what was said."""
    try:
        body()
    except Refused as refusal:
        assert refusal.code in expected, refusal
        return refusal
    raise AssertionError(f"it was not refused with {expected}")
