"""Dead letter policies: counting attempts, and giving up."""

from google import pubsub_v1 as api
from google.protobuf import field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import equal, holds, refused
from conformance.world import Code, World, texts


def policy(topic: str, attempts: int = 5) -> api.DeadLetterPolicy:
    return api.DeadLetterPolicy(dead_letter_topic=topic, max_delivery_attempts=attempts)


def with_letters(w: World, **settings) -> tuple[str, str, str]:
    """A topic, a subscription that gives up after five attempts, and a subscription to what it gave up."""
    dead = w.topic("dead")
    letters = w.subscription(dead, "letters")
    topic, subscription = w.pair(dead_letter_policy=policy(dead), **settings)
    return topic, subscription, letters


def nack_to_death(w: World, subscription: str) -> list[int]:
    attempts = []
    for _ in range(5):
        received = w.pull(subscription)
        attempts.append(received[0].delivery_attempt)
        w.nack(subscription, received)
    return attempts


@case(docs.rpc("ReceivedMessage"))
def attempts_are_counted_from_one(w: World) -> None:
    topic, subscription, _ = with_letters(w)
    w.publish(topic, "poison")
    equal(nack_to_death(w, subscription), [1, 2, 3, 4, 5], "attempts")


@case(docs.rpc("DeadLetterPolicy"))
def an_expired_deadline_is_an_attempt(w: World) -> None:
    topic, subscription, _ = with_letters(w)
    w.publish(topic, "slow")
    w.deadline(subscription, w.pull(subscription), 1)
    equal(w.pull(subscription)[0].delivery_attempt, 2, "the attempt after the deadline")


@case(docs.DEAD_LETTERS)
def after_the_last_attempt_it_is_forwarded(w: World) -> None:
    topic, subscription, letters = with_letters(w)
    w.publish(topic, api.PubsubMessage(data=b"poison", attributes={"mine": "kept"}))
    nack_to_death(w, subscription)
    w.quiet(subscription, 1)
    letter = w.pull(letters)[0].message
    equal((letter.data, letter.attributes["mine"]), (b"poison", "kept"), "the letter")


@case("https://cloud.google.com/pubsub/docs/dead-letter-topics#how_dead_letter_topics_work")
def a_letter_tells_where_it_comes_from(w: World) -> None:
    topic, subscription, letters = with_letters(w)
    w.publish(topic, "poison")
    nack_to_death(w, subscription)
    w.quiet(subscription)
    named = w.pull(letters)[0].message.attributes
    equal(named["CloudPubSubDeadLetterSourceDeliveryCount"], "5", "attempts")
    equal(named["CloudPubSubDeadLetterSourceSubscription"], "worker", "subscription")
    equal(named["CloudPubSubDeadLetterSourceSubscriptionProject"], w.project.split("/")[1], "project")
    holds(named["CloudPubSubDeadLetterSourceTopicPublishTime"], "the time it was first published")


@case(docs.DEAD_LETTERS)
def an_acknowledged_message_is_no_letter(w: World) -> None:
    topic, subscription, letters = with_letters(w)
    w.publish(topic, "good")
    for _ in range(3):
        w.nack(subscription, w.pull(subscription))
    w.ack(subscription, w.pull(subscription))
    w.quiet(letters)


@case(docs.DEAD_LETTERS)
def one_letter_takes_no_other_message_along(w: World) -> None:
    topic, subscription, letters = with_letters(w)
    w.publish(topic, "poison")
    nack_to_death(w, subscription)
    w.publish(topic, "good")
    received = w.pull(subscription)
    equal((texts(received), received[0].delivery_attempt), (["good"], 1), "the next message")
    equal(texts(w.pull(letters)), ["poison"], "letters")


@case(docs.rpc("DeadLetterPolicy"))
def attempts_are_five_to_a_hundred(w: World) -> None:
    topic, dead = w.topic(), w.topic("dead")
    for attempts in [4, 101]:
        refused(
            {Code.INVALID_ARGUMENT, Code.OUT_OF_RANGE},
            lambda: w.subscription(topic, dead_letter_policy=policy(dead, attempts)),
            f"{attempts} attempts",
        )
    w.subscription(topic, dead_letter_policy=policy(dead, 100))


@case(docs.rpc("DeadLetterPolicy"))
def zero_attempts_are_five(w: World) -> None:
    topic, dead = w.topic(), w.topic("dead")
    name = w.subscription(topic, dead_letter_policy=policy(dead, 0))
    read = w.subscriber.get_subscription(api.GetSubscriptionRequest(subscription=name))
    equal(read.dead_letter_policy.max_delivery_attempts, 5, "attempts")


@case(docs.rpc("DeadLetterPolicy"))
def its_topic_must_exist(w: World) -> None:
    topic = w.topic()
    missing = policy(w.name("topics", "missing"))
    refused(Code.NOT_FOUND, lambda: w.subscription(topic, dead_letter_policy=missing))


@case(docs.rpc("Subscriber.UpdateSubscription"))
def the_policy_can_be_taken_away(w: World) -> None:
    topic, subscription, letters = with_letters(w)
    mask = field_mask_pb2.FieldMask(paths=["dead_letter_policy"])
    without = api.Subscription(name=subscription, topic=topic)
    w.subscriber.update_subscription(api.UpdateSubscriptionRequest(subscription=without, update_mask=mask))
    w.publish(topic, "poison")
    equal(nack_to_death(w, subscription), [0] * 5, "attempts are not counted")
    w.pull(subscription)
    w.quiet(letters)
