"""Every shape of call by grpcio: unary, client, server and bidirectional streaming, deadline, cancellation, compression.

    streams.py PORT
"""

import sys
import threading

import grpc

TEST = "/test.Test/"

with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
    echo = channel.unary_unary(TEST + "Echo")
    assert echo(b"hello") == b"hello"
    assert echo(b"z" * 200_000, compression=grpc.Compression.Gzip) == b"z" * 200_000

    # A lone message, then the answer to it, again and again: nothing waits for the end of the stream.
    chat = channel.stream_stream(TEST + "Chat")
    turn = threading.Semaphore(1)
    sent = [bytes([n % 256]) * (n * 37 % 5000) for n in range(300)]

    def one_by_one():
        for message in sent:
            assert turn.acquire(timeout=20)
            yield message

    received = []
    for message in chat(one_by_one(), timeout=60):
        received.append(message)
        turn.release()
    assert received == sent

    # All at once: more than the windows of both sides hold.
    big = [bytes([n]) * 60_000 for n in range(100)]
    assert list(chat(iter(big), timeout=60)) == big
    assert list(chat(iter(big), timeout=60, compression=grpc.Compression.Gzip)) == big

    assert channel.stream_unary(TEST + "Sum")(iter([b"x" * 1000] * 500), timeout=60) == b"500000"
    counted = list(channel.unary_stream(TEST + "Count")(b"3000", timeout=60))
    assert len(counted) == 3000 and all(len(message) == 1024 for message in counted)

    # A reader that goes away in the middle.
    call = channel.unary_stream(TEST + "Count")(b"1000000")
    assert len(next(call)) == 1024
    call.cancel()

    never = channel.unary_unary(TEST + "Never")
    try:
        never(b"", timeout=0.2)
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error
    else:
        raise AssertionError("a call that nobody answers was answered")
    try:
        channel.unary_unary(TEST + "Fail")(b"")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.FAILED_PRECONDITION, error
        assert error.details() == "Grün ist 100 %\n.", error.details()
        trailers = dict(error.trailing_metadata())
        assert trailers["x-trace"] == "t" and trailers["grpc-status-details-bin"] == bytes([1, 2, 3]), trailers
    else:
        raise AssertionError("Fail did not fail")
    try:
        channel.unary_unary(TEST + "Nothing")(b"")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, error
print("every shape of call works")
