"""Drops a message and finds it with the dead letters of its queue. Arguments: the component's name, the topic, another component that
reads the exchange of dead letters."""

import sys

from dapr.clients import DaprClient

PUBSUB, TOPIC, OTHER = sys.argv[1:]
with DaprClient() as client:
    subscription = client.subscribe(pubsub_name=PUBSUB, topic=TOPIC)
    dead = client.subscribe(pubsub_name=OTHER, topic=f"dlx-demo-{TOPIC}")
    client.publish_event(PUBSUB, TOPIC, "unwanted", data_content_type="text/plain")
    message = subscription.next_message()
    assert message.data() == "unwanted"
    subscription.respond_drop(message)
    message = dead.next_message()
    assert message.data() == "unwanted" and message.extensions()["topic"] == TOPIC, message.data()
    dead.respond_success(message)
    # It does not come again: the next one is another.
    client.publish_event(PUBSUB, TOPIC, "next", data_content_type="text/plain")
    message = subscription.next_message()
    assert message.data() == "next", message.data()
    subscription.respond_success(message)
    subscription.close()
    dead.close()
