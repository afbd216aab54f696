"""Pull, acknowledge, deadlines."""

import threading
import time

from google import pubsub_v1 as api

from conformance import docs
from conformance.case import case
from conformance.expect import between, equal, holds, refused
from conformance.world import Code, World, texts

BACK_OFF = "the retry policy's minimum_backoff lies between two deliveries of a message, also after a nack"


def until_it_returns(w: World, subscription: str) -> tuple[float, list[api.ReceivedMessage]]:
    """Seconds from now until a message comes, and the message."""
    started = time.monotonic()
    received = w.pull(subscription)
    return time.monotonic() - started, received


@case(docs.rpc("ReceivedMessage"))
def a_received_message_is_complete(w: World) -> None:
    topic, subscription = w.pair()
    ids = w.publish(topic, api.PubsubMessage(data=b"text", attributes={"a": "b"}))
    received = w.pull(subscription)[0]
    equal((received.message.data, dict(received.message.attributes)), (b"text", {"a": "b"}), "the message")
    equal([received.message.message_id], ids, "the id")
    holds(received.ack_id, "an ack id")
    equal(received.delivery_attempt, 0, "attempts, without a dead letter policy")


@case(docs.rpc("PullRequest"), differs_because="max_messages must be a positive integer")
def the_number_asked_for_is_positive(w: World) -> None:
    _, subscription = w.pair()
    for number in [0, -1]:
        refused(Code.INVALID_ARGUMENT, lambda: w.look(subscription, number), f"{number} messages")


@case(docs.rpc("PullRequest"))
def no_more_come_than_asked_for(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, *(str(n) for n in range(10)))
    holds(len(w.look(subscription, 3)) <= 3, "at most three")


@case(docs.rpc("PullRequest"))
def nothing_there_is_an_empty_answer(w: World) -> None:
    _, subscription = w.pair()
    equal(w.look(subscription), [], "what is there")


@case(docs.rpc("PullRequest"))
def it_waits_for_a_message(w: World) -> None:
    topic, subscription = w.pair()
    later = threading.Timer(0.3, lambda: w.publish(topic, "late"))
    later.start()
    request = api.PullRequest(subscription=subscription, max_messages=1)
    equal(texts(w.subscriber.pull(request).received_messages), ["late"], "what came")
    later.join()


@case(docs.rpc("Subscriber.Acknowledge"))
def an_acknowledged_message_is_gone(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "done", "left")
    received = w.pull(subscription, 2)
    w.ack(subscription, [one for one in received if one.message.data == b"done"])
    w.nack(subscription, received)
    equal(texts(w.pull(subscription)), ["left"], "what comes again")
    w.quiet(subscription)


