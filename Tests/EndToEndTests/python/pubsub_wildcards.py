"""Topics with wildcards, and what the server keeps for later subscribers. Argument: the component's name."""

import sys

import grpc
from dapr.clients import DaprClient

PUBSUB = sys.argv[1]
with DaprClient() as client:
    one = client.subscribe(pubsub_name=PUBSUB, topic="house/+/heat")
    all_of_it = client.subscribe(pubsub_name=PUBSUB, topic="house/#")
    for topic in ("house/a/heat", "house/b/light", "house/b/heat", "garden/b/heat"):
        client.publish_event(PUBSUB, topic, topic, data_content_type="text/plain")
    for subscription, wanted in ((one, ["house/a/heat", "house/b/heat"]), (all_of_it, ["house/a/heat", "house/b/light", "house/b/heat"])):
        for topic in wanted:
            message = subscription.next_message()
            assert message.data() == topic, message.data()
            assert message.extensions()["topic"] == topic
            subscription.respond_success(message)
    client.publish_event(PUBSUB, "kept", "for later", data_content_type="text/plain", publish_metadata={"retain": "true"})
    later = client.subscribe(pubsub_name=PUBSUB, topic="kept")
    message = later.next_message()
    assert message.data() == "for later"
    later.respond_success(message)
    # A topic that the server would close everybody's connection for.
    for topic in ("a/+", "a/#", "line\nbreak"):
        try:
            client.publish_event(PUBSUB, topic, "x", data_content_type="text/plain")
        except grpc.RpcError as error:
            assert "topic" in error.details(), error.details()
        else:
            raise AssertionError(topic)
    for subscription in (one, all_of_it, later):
        subscription.close()
