"""What a publisher may send, and what becomes of it."""

import datetime

from google import pubsub_v1 as api

from conformance import docs
from conformance.case import case
from conformance.expect import PATIENCE, equal, holds, refused
from conformance.world import Code, World

BOUNDED = "the resource limits of the service, over which it answers INVALID_ARGUMENT"
KEYS = "an attribute's key is not empty and does not begin with goog"


def attributes(**named) -> api.PubsubMessage:
    return api.PubsubMessage(attributes=named)


@case(docs.rpc("PublishResponse"))
def each_message_gets_an_id_of_its_own(w: World) -> None:
    topic = w.topic()
    ids = w.publish(topic, *(str(n) for n in range(100))) + w.publish(topic, "another")
    equal((len(ids), len(set(ids))), (101, 101), "ids and different ids")


@case(docs.rpc("PublishResponse"))
def ids_come_in_the_order_of_the_messages(w: World) -> None:
    topic, subscription = w.pair()
    ids = w.publish(topic, *(str(n) for n in range(20)))
    received = {one.message.message_id: one.message.data.decode() for one in w.pull(subscription, 20)}
    equal([received[one] for one in ids], [str(n) for n in range(20)], "data by id")


@case(docs.rpc("PubsubMessage"))
def an_empty_message_is_refused(w: World) -> None:
    topic = w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, api.PubsubMessage()), "no data, no attribute")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, "good", api.PubsubMessage()), "one of two")


@case(docs.rpc("PubsubMessage"))
def attributes_are_enough(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, attributes(kind="bare"))
    message = w.pull(subscription)[0].message
    equal((message.data, dict(message.attributes)), (b"", {"kind": "bare"}), "the message")


@case(docs.rpc("PublishRequest"))
def a_request_without_messages_is_refused(w: World) -> None:
    topic = w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic))


@case(docs.LIMITS)
def a_request_has_at_most_a_thousand_messages(w: World) -> None:
    topic = w.topic()
    equal(len(w.publish(topic, *["x"] * 1000)), 1000, "ids")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, *["x"] * 1001), "1001 messages")


@case(docs.LIMITS, differs_because=BOUNDED)
def a_message_has_at_most_ten_megabytes(w: World) -> None:
    topic = w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, api.PubsubMessage(data=b"x" * 10_000_001)))


@case(docs.LIMITS)
def a_large_message_arrives_whole(w: World) -> None:
    topic, subscription = w.pair()
    data = bytes(range(256)) * 37_000
    w.publish(topic, api.PubsubMessage(data=data))
    holds(w.pull(subscription)[0].message.data == data, "the same 9.5 MB come back")


@case(docs.LIMITS, differs_because=BOUNDED)
def a_message_has_at_most_a_hundred_attributes(w: World) -> None:
    topic = w.topic()
    w.publish(topic, api.PubsubMessage(attributes={f"key-{n}": "x" for n in range(100)}))
    many = api.PubsubMessage(attributes={f"key-{n}": "x" for n in range(101)})
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, many), "101 attributes")


@case(docs.LIMITS, differs_because=BOUNDED)
def attributes_keep_to_their_sizes(w: World) -> None:
    topic = w.topic()
    w.publish(topic, api.PubsubMessage(attributes={"k" * 256: "v" * 1024}))
    long_key = api.PubsubMessage(attributes={"k" * 257: "v"})
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, long_key), "a key of 257 bytes")
    long_value = api.PubsubMessage(attributes={"k": "v" * 1025})
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, long_value), "a value of 1025 bytes")


@case(docs.ATTRIBUTES, differs_because=KEYS)
def attribute_keys_are_not_empty(w: World) -> None:
    topic = w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, api.PubsubMessage(data=b"x", attributes={"": "v"})))


@case(docs.ATTRIBUTES, differs_because=KEYS)
def attribute_keys_of_google_are_refused(w: World) -> None:
    topic = w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, attributes(googclient="x", other="y")))


@case(docs.LIMITS, differs_because=BOUNDED)
def an_ordering_key_has_at_most_a_kilobyte(w: World) -> None:
    topic = w.topic()
    w.publish(topic, api.PubsubMessage(data=b"x", ordering_key="k" * 1024))
    long_key = api.PubsubMessage(data=b"x", ordering_key="k" * 1025)
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, long_key))


@case(docs.rpc("PubsubMessage"))
def any_text_and_any_bytes_come_back(w: World) -> None:
    topic, subscription = w.pair()
    named = {"ключ": "значение", "emoji-🦀": "🚜🌾", "line\nbreak": 'tab\tquote"\\', "empty": "", "nul": "a\0b"}
    data = bytes(range(256))
    w.publish(topic, api.PubsubMessage(data=data, attributes=named, ordering_key="ключ"))
    message = w.pull(subscription)[0].message
    equal((message.data, dict(message.attributes), message.ordering_key), (data, named, "ключ"), "the message")


@case(docs.rpc("PubsubMessage"))
def the_server_gives_id_and_time(w: World) -> None:
    topic, subscription = w.pair()
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    ids = w.publish(topic, api.PubsubMessage(data=b"x", message_id="mine", publish_time=past))
    message = w.pull(subscription)[0].message
    equal([message.message_id], ids, "the id")
    holds(message.message_id != "mine", "a publisher's id is not taken")
    age = datetime.datetime.now(datetime.UTC) - message.publish_time
    holds(abs(age.total_seconds()) < 60, f"published now, not {message.publish_time}")


@case(docs.BATCHES)
def batches_of_the_client_arrive_whole(w: World) -> None:
    topic, subscription = w.pair()
    publisher = w.high_publisher()
    sent = [publisher.publish(topic, str(n).encode(), n=str(n)) for n in range(500)]
    ids = {one.result(timeout=PATIENCE) for one in sent}
    received = w.pull(subscription, 500)
    equal({one.message.message_id for one in received}, ids, "ids")


@case(docs.ERRORS)
def the_client_tells_of_a_missing_topic(w: World) -> None:
    sent = w.high_publisher().publish(w.name("topics", "missing"), b"x", retry=None)
    refused(Code.NOT_FOUND, lambda: sent.result(timeout=PATIENCE))
