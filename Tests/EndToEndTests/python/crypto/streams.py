"""Streams that are long, slow, cut short or given up, and what the runtime holds of them meanwhile."""

import hashlib
import os
import queue
import subprocess
import threading
import time

import grpc
from dapr.proto import api_v1, common_v1
from wires import grpc_decrypt, grpc_encrypt, stub

PART = 1 << 20
MEGABYTES = int(os.environ.get("CRYPTO_STREAM_MEGABYTES", "96"))
OPTIONS = api_v1.EncryptRequestOptions(component_name="folder", key_name="aes256", key_wrap_algorithm="AES")


def peak():
    """Bytes that the runtime has had resident at most."""
    with open(f"/proc/{os.environ['OCTAVO_PID']}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))


def parts(count, digest):
    block = os.urandom(PART)
    for index in range(count):
        part = index.to_bytes(8, "big") + block[8:]
        digest.update(part)
        yield part


def messages(kind, options, data):
    yield kind(options=options)
    for seq, part in enumerate(data):
        yield kind(payload=common_v1.StreamPayload(data=part, seq=seq))


def long(one):
    """Through encryption into decryption, never whole anywhere."""
    sent, received = hashlib.sha256(), hashlib.sha256()
    before, began = peak(), time.monotonic()
    sealed = one.EncryptAlpha1(messages(api_v1.EncryptRequest, OPTIONS, parts(MEGABYTES, sent)))
    options = api_v1.DecryptRequestOptions(component_name="folder")
    opened = one.DecryptAlpha1(messages(api_v1.DecryptRequest, options, (answer.payload.data for answer in sealed)))
    size = 0
    for answer in opened:
        received.update(answer.payload.data)
        size += len(answer.payload.data)
    assert size == MEGABYTES * PART and sent.digest() == received.digest()
    grown = peak() - before
    print(f"{MEGABYTES} MiB both ways in {time.monotonic() - began:.1f} s; the runtime grew by {grown / PART:.1f} MiB")
    assert grown < 24 * PART, grown


def slow_reader(one):
    """Nobody reads: the runtime stops taking."""
    taken = queue.Queue()

    def endless():
        yield api_v1.EncryptRequest(options=OPTIONS)
        for seq in range(1 << 20):
            taken.put(seq)
            yield api_v1.EncryptRequest(payload=common_v1.StreamPayload(data=bytes(PART), seq=seq))

    before = peak()
    call = one.EncryptAlpha1(endless())
    next(call)
    last = -1
    while taken.qsize() != last:
        last = taken.qsize()
        time.sleep(0.3)  # until nothing has been taken for so long
    assert last < 64, f"{last} MiB were taken without a reader"
    assert peak() - before < 32 * PART
    call.cancel()


def duplex(one):
    """Whole segments come back while the stream is open."""
    more = queue.Queue()

    def chat():
        yield api_v1.EncryptRequest(options=OPTIONS)
        seq = 0
        while (data := more.get()) is not None:
            yield api_v1.EncryptRequest(payload=common_v1.StreamPayload(data=data, seq=seq))
            seq += 1

    call = one.EncryptAlpha1(chat(), timeout=30)
    header = next(call).payload.data
    assert header.startswith(b"dapr.io/enc/v1\n") and header.endswith(b"\n")
    for _ in range(3):
        more.put(bytes(65_536) if _ else bytes(65_537))
        assert len(next(call).payload.data) == 65_552
    more.put(None)
    assert [len(answer.payload.data) for answer in call] == [17]


def given_up(one):
    """Many calls that end in the middle leave nothing that hurts others."""
    for _ in range(200):
        call = one.EncryptAlpha1(messages(api_v1.EncryptRequest, OPTIONS, (bytes(PART) for _ in range(100))))
        next(call)
        call.cancel()


def late(one):
    """A first message that does not come is not waited for."""
    done = threading.Event()

    def nothing():
        done.wait(30)
        yield from ()

    began = time.monotonic()
    try:
        list(one.EncryptAlpha1(nothing(), timeout=25))
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert "none came within 5 s" in error.details()
    finally:
        done.set()
    assert 4 < time.monotonic() - began < 15


def http_stream(folder):
    """curl reads while it sends: bodies of any size, in chunks and with a length."""
    base = f"http://127.0.0.1:{os.environ['DAPR_HTTP_PORT']}/v1.0-alpha1/crypto/folder"
    plain, sealed, opened = (str(folder / name) for name in ("plain", "sealed", "opened"))
    with open(plain, "wb") as file:
        for part in parts(40, hashlib.sha256()):
            file.write(part)
    curl = ["curl", "-sSf", "--max-time", "60"]
    for form in ([], ["-H", "transfer-encoding: chunked"], ["--http2-prior-knowledge"]):
        before = peak()
        headers = ["-H", "dapr-key-name: aes256", "-H", "dapr-key-wrap-algorithm: AES"]
        subprocess.run([*curl, *form, *headers, "-T", plain, "-o", sealed, base + "/encrypt"], check=True)
        subprocess.run([*curl, *form, "-T", sealed, "-o", opened, base + "/decrypt"], check=True)
        subprocess.run(["cmp", plain, opened], check=True)
        assert peak() - before < 32 * PART, peak() - before
    # A fault behind what has been answered already breaks the answer off.
    with open(sealed, "r+b") as file:
        file.seek(-20, os.SEEK_END)
        file.write(b"\0" * 4)
    for form in ([], ["--http2-prior-knowledge"]):
        assert subprocess.run([*curl, *form, "-T", sealed, "-o", opened, base + "/decrypt"], stderr=subprocess.DEVNULL).returncode != 0


def run(keys):
    with stub() as one:
        duplex(one)
        long(one)
        slow_reader(one)
        given_up(one)
        late(one)
    http_stream(keys.folder.parent)
    # After all of it the API still does what it should.
    assert grpc_decrypt(grpc_encrypt(b"still", "folder", "aes256", "AES"), "folder") == b"still"
