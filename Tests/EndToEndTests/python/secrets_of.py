"""A secret store as an app sees it, through the unmodified Dapr SDK and over HTTP. Any failed assertion ends it with 1.

    secrets_of.py [--some] STORE EXPECTED [DENIED...]

EXPECTED is JSON: all secrets that the app may see (with --some: some of them), by name, with their pairs. The DENIED ones are there and
kept from it.
"""

import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request

import grpc
from dapr.clients import DaprClient

WORDS = [word for word in sys.argv[1:] if word != "--some"]
STORE, EXPECTED, DENIED = WORDS[0], json.loads(WORDS[1]), WORDS[2:]
BASE = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0/secrets/"


def get(path):
    try:
        with urllib.request.urlopen(BASE + path) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def code(call):
    try:
        call()
    except grpc.RpcError as error:
        return error.code()
    raise AssertionError("the call succeeded")


with DaprClient() as client:
    for name, pairs in EXPECTED.items():
        assert client.get_secret(STORE, name).secret == pairs, (name, client.get_secret(STORE, name).secret)
        assert get(f"{STORE}/{urllib.parse.quote(name, safe='')}") == (200, pairs), get(f"{STORE}/{name}")
    bulk = {name: dict(pairs) for name, pairs in client.get_bulk_secret(STORE).secrets.items()}
    status, over_http = get(f"{STORE}/bulk")
    for found in (bulk, over_http):
        if "--some" not in sys.argv:
            assert found == EXPECTED, found
        else:
            assert EXPECTED.items() <= found.items(), found
    assert status == 200
    for name in DENIED:
        assert code(lambda: client.get_secret(STORE, name)) == grpc.StatusCode.PERMISSION_DENIED
        status, error = get(f"{STORE}/{name}")
        assert status == 403 and error["errorCode"] == "ERR_PERMISSION_DENIED", (status, error)
        assert name not in bulk and name not in over_http
    # With a policy that denies what it does not name, nobody is told whether it is there.
    missing, (status, error) = code(lambda: client.get_secret(STORE, "nosuchsecret")), get(f"{STORE}/nosuchsecret")
    assert (missing, status) in ((grpc.StatusCode.INTERNAL, 500), (grpc.StatusCode.PERMISSION_DENIED, 403)), (missing, status)
    assert error["errorCode"] in ("ERR_SECRET_GET", "ERR_PERMISSION_DENIED"), error
    assert code(lambda: client.get_secret("nowhere", "a")) == grpc.StatusCode.INVALID_ARGUMENT
    assert get("nowhere/a")[0] == 401
print("secrets")
