"""Exactly-once delivery: acknowledgements that are answered, and ids that stop to be good."""

import time

from google import pubsub_v1 as api
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus
from google.cloud.pubsub_v1.subscriber.message import Message
from google.protobuf import field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.cases.streaming import Stream, receiving
from conformance.expect import PATIENCE, equal, eventually, holds, refused
from conformance.world import Code, World

INVALID = "PERMANENT_FAILURE_INVALID_ACK_ID"
UNCONFIRMED = "where exactly-once delivery is on, a stream answers acknowledgements and deadlines with confirmations"
REFUSED = "with exactly-once delivery an acknowledgement after the deadline fails, and the failure is told by ack id"


def failures(error: Exception) -> dict[str, str]:
    """What an error says of each ack id."""
    # Over REST a detail is JSON.
    told = [detail.get("metadata", {}) if isinstance(detail, dict) else detail.metadata for detail in error.details]
    return {ack_id: why for metadata in told for ack_id, why in metadata.items()}


def expired(w: World, subscription: str) -> list[api.ReceivedMessage]:
    """A message whose lease has run out."""
    received = w.pull(subscription)
    w.deadline(subscription, received, 1)
    time.sleep(1.5)
    return received


@case(docs.rpc("Subscription"))
def the_setting_can_change(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    read = w.subscriber.get_subscription(api.GetSubscriptionRequest(subscription=subscription))
    equal(read.enable_exactly_once_delivery, True, "as created")
    mask = field_mask_pb2.FieldMask(paths=["enable_exactly_once_delivery"])
    off = api.UpdateSubscriptionRequest(subscription=api.Subscription(name=subscription, topic=topic), update_mask=mask)
    equal(w.subscriber.update_subscription(off).enable_exactly_once_delivery, False, "as updated")


@case(docs.EXACTLY_ONCE)
def an_acknowledged_message_is_gone(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    w.ack(subscription, w.pull(subscription))
    w.quiet(subscription, 1)


@case(docs.EXACTLY_ONCE)
def a_leased_message_comes_to_nobody_else(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    received = w.pull(subscription)
    w.deadline(subscription, received, 3)
    w.quiet(subscription, 2)
    w.ack(subscription, received)
    w.quiet(subscription, 2)


@case(docs.EXACTLY_ONCE, differs_because=REFUSED)
def a_late_acknowledgement_is_an_error(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    received = expired(w, subscription)
    error = refused(Code.INVALID_ARGUMENT, lambda: w.ack(subscription, received))
    equal(failures(error), {received[0].ack_id: INVALID}, "what failed")
    w.ack(subscription, w.pull(subscription))


@case(docs.EXACTLY_ONCE, differs_because=REFUSED)
def a_late_extension_is_an_error(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    received = expired(w, subscription)
    error = refused(Code.INVALID_ARGUMENT, lambda: w.deadline(subscription, received, 60))
    equal(failures(error), {received[0].ack_id: INVALID}, "what failed")


@case(docs.EXACTLY_ONCE, differs_because=REFUSED)
def only_the_last_ack_id_is_good(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    first = w.pull(subscription)
    w.nack(subscription, first)
    second = w.pull(subscription)
    holds(first[0].ack_id != second[0].ack_id, "each delivery has an ack id of its own")
    refused(Code.INVALID_ARGUMENT, lambda: w.ack(subscription, first))
    w.ack(subscription, second)
    w.quiet(subscription)


@case(docs.EXACTLY_ONCE, differs_because=REFUSED)
def the_good_ids_of_a_request_count(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "late")
    late = expired(w, subscription)
    w.publish(topic, "good")
    received = w.pull(subscription, 2)
    good = [one for one in received if one.message.data == b"good"]
    error = refused(Code.INVALID_ARGUMENT, lambda: w.ack(subscription, late + good))
    equal(failures(error), {late[0].ack_id: INVALID}, "what failed")
    w.nack(subscription, [one for one in received if one not in good])
    equal([one.message.data for one in w.pull(subscription)], [b"late"], "what comes again")
    w.quiet(subscription)


@case(docs.rpc("StreamingPullResponse"))
def a_stream_tells_that_it_is_on(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    with Stream(w, subscription=subscription) as stream:
        for answer in stream.answers:
            if answer.received_messages:
                break
    equal(answer.subscription_properties.exactly_once_delivery_enabled, True, "with the first messages")


@case(docs.rpc("StreamingPullResponse"))
def a_stream_tells_that_order_is_kept(w: World) -> None:
    topic, subscription = w.pair(enable_message_ordering=True)
    w.publish(topic, "x")
    with Stream(w, subscription=subscription) as stream:
        for answer in stream.answers:
            if answer.received_messages:
                break
    equal(answer.subscription_properties.message_ordering_enabled, True, "with the first messages")


@case(docs.rpc("StreamingPullResponse"), differs_because=UNCONFIRMED)
def a_stream_confirms_acknowledgements(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    with Stream(w, subscription=subscription) as stream:
        ack_id = stream.receive()[0].ack_id
        stream.send(ack_ids=[ack_id])
        confirmed = next(
            answer.acknowledge_confirmation for answer in stream.answers if "acknowledge_confirmation" in answer
        )
    equal((list(confirmed.ack_ids), list(confirmed.invalid_ack_ids)), ([ack_id], []), "confirmed, invalid")


@case(docs.rpc("StreamingPullResponse"), differs_because=REFUSED)
def a_stream_tells_of_late_acknowledgements(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    late = expired(w, subscription)[0].ack_id
    with Stream(w, subscription=subscription) as stream:
        stream.send(ack_ids=[late])
        confirmed = next(
            answer.acknowledge_confirmation for answer in stream.answers if "acknowledge_confirmation" in answer
        )
    equal((list(confirmed.ack_ids), list(confirmed.invalid_ack_ids)), ([], [late]), "confirmed, invalid")


@case(docs.rpc("StreamingPullResponse"), differs_because=UNCONFIRMED)
def a_stream_confirms_deadlines(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    with Stream(w, subscription=subscription) as stream:
        ack_id = stream.receive()[0].ack_id
        stream.send(modify_deadline_ack_ids=[ack_id], modify_deadline_seconds=[60])
        field = "modify_ack_deadline_confirmation"
        confirmed = next(answer.modify_ack_deadline_confirmation for answer in stream.answers if field in answer)
    equal((list(confirmed.ack_ids), list(confirmed.invalid_ack_ids)), ([ack_id], []), "confirmed, invalid")


@case(docs.EXACTLY_ONCE)
def the_client_learns_of_success(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "1", "2", "3")
    answers: list = []
    with receiving(w, subscription, lambda message: answers.append(message.ack_with_response())):
        eventually(lambda: len(answers) == 3, "three messages")
        results = [answer.result(timeout=PATIENCE) for answer in answers]
    equal(results, [AcknowledgeStatus.SUCCESS] * 3, "what the client was told")


@case(docs.EXACTLY_ONCE, differs_because=REFUSED)
def the_client_learns_of_failure(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True)
    w.publish(topic, "x")
    answers: list = []

    def receive(message: Message) -> None:
        # Somebody else gives the message back, so that this delivery's id is no longer good.
        if not answers:
            w.nack(subscription, [api.ReceivedMessage(ack_id=message.ack_id)])
            answers.append(message.ack_with_response())

    with receiving(w, subscription, receive):
        eventually(lambda: answers, "the message")
        try:
            told = answers[0].result(timeout=PATIENCE)
        except AcknowledgeError as error:
            told = error.error_code
    equal(told, AcknowledgeStatus.INVALID_ACK_ID, "what the client was told")


@case(docs.EXACTLY_ONCE)
def order_and_exactly_once_go_together(w: World) -> None:
    topic, subscription = w.pair(enable_exactly_once_delivery=True, enable_message_ordering=True)
    w.publish(topic, *(api.PubsubMessage(data=str(n).encode(), ordering_key="k") for n in range(20)))
    seen: list[str] = []
    while len(seen) < 20:
        received = w.pull(subscription)
        seen += [one.message.data.decode() for one in received]
        w.ack(subscription, received)
    equal(seen, [str(n) for n in range(20)], "the order")
    w.quiet(subscription)
