"""A stream that ends leaves the others of its topic and component alone. Arguments: the component, the octavo program, the admin socket."""

import json
import os
import queue
import subprocess
import sys
import threading
import time

import grpc
from dapr.clients import DaprClient
from dapr.proto.runtime.v1 import pubsub_pb2 as messages
from dapr.proto.runtime.v1 import dapr_pb2_grpc as services

PUBSUB, OCTAVO, ADMIN = sys.argv[1:]


class Stream:
    """A subscription of a group of its own, that says yes to everything."""

    def __init__(self, stub, topic, group):
        self.seen, self.opened, self.answers = queue.Queue(), threading.Event(), queue.Queue()
        first = messages.SubscribeTopicEventsRequestAlpha1()
        first.initial_request.pubsub_name, first.initial_request.topic = PUBSUB, topic
        first.initial_request.metadata["consumerID"] = group
        self.answers.put(first)
        self.call = stub.SubscribeTopicEventsAlpha1(iter(self.answers.get, None))
        self.ended = None
        threading.Thread(target=self.read, daemon=True).start()
        assert self.opened.wait(20)

    def read(self):
        try:
            for message in self.call:
                if message.HasField("initial_response"):
                    self.opened.set()
                    continue
                self.seen.put(message.event_message.data.decode())
                answer = messages.SubscribeTopicEventsRequestAlpha1()
                answer.event_processed.id = message.event_message.id
                self.answers.put(answer)
        except grpc.RpcError as error:
            self.ended = error.code()


def listed():
    answer = subprocess.run([OCTAVO, "subscription", "list", "--json", "--admin-socket", ADMIN], capture_output=True, check=True)
    return json.loads(answer.stdout)["subscriptions"]


channel = grpc.insecure_channel(f"127.0.0.1:{os.environ['DAPR_GRPC_PORT']}")
stub = services.DaprStub(channel)
with DaprClient() as client:
    streams = [Stream(stub, "orders", f"group {number}") for number in range(4)]
    other = Stream(stub, "others", "group 0")
    ended = 0
    for ending in ("half-close", "cancel"):
        for text in (f"{ending} {number}" for number in range(20)):
            client.publish_event(PUBSUB, "orders", text, data_content_type="text/plain")
            client.publish_event(PUBSUB, "others", text, data_content_type="text/plain")
            if text.endswith(" 10"):  # in the middle
                gone = streams.pop(0)
                gone.answers.put(None) if ending == "half-close" else gone.call.cancel()
        for stream in streams + [other]:
            seen = [stream.seen.get(timeout=20) for _ in range(20)]
            assert seen == [f"{ending} {number}" for number in range(20)], seen
            assert stream.ended is None
        ended += 1
        limit = time.monotonic() + 20
        while True:  # the answers, and the end of a stream, are on their way
            left = listed()
            right = len(left) == 5 - ended and all(
                one["state"] == "active" and one["origin"] == "streaming" and one["inFlight"] == 0 for one in left)
            if right or time.monotonic() > limit:
                break
            time.sleep(0.02)
        assert right, left
    for stream in streams + [other]:
        assert stream.seen.empty()
        stream.answers.put(None)
print("siblings")
