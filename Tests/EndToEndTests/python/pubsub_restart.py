"""Publishes and hears while the broker is killed and started again: nothing that was acknowledged is lost.

Arguments: the component's name, how often the broker goes. Says "round N" when it may go, in the middle of things.
"""

import sys
import threading
import time

import grpc
from dapr.clients import DaprClient

PUBSUB, ROUNDS = sys.argv[1], int(sys.argv[2])
seen = []


def read(subscription):
    while True:
        try:
            message = subscription.next_message()
        except Exception:
            return
        if message is not None:
            seen.append(message.data())
            subscription.respond_success(message)


with DaprClient() as client:
    subscription = client.subscribe(pubsub_name=PUBSUB, topic="restarted")
    threading.Thread(target=read, args=(subscription,), daemon=True).start()
    # What is left of a run before may come, too.
    client.publish_event(PUBSUB, "restarted", "first", data_content_type="text/plain")
    limit = time.monotonic() + 30
    while "first" not in seen:
        assert time.monotonic() < limit, "nothing comes at all"
        time.sleep(0.01)
    run = f"{time.time()}"
    wanted, refusals, number = set(), [], 0
    for turn in range(1, ROUNDS + 1):
        good, failed, deadline = 0, 0, time.monotonic() + 60
        # Until the broker has been away, and is back for a while.
        while failed == 0 or good < 300:
            assert time.monotonic() < deadline, f"{good} publications succeeded, {failed} failed"
            text = f"{run} {number}"
            number += 1
            try:
                client.publish_event(PUBSUB, "restarted", text, data_content_type="text/plain")
            except grpc.RpcError as error:
                if failed == 0:
                    good = 0
                failed += 1
                refusals.append((error.code(), error.details()))
                time.sleep(0.02)
                continue
            wanted.add(text)
            good += 1
            if good == 100 and failed == 0:
                print(f"round {turn}", flush=True)
    limit = time.monotonic() + 40
    while not wanted <= set(seen) and time.monotonic() < limit:
        time.sleep(0.01)
    mine = [text for text in seen if text.startswith(run)]
    lost = len(wanted - set(mine))
    print(f"{len(wanted)} acknowledged, {len(refusals)} refused, lost {lost}, delivered twice {len(mine) - len(set(mine))}", flush=True)
    assert lost == 0, sorted(wanted - set(mine))
    codes = {code for code, _ in refusals}
    assert codes == {grpc.StatusCode.UNAVAILABLE}, codes
    assert all(PUBSUB in details for _, details in refusals), refusals[:3]
    subscription.close()
