"""Subscribers of one app share the messages of a broker with consumer groups; whatever is killed, none is lost.

Arguments: the component's name; --joined for a broker that keeps messages for groups that have been there once; and for killing:
the plugin's name, the octavo program, the admin socket.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

from dapr.clients import DaprClient
from dapr.clients.grpc.subscription import StreamCancelledError, StreamInactiveError

JOINED = "--joined" in sys.argv
if JOINED:
    sys.argv.remove("--joined")
# A program that says how many messages are unsettled.
PENDING = [argument.partition("=")[2].split() for argument in sys.argv if argument.startswith("--pending=")]
sys.argv = [argument for argument in sys.argv if not argument.startswith("--pending=")]
PUBSUB = sys.argv[1]


class Reader:
    """Answers everything with success and writes down what came."""

    def __init__(self, client, topic):
        self.seen = []
        self.subscription = client.subscribe(pubsub_name=PUBSUB, topic=topic)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                message = self.subscription.next_message()
            except (StreamInactiveError, StreamCancelledError, Exception):
                return
            if message is None:
                continue
            self.seen.append(message.data())
            self.subscription.respond_success(message)

    def close(self):
        self.subscription.close()
        self.thread.join(10)


def await_all(wanted, readers, seconds=30):
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        seen = [data for reader in readers for data in reader.seen]
        if wanted <= set(seen):
            return seen
        time.sleep(0.01)
    missing = wanted - {data for reader in readers for data in reader.seen}
    raise AssertionError(f"{len(missing)} messages were lost, {sorted(missing)[:5]} among them")


with DaprClient() as client:
    readers = [Reader(client, "shared") for _ in range(2)]
    wanted = {f"m {number}" for number in range(300)}
    for text in sorted(wanted):
        client.publish_event(PUBSUB, "shared", text, data_content_type="text/plain")
    seen = await_all(wanted, readers)
    assert len(seen) == len(wanted), f"{len(seen)} deliveries of {len(wanted)} messages"
    # The SDK drops answers that it has not sent when it closes: they are waited for.
    limit = time.monotonic() + 30
    for command in PENDING:
        while not subprocess.run(command, capture_output=True, check=True).stdout.startswith(b"0"):
            assert time.monotonic() < limit, "messages are left unsettled"
            time.sleep(0.05)
    for reader in readers:
        reader.close()

    # What was published while nobody listened comes later; what fails comes again; what is dropped goes to the dead letters.
    if JOINED:
        client.subscribe(pubsub_name=PUBSUB, topic="later").close()
    client.publish_event(PUBSUB, "later", "first", data_content_type="text/plain")
    client.publish_event(PUBSUB, "later", "second", data_content_type="text/plain")
    later = client.subscribe(pubsub_name=PUBSUB, topic="later")
    message = later.next_message()
    assert message.data() == "first", message.data()
    later.respond_retry(message)
    got = []
    while got.count("first") < 1 or got.count("second") < 1:
        message = later.next_message()
        got.append(message.data())
        later.respond_success(message)
    later.close()
    dropping = client.subscribe(pubsub_name=PUBSUB, topic="dropped", dead_letter_topic="graveyard")
    dead = client.subscribe(pubsub_name=PUBSUB, topic="graveyard")
    client.publish_event(PUBSUB, "dropped", "unwanted", data_content_type="text/plain")
    dropping.respond_drop(dropping.next_message())
    message = dead.next_message()
    assert message.data() == "unwanted" and message.extensions()["topic"] == "dropped"
    dead.respond_success(message)
    dropping.close()
    dead.close()

    if len(sys.argv) > 2:
        plugin, octavo, admin = sys.argv[2:]
        readers = [Reader(client, "stormy") for _ in range(2)]
        wanted, doubled = set(), 0
        for death in range(5):
            described = subprocess.run([octavo, "plugin", "describe", plugin, "--json", "--admin-socket", admin],
                                       capture_output=True, check=True)
            pid = json.loads(described.stdout)["summary"]["processID"]
            for number in range(60):
                text = f"{death} {number}"
                try:
                    client.publish_event(PUBSUB, "stormy", text, data_content_type="text/plain")
                    wanted.add(text)
                except Exception:
                    pass  # not acknowledged
                if number == 30 and pid:
                    os.kill(pid, signal.SIGKILL)
        seen = await_all(wanted, readers)
        print(f"lost 0 of {len(wanted)}, delivered twice {len(seen) - len(set(seen))}")
        for reader in readers:
            reader.close()
print("shared")
