"""Publishes one event in a trace and takes it from a stream. Arguments: the port of the gRPC API, the traceparent."""

import queue
import sys

import grpc
from dapr.proto import api_service_v1, api_v1

stub = api_service_v1.DaprStub(grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}"))
requests = queue.Queue()
initial = api_v1.SubscribeTopicEventsRequestInitialAlpha1(pubsub_name="bus", topic="streamed")
requests.put(api_v1.SubscribeTopicEventsRequestAlpha1(initial_request=initial))
stream = stub.SubscribeTopicEventsAlpha1(iter(requests.get, None), timeout=30)
next(stream)
stub.PublishEvent(
    api_v1.PublishEventRequest(pubsub_name="bus", topic="streamed", data=b"x", data_content_type="text/plain"),
    metadata=(("traceparent", sys.argv[2]),), timeout=10)
event = next(stream).event_message
assert sys.argv[2][:36] == event.extensions["traceparent"][:36], event.extensions
processed = api_v1.SubscribeTopicEventsRequestProcessedAlpha1(id=event.id)
processed.status.status = 0
requests.put(api_v1.SubscribeTopicEventsRequestAlpha1(event_processed=processed))
requests.put(None)
for _ in stream:
    pass
