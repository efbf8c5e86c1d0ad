"""A broker is killed by the test while messages are published and consumed; none that was acknowledged is lost.

Arguments: the component's name, and how often it is killed. Says "kill N" when it is to be killed for the Nth time.
"""

import sys
import threading
import time

from dapr.clients import DaprClient

PUBSUB, KILLS = sys.argv[1], int(sys.argv[2])
seen, refused = [], 0


def read(client):
    """Answers everything with success; a subscription that ends is opened again."""
    while True:
        try:
            subscription = client.subscribe(pubsub_name=PUBSUB, topic="stormy")
            while True:
                message = subscription.next_message()
                if message is None:
                    continue
                seen.append(message.data())
                subscription.respond_success(message)
        except Exception:
            time.sleep(0.05)


with DaprClient() as client:
    for _ in range(2):
        threading.Thread(target=read, args=(client,), daemon=True).start()
    wanted = set()
    for round in range(1, KILLS + 1):
        failed = number = since = 0
        # The kill falls into these; it goes on until the broker is back and has taken 100 more.
        while since < 100 and number < 50000:
            text = f"{round} {number}"
            number += 1
            if number == 60:
                print(f"kill {round}", flush=True)
            try:
                client.publish_event(PUBSUB, "stormy", text, data_content_type="text/plain")
                wanted.add(text)
                since = since + 1 if failed else 0
            except Exception:
                failed += 1
                since = 0
                time.sleep(0.02)
        refused += failed
    limit = time.monotonic() + 30
    while time.monotonic() < limit and not wanted <= set(seen):
        time.sleep(0.02)
    lost = wanted - set(seen)
    assert not lost, f"{len(lost)} of {len(wanted)} messages were lost, {sorted(lost)[:5]} among them"
    print(f"lost 0 of {len(wanted)}, refused {refused}, delivered twice {len(seen) - len(set(seen))}")
