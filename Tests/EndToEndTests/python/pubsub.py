"""The Dapr SDK publishes and hears of topics over streams. Arguments: the component's name."""

import json
import sys
import threading

from dapr.clients import DaprClient

PUBSUB = sys.argv[1]
COUNT = 300


def ask_all(subscription, count):
    return [subscription.next_message() for _ in range(count)]


with DaprClient() as client:
    orders = client.subscribe(pubsub_name=PUBSUB, topic="orders", dead_letter_topic="dead")
    dead = client.subscribe(pubsub_name=PUBSUB, topic="dead")
    second = client.subscribe(pubsub_name=PUBSUB, topic="orders", metadata={"consumerID": "another"})

    # What is published comes, in order, to every group of subscribers, with its content type and its extensions.
    for number in range(COUNT):
        client.publish_event(PUBSUB, "orders", json.dumps({"n": number}), data_content_type="application/json")
    for subscription in (orders, second):
        for number in range(COUNT):
            message = subscription.next_message()
            assert message.data() == {"n": number}, message.data()
            assert message.topic() == "orders" and message.pubsub_name() == PUBSUB
            assert message.type() == "com.dapr.event.sent" and message.data_content_type() == "application/json"
            assert message.extensions()["topic"] == "orders" and message.extensions()["pubsubname"] == PUBSUB
            subscription.respond_success(message)

    # Text, bytes, an event of the app's own, metadata.
    client.publish_event(PUBSUB, "orders", "text", data_content_type="text/plain",
                         publish_metadata={"cloudevent.id": "mine", "cloudevent.type": "a.type"})
    message = orders.next_message()
    assert (message.id(), message.type(), message.data()) == ("mine", "a.type", "text")
    orders.respond_success(message)
    client.publish_event(PUBSUB, "orders", bytes(range(256)), data_content_type="application/octet-stream")
    message = orders.next_message()
    assert message.raw_data() == bytes(range(256))
    orders.respond_success(message)
    client.publish_event(PUBSUB, "orders", json.dumps({"id": "ce", "source": "me", "data": [1]}),
                         data_content_type="application/cloudevents+json")
    message = orders.next_message()
    assert (message.id(), message.source()) == ("ce", "me")
    orders.respond_success(message)
    ask = ask_all(second, 3)
    for message in ask:
        second.respond_success(message)

    # What is dropped goes to the dead-letter topic as it was; what fails, too, unless there is none: then it comes again.
    client.publish_event(PUBSUB, "orders", "unwanted", data_content_type="text/plain")
    orders.respond_drop(orders.next_message())
    message = dead.next_message()
    assert message.data() == "unwanted" and message.topic() == "dead" and message.extensions()["topic"] == "orders"
    dead.respond_success(message)
    for _ in range(3):
        message = second.next_message()
        assert message.data() == "unwanted"
        second.respond_retry(message)
    second.respond_success(second.next_message())

    # Many at once.
    entries = [f"bulk {number}" for number in range(100)]
    response = client.publish_events(PUBSUB, "orders", entries, data_content_type="text/plain")
    assert not response.failed_entries
    for subscription in (orders, second):
        messages = ask_all(subscription, len(entries))
        assert [message.data() for message in messages] == entries
        for message in messages:
            subscription.respond_success(message)

    # Callers side by side.
    def publish(worker):
        for number in range(50):
            client.publish_event(PUBSUB, "orders", f"{worker} {number}", data_content_type="text/plain")

    threads = [threading.Thread(target=publish, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    seen = ask_all(orders, 200)
    for thread in threads:
        thread.join()
    for worker in range(4):
        mine = [message.data() for message in seen if message.data().startswith(f"{worker} ")]
        assert mine == [f"{worker} {number}" for number in range(50)], mine
    for message in seen:
        orders.respond_success(message)

    for call, code, reason in [
        (lambda: client.publish_event("nobody", "t", "x"), "INVALID_ARGUMENT", "not found"),
        (lambda: client.publish_event(PUBSUB, "t", "x", publish_metadata={"rawPayload": "maybe"}), "INVALID_ARGUMENT", "rawPayload"),
        (lambda: client.publish_event(PUBSUB, "t", "[", data_content_type="application/cloudevents+json"), "INVALID_ARGUMENT",
         "cloudevent"),
    ]:
        try:
            call()
        except Exception as error:
            assert error.code().name == code and reason in error.details(), error
        else:
            raise AssertionError(f"no error that says {reason}")
    for subscription in (orders, dead, second):
        subscription.close()
print("pubsub")
