"""A stream that does not answer gets the message again, three times, and then it is a dead letter. Argument: the component."""

import sys

from dapr.clients import DaprClient

PUBSUB = sys.argv[1]
with DaprClient() as client:
    dead = client.subscribe(pubsub_name=PUBSUB, topic="dead")
    orders = client.subscribe(pubsub_name=PUBSUB, topic="orders", dead_letter_topic="dead")
    client.publish_event(PUBSUB, "orders", "x", data_content_type="text/plain")
    for _ in range(4):
        assert orders.next_message().data() == "x"
    message = dead.next_message()
    assert message.data() == "x"
    dead.respond_success(message)
    orders.close()
    dead.close()
print("unanswered")
