"""Streaming pull: on the wire, and through the client that programs use."""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from google import pubsub_v1 as api
from google.cloud import pubsub_v1 as high
from google.cloud.pubsub_v1.subscriber.message import Message

from conformance import docs
from conformance.case import case
from conformance.expect import PATIENCE, equal, eventually, holds, refused
from conformance.world import CALLED, Code, World, texts

FLOW = "max_outstanding_messages and max_outstanding_bytes of the first request bound what is out"


class Stream:
    """A stream whose requests a case sends one by one."""

    def __init__(self, w: World, **first) -> None:
        self.requests: queue.Queue = queue.Queue()
        self.send(**{"stream_ack_deadline_seconds": 60, **first})
        CALLED.add("streaming_pull")
        self.answers = w.clients.subscriber.streaming_pull(
            requests=iter(self.requests.get, None), retry=None, timeout=PATIENCE
        )

    def send(self, **request) -> None:
        self.requests.put(api.StreamingPullRequest(**request))

    def receive(self, number: int = 1) -> list[api.ReceivedMessage]:
        received: list[api.ReceivedMessage] = []
        while len(received) < number:
            received += next(self.answers).received_messages
        return received

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_) -> None:
        self.requests.put(None)
        self.answers.cancel()


def ended(w: World, code: Code, first: dict, *more: dict) -> None:
    """Fails unless the stream ends with this code."""

    def run() -> None:
        with Stream(w, **first) as stream:
            for request in more:
                stream.send(**request)
            for _ in stream.answers:
                pass

    refused(code, run, f"{first} {more}")


@case(docs.rpc("Subscriber.StreamingPull"))
def messages_come_and_are_acknowledged_on_it(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "before")
    with Stream(w, subscription=subscription) as stream:
        first = stream.receive()
        w.publish(topic, "after")
        second = stream.receive()
        equal(texts(first + second), ["before", "after"], "what came")
        stream.send(ack_ids=[one.ack_id for one in first + second])
        w.publish(topic, "end")
        # Comes again when all that was sent before has been done.
        stream.send(modify_deadline_ack_ids=[stream.receive()[0].ack_id], modify_deadline_seconds=[0])
        w.ack(subscription, stream.receive())
    w.quiet(subscription, 1)


@case(docs.rpc("Subscriber.StreamingPull"))
def a_deadline_of_zero_on_it_gives_back(w: World) -> None:
    topic, subscription = w.pair()
    ids = w.publish(topic, "again")
    with Stream(w, subscription=subscription) as stream:
        first = stream.receive()
        stream.send(modify_deadline_ack_ids=[first[0].ack_id], modify_deadline_seconds=[0])
        equal([one.message.message_id for one in stream.receive()], ids, "what comes again")


@case(docs.rpc("StreamingPullRequest"))
def its_subscription_must_be_there(w: World) -> None:
    ended(w, Code.NOT_FOUND, {"subscription": w.name("subscriptions", "missing")})
    ended(w, Code.INVALID_ARGUMENT, {"subscription": ""})


@case(docs.rpc("StreamingPullRequest"))
def its_deadline_is_ten_seconds_to_ten_minutes(w: World) -> None:
    _, subscription = w.pair()
    for number in [0, 9, 601]:
        ended(w, Code.INVALID_ARGUMENT, {"subscription": subscription, "stream_ack_deadline_seconds": number})


@case(docs.rpc("StreamingPullRequest"), differs_because=FLOW)
def settings_come_in_the_first_request_only(w: World) -> None:
    _, subscription = w.pair()
    for later in [{"subscription": subscription}, {"max_outstanding_messages": 5}, {"max_outstanding_bytes": 5}]:
        ended(w, Code.INVALID_ARGUMENT, {"subscription": subscription}, later)


