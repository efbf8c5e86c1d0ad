"""GetMetadata and state over gRPC's own client, at any address it knows.

Arguments: the address (`localhost:50001`, `unix:/path`), and for TLS the authority's certificate, and, if the
runtime asks for one, the client's certificate and key.
"""

import sys

import grpc
from dapr.proto import api_service_v1, api_v1, common_v1

address, *files = sys.argv[1:]
pem = [open(file, "rb").read() for file in files]


def connect(*pem):
    if not pem:
        return grpc.insecure_channel(address)
    root, certificate, key = (*pem, None, None)[:3]
    return grpc.secure_channel(address, grpc.ssl_channel_credentials(root, key, certificate))


with connect(*pem) as channel:
    stub = api_service_v1.DaprStub(channel)
    value = bytes(range(256)) * 4000
    item = common_v1.StateItem(key="secure", value=value)
    stub.SaveState(api_v1.SaveStateRequest(store_name="statestore", states=[item]), timeout=10)
    found = stub.GetState(api_v1.GetStateRequest(store_name="statestore", key="secure"), timeout=10)
    assert found.data == value and found.etag, len(found.data)
    # Many at a time on one connection.
    request = api_v1.GetStateRequest(store_name="statestore", key="secure")
    for answer in [stub.GetState.future(request, timeout=30) for _ in range(50)]:
        assert answer.result().data == value

# A client without what TLS asks for does not get in.
for less in ([], pem[:1]) if len(pem) == 3 else ([[]] if pem else []):
    with connect(*less) as channel:
        try:
            api_service_v1.DaprStub(channel).GetMetadata(api_v1.GetMetadataRequest(), timeout=5)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE, error.code()
        else:
            raise AssertionError(f"a client with {len(less)} of {len(pem)} files was let in")