@case(docs.rpc("Subscriber.Acknowledge"))
def acknowledging_twice_is_no_error(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    received = w.pull(subscription)
    w.ack(subscription, received)
    w.ack(subscription, received)


@case(docs.rpc("Subscriber.Acknowledge"))
def a_late_acknowledgement_is_no_error(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    received = w.pull(subscription)
    w.deadline(subscription, received, 1)
    time.sleep(1.5)
    w.ack(subscription, received)


@case(docs.rpc("AcknowledgeRequest"))
def ack_ids_must_not_be_empty(w: World) -> None:
    _, subscription = w.pair()
    refused(Code.INVALID_ARGUMENT, lambda: w.ack(subscription, []), "acknowledge")
    refused(Code.INVALID_ARGUMENT, lambda: w.deadline(subscription, [], 10), "modify deadline")


@case(docs.rpc("StreamingPullRequest"))
def a_malformed_ack_id_is_refused(w: World) -> None:
    _, subscription = w.pair()
    made_up = [api.ReceivedMessage(ack_id="made up")]
    refused(Code.INVALID_ARGUMENT, lambda: w.ack(subscription, made_up), "acknowledge")
    refused(Code.INVALID_ARGUMENT, lambda: w.deadline(subscription, made_up, 10), "modify deadline")


@case(docs.rpc("AcknowledgeRequest"))
def an_ack_id_is_good_for_its_subscription_only(w: World) -> None:
    topic, subscription = w.pair()
    other = w.subscription(topic, "other")
    w.publish(topic, "x")
    received = w.pull(subscription)
    refused(Code.INVALID_ARGUMENT, lambda: w.ack(other, received), "acknowledge")
    refused(Code.INVALID_ARGUMENT, lambda: w.deadline(other, received, 10), "modify deadline")
    equal(texts(w.pull(other)), ["x"], "what the other still has")


@case(docs.rpc("Subscriber.ModifyAckDeadline"))
def a_nacked_message_comes_again_at_once(w: World) -> None:
    topic, subscription = w.pair()
    ids = w.publish(topic, "again")
    w.nack(subscription, w.pull(subscription))
    waited, received = until_it_returns(w, subscription)
    equal([one.message.message_id for one in received], ids, "the same message")
    holds(waited < 3, f"at once, not after {waited:.1f} s")


@case(docs.rpc("Subscription"))
def a_leased_message_comes_to_nobody_else(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    w.pull(subscription)
    w.quiet(subscription, 1.5)


@case(docs.rpc("Subscription"))
def after_the_deadline_it_comes_again(w: World) -> None:
    topic, subscription = w.pair(ack_deadline_seconds=10)
    w.publish(topic, "x")
    w.pull(subscription)
    waited, _ = until_it_returns(w, subscription)
    between(waited, 9, 17, "the deadline of ten seconds")


@case(docs.rpc("ModifyAckDeadlineRequest"))
def a_deadline_can_be_cut_short(w: World) -> None:
    topic, subscription = w.pair(ack_deadline_seconds=600)
    w.publish(topic, "x")
    w.deadline(subscription, w.pull(subscription), 1)
    waited, _ = until_it_returns(w, subscription)
    between(waited, 0.8, 5, "the deadline of one second")


@case(docs.rpc("ModifyAckDeadlineRequest"))
def an_extension_counts_from_the_call(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    received = w.pull(subscription)
    w.deadline(subscription, received, 2)
    w.quiet(subscription, 1)
    w.deadline(subscription, received, 3)
    w.quiet(subscription, 2)
    w.pull(subscription)


@case(docs.rpc("ModifyAckDeadlineRequest"), differs_because="the maximum deadline in one request is 600 seconds")
def a_deadline_is_at_most_ten_minutes(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    received = w.pull(subscription)
    w.deadline(subscription, received, 600)
    for number in [-1, 601]:
        refused(Code.INVALID_ARGUMENT, lambda: w.deadline(subscription, received, number), f"{number} s")


@case(docs.RETRY, differs_because=BACK_OFF)
def back_off_holds_a_nacked_message_back(w: World) -> None:
    policy = api.RetryPolicy(minimum_backoff={"seconds": 2}, maximum_backoff={"seconds": 2})
    topic, subscription = w.pair(retry_policy=policy)
    w.publish(topic, "x")
    w.nack(subscription, w.pull(subscription))
    waited, _ = until_it_returns(w, subscription)
    between(waited, 1.5, 6, "back-off of two seconds")


@case(docs.RETRY)
def back_off_grows_with_each_try(w: World) -> None:
    policy = api.RetryPolicy(minimum_backoff={"nanos": 250_000_000}, maximum_backoff={"seconds": 60})
    topic, subscription = w.pair(retry_policy=policy)
    w.publish(topic, "x")
    received, waits = w.pull(subscription), []
    for _ in range(4):
        w.nack(subscription, received)
        waited, received = until_it_returns(w, subscription)
        waits.append(waited)
    holds(waits[3] > 2 * waits[0], f"it grows: {[round(one, 2) for one in waits]}")


@case(docs.RETRY, differs_because=BACK_OFF)
def back_off_of_one_holds_no_other_back(w: World) -> None:
    policy = api.RetryPolicy(minimum_backoff={"seconds": 5}, maximum_backoff={"seconds": 5})
    topic, subscription = w.pair(retry_policy=policy)
    w.publish(topic, "held back")
    w.nack(subscription, w.pull(subscription))
    w.publish(topic, "at once")
    equal(texts(w.pull(subscription, within=3)), ["at once"], "what comes")