@case(docs.rpc("StreamingPullRequest"))
def deadlines_fit_their_ack_ids(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    ack_id = w.pull(subscription)[0].ack_id
    first = {"subscription": subscription}
    for seconds in [[], [10, 20], [-1]]:
        later = {"modify_deadline_ack_ids": [ack_id], "modify_deadline_seconds": seconds}
        ended(w, Code.INVALID_ARGUMENT, first, later)


@case(docs.rpc("StreamingPullRequest"))
def a_malformed_ack_id_ends_it(w: World) -> None:
    _, subscription = w.pair()
    ended(w, Code.INVALID_ARGUMENT, {"subscription": subscription}, {"ack_ids": ["made up"]})


@case(docs.rpc("StreamingPullRequest"), differs_because=FLOW)
def no_more_messages_are_out_than_it_allows(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, *(str(n) for n in range(10)))
    with Stream(w, subscription=subscription, max_outstanding_messages=3) as stream:
        first = stream.receive(3)
        equal(len(first), 3, "messages that came")
        rest = w.pull(subscription, 7)
        w.nack(subscription, rest)
        stream.send(ack_ids=[first[0].ack_id])
        equal(len(stream.receive()), 1, "messages for the one acknowledged")


@case(docs.rpc("StreamingPullRequest"), differs_because=FLOW)
def no_more_bytes_are_out_than_it_allows(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, *(str(n) * 1000 for n in range(10)))
    with Stream(w, subscription=subscription, max_outstanding_bytes=2500) as stream:
        first = stream.receive(2)
        holds(len(first) <= 3, f"three messages reach the bound, {len(first)} came")
        w.pull(subscription, 7)


@case(
    docs.rpc("Subscriber.StreamingPull"),
    differs_because="what a stream that is gone had is for the others; Google's emulator does not notice a cancel",
)
def a_closed_stream_takes_no_more_messages(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "first")
    with Stream(w, subscription=subscription) as stream:
        stream.send(ack_ids=[stream.receive()[0].ack_id])
        w.publish(topic, "second")
        stream.send(ack_ids=[stream.receive()[0].ack_id])
    w.publish(topic, *(str(n) for n in range(200)))
    equal(len(w.pull(subscription, 200, within=5)), 200, "messages for the next consumer")


@case(docs.rpc("Subscriber.StreamingPull"), differs_because=FLOW)
def two_streams_share_the_messages(w: World) -> None:
    topic, subscription = w.pair()
    first = {"subscription": subscription, "max_outstanding_messages": 10}
    with Stream(w, **first) as one, Stream(w, **first) as other:
        w.publish(topic, *(str(n) for n in range(20)))
        equal(len(set(texts(one.receive(10) + other.receive(10)))), 20, "different messages")


@contextlib.contextmanager
def receiving(w: World, subscription: str, callback: Callable[[Message], Any]) -> Iterator[None]:
    """The client that programs use calls back for each message, until the block ends."""
    with high.SubscriberClient() as client:
        pulling = client.subscribe(subscription, callback)
        yield
        pulling.cancel()
        pulling.result(timeout=PATIENCE)


@case("https://cloud.google.com/pubsub/docs/pull#streamingpull_api")
def the_client_receives_each_message_once(w: World) -> None:
    topic, subscription = w.pair()
    for start in range(0, 500, 100):
        w.publish(topic, *(str(n) for n in range(start, start + 100)))
    seen: list[str] = []

    def receive(message) -> None:
        seen.append(message.data.decode())
        message.ack()

    with receiving(w, subscription, receive):
        eventually(lambda: len(seen) >= 500, "500 messages")
    equal(sorted(seen, key=int), [str(n) for n in range(500)], "messages")


@case("https://cloud.google.com/pubsub/docs/lease-management")
def the_client_keeps_a_lease_while_it_works(w: World) -> None:
    topic, subscription = w.pair(ack_deadline_seconds=10)
    w.publish(topic, "slow")
    attempts, done = [], threading.Event()

    def receive(message) -> None:
        attempts.append(message.message_id)
        done.wait(13)
        message.ack()

    with receiving(w, subscription, receive):
        eventually(lambda: attempts, "the message")
        holds(not done.wait(13), "thirteen seconds of work")
        w.quiet(subscription, 0.3)
    equal(len(attempts), 1, "deliveries")


@case("https://cloud.google.com/pubsub/docs/pull#streamingpull_api")
def the_client_gets_a_nacked_message_again(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    seen: list[str] = []

    def receive(message) -> None:
        seen.append(message.message_id)
        message.nack() if len(seen) < 3 else message.ack()

    with receiving(w, subscription, receive):
        eventually(lambda: len(seen) == 3, "three deliveries")
    equal(len(set(seen)), 1, "different messages")
