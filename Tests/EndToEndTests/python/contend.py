"""Fifty that want one lock, half of them through each of two runtimes, of which one is killed in the end.

    contend.py STORE GRPC-PORT-A GRPC-PORT-B PID-A

Prints how often the lock was had. Any failed assertion ends it with 1.
"""

import os
import signal
import sys
import threading
import time

import grpc
from dapr.proto import api_service_v1, api_v1

STORE, A, B, PID = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
CONTENDERS, SECONDS, EXPIRY = 50, 4, 2
RESOURCE = f"contended-{os.getpid()}"
stubs = [api_service_v1.DaprStub(grpc.insecure_channel(f"127.0.0.1:{port}")) for port in (A, B)]


def lock(stub, owner, expiry):
    request = api_v1.TryLockRequest(store_name=STORE, resource_id=RESOURCE, lock_owner=owner, expiry_in_seconds=expiry)
    reply, call = stub.TryLockAlpha1.with_call(request, timeout=10)
    return reply.success, int(dict(call.initial_metadata()).get("octavo-fencing-token", 0))


def unlock(stub, owner):
    return stub.UnlockAlpha1(api_v1.UnlockRequest(store_name=STORE, resource_id=RESOURCE, lock_owner=owner), timeout=10).status


class Inside:
    """Who has the lock, as the contenders see it."""

    def __init__(self):
        self.guard, self.holder, self.count, self.token, self.by = threading.Lock(), None, 0, 0, [0, 0]

    def enter(self, owner, token, runtime):
        with self.guard:
            assert self.holder is None, f"{owner} and {self.holder} have the lock at the same time"
            assert token == 0 or token > self.token, f"the token {token} came after {self.token}"
            self.holder, self.token = owner, token
            self.count += 1
            self.by[runtime] += 1

    def leave(self):
        with self.guard:
            self.holder = None


inside = Inside()
problems = []


def contend(number, end):
    owner, runtime = f"contender-{number}", number % 2
    try:
        while time.monotonic() < end:
            got, token = lock(stubs[runtime], owner, 60)
            if not got:
                time.sleep(0.002)
                continue
            inside.enter(owner, token, runtime)
            time.sleep(0.001)
            inside.leave()
            assert unlock(stubs[runtime], owner) == api_v1.UnlockResponse.SUCCESS
    except BaseException as error:
        problems.append(error)


def together(body, count):
    threads = [threading.Thread(target=body, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]


end = time.monotonic() + SECONDS
together(lambda number: contend(number, end), CONTENDERS)
assert inside.count > 20 and min(inside.by) > 0, (inside.count, inside.by)

# Its holder's runtime dies: nobody has the lock before its time, then one has.
began = time.monotonic()
assert lock(stubs[0], "holder", EXPIRY)[0]
os.kill(PID, signal.SIGKILL)
won = []


def succeed(number):
    try:
        while not won and time.monotonic() < began + 30:
            got, token = lock(stubs[1], f"heir-{number}", 60)
            if got:
                won.append((time.monotonic(), number))
                inside.enter(f"heir-{number}", token, 1)
    except BaseException as error:
        problems.append(error)


together(succeed, CONTENDERS // 2)
assert len(won) == 1, won
assert won[0][0] >= began + EXPIRY, f"somebody had the lock {won[0][0] - began:.2f} s after it was taken for {EXPIRY} s"
print(f"{STORE}: the lock was had {inside.count} times in {SECONDS} s ({inside.by}), the last one {won[0][0] - began:.2f} s after a dead holder's")
