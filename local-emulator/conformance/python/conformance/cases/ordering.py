"""Messages with an ordering key."""

import time

from google import pubsub_v1 as api

from conformance import docs
from conformance.case import case
from conformance.cases.streaming import receiving
from conformance.expect import PATIENCE, equal, eventually, holds
from conformance.world import World, texts

HOLDS_BACK = "redelivery of a message of a key redelivers all later messages of the key, also the acknowledged ones"


def keyed(key: str, *data: str) -> list[api.PubsubMessage]:
    return [api.PubsubMessage(data=one.encode(), ordering_key=key) for one in data]


def in_order(w: World, subscription: str, number: int) -> list[str]:
    """Pulls and acknowledges one by one."""
    seen: list[str] = []
    while len(seen) < number:
        received = w.pull(subscription)
        seen += texts(received)
        w.ack(subscription, received)
    return seen


@case(docs.ORDERING)
def one_key_keeps_its_order(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    numbers = [str(n) for n in range(30)]
    for start in range(0, 30, 5):
        w.publish(topic, *keyed("a", *numbers[start : start + 5]))
    equal(in_order(w, subscription, 30), numbers, "the order")


@case(docs.ORDERING)
def a_batch_of_a_key_comes_in_order(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    numbers = [str(n) for n in range(30)]
    w.publish(topic, *keyed("a", *numbers))
    seen: list[str] = []
    while len(seen) < 30:
        received = w.pull(subscription)
        received += w.look(subscription)
        seen += texts(received)
        w.ack(subscription, received)
    equal(seen, numbers, "the order")


@case(docs.ORDERING)
def the_key_is_delivered(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    w.publish(topic, *keyed("a", "x"))
    equal(w.pull(subscription)[0].message.ordering_key, "a", "the key")


@case(docs.ORDERING)
def keys_do_not_wait_for_each_other(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    w.publish(topic, *keyed("a", "a1"))
    w.pull(subscription)
    w.publish(topic, *keyed("a", "a2"), *keyed("b", "b1"), api.PubsubMessage(data=b"free"))
    seen: set[str] = set()

    def both() -> bool:
        seen.update(texts(w.look(subscription)))
        return {"b1", "free"} <= seen

    eventually(both, "messages of another key and of none", within=3)


@case(docs.ORDERING, differs_because=HOLDS_BACK)
def a_nack_keeps_the_order(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    w.publish(topic, *keyed("a", "1", "2", "3", "4"))
    first = w.pull(subscription)
    first += w.look(subscription)
    equal(texts(first)[0], "1", "the first")
    w.nack(subscription, first[:1])
    equal(in_order(w, subscription, 4), ["1", "2", "3", "4"], "the order over the nack")


@case(docs.ORDERING)
def an_expired_deadline_keeps_the_order(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    w.publish(topic, *keyed("a", "1", "2", "3"))
    first = w.pull(subscription)
    first += w.look(subscription)
    w.deadline(subscription, first, 1)
    time.sleep(1.2)
    equal(in_order(w, subscription, 3), ["1", "2", "3"], "the order over the deadline")


@case(docs.ORDERING, differs_because=HOLDS_BACK)
def what_is_held_back_comes_in_order_after_back_off(w: World) -> None:
    policy = api.RetryPolicy(minimum_backoff={"seconds": 1}, maximum_backoff={"seconds": 1})
    topic, subscription = w.pair(enable_message_ordering=True, retry_policy=policy)
    w.publish(topic, *keyed("a", "1", "2", "3"))
    first = w.pull(subscription)
    first += w.look(subscription)
    w.nack(subscription, first)
    equal(in_order(w, subscription, 3), ["1", "2", "3"], "the order over the back-off")


@case(docs.ORDERING)
def without_the_setting_keys_hold_nothing_back(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, *keyed("a", "1"))
    w.pull(subscription)
    w.publish(topic, *keyed("a", "2"))
    equal(texts(w.pull(subscription, within=3)), ["2"], "what comes while the first is out")


@case(docs.ORDERING)
def the_clients_keep_the_order_together(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    publisher = w.high_publisher(enable_message_ordering=True)
    sent = [publisher.publish(topic, f"{key}{n}".encode(), ordering_key=key) for n in range(50) for key in "abc"]
    for one in sent:
        one.result(timeout=PATIENCE)
    seen: list[str] = []

    def receive(message) -> None:
        seen.append(message.data.decode())
        message.ack()

    with receiving(w, subscription, receive):
        eventually(lambda: len(seen) >= 150, "150 messages")
    for key in "abc":
        first_seen = list(dict.fromkeys(one for one in seen if one[0] == key))
        equal(first_seen, [f"{key}{n}" for n in range(50)], f"the order of {key}")
    holds(len(set(seen)) == 150, "all messages")
