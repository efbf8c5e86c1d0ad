"""The API token over gRPC. Arguments: the port, the token that is right."""

import sys

import grpc

GET = "/dapr.proto.runtime.v1.Dapr/GetMetadata"

port, token = sys.argv[1:]
with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
    call = channel.unary_unary(GET)
    for metadata in ([], [("dapr-api-token", "wrong")], [("dapr-api-token", token + "x")]):
        try:
            call(b"", metadata=metadata, timeout=5)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAUTHENTICATED, (metadata, error.code())
        else:
            raise AssertionError(f"{metadata} was let in")
    assert call(b"", metadata=[("dapr-api-token", token)], timeout=5)
