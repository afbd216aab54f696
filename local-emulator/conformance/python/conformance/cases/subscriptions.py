"""Subscriptions as resources: defaults, bounds, updates, lists, deletion."""

from google import pubsub_v1 as api
from google.protobuf import duration_pb2, field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import equal, holds, refused
from conformance.world import Code, World

ANY_FIELD = "labels and retry_policy are fields of Subscription like others, so a mask may name them"
NO_DETACH = "DetachSubscription is a method of Publisher"


def seconds(number: float) -> duration_pb2.Duration:
    return duration_pb2.Duration(seconds=int(number), nanos=round(number % 1 * 1e9))


def get(w: World, subscription: str) -> api.Subscription:
    return w.subscriber.get_subscription(api.GetSubscriptionRequest(subscription=subscription))


def update(w: World, paths: list[str], **settings) -> api.Subscription:
    mask = field_mask_pb2.FieldMask(paths=paths)
    subscription = api.Subscription(name=w.name("subscriptions", "worker"), **settings)
    return w.subscriber.update_subscription(api.UpdateSubscriptionRequest(subscription=subscription, update_mask=mask))


@case(docs.rpc("Subscription"))
def what_is_not_set_has_its_default(w: World) -> None:
    topic, subscription = w.pair()
    read = get(w, subscription)
    equal((read.name, read.topic), (subscription, topic), "names")
    equal(read.ack_deadline_seconds, 10, "deadline")
    equal(read.message_retention_duration.days, 7, "days of retention")
    holds(not read.retain_acked_messages and not read.enable_message_ordering, "nothing retained, nothing ordered")
    holds(not read.push_config.push_endpoint and not read.detached, "pulled, attached")


@case(docs.rpc("Subscription"), differs_because=docs.limitation("expiration of subscriptions"))
def it_expires_after_31_days_of_silence(w: World) -> None:
    _, subscription = w.pair()
    equal(get(w, subscription).expiration_policy.ttl.days, 31, "days until it expires")


@case(docs.rpc("Subscription"))
def a_policy_without_ttl_never_expires(w: World) -> None:
    _, subscription = w.pair(expiration_policy=api.ExpirationPolicy())
    read = get(w, subscription)
    holds("expiration_policy" in read and not read.expiration_policy.ttl, f"{read.expiration_policy}")


@case(docs.rpc("Subscription"))
def settings_are_read_back(w: World) -> None:
    _, subscription = w.pair(
        ack_deadline_seconds=600,
        retain_acked_messages=True,
        message_retention_duration=seconds(86400),
        labels={"team": "farm"},
        enable_message_ordering=True,
        filter='attributes.kind = "x"',
        expiration_policy=api.ExpirationPolicy(ttl=seconds(86400)),
        retry_policy=api.RetryPolicy(minimum_backoff=seconds(1.5), maximum_backoff=seconds(60)),
    )
    read = get(w, subscription)
    equal((read.ack_deadline_seconds, read.retain_acked_messages), (600, True), "deadline, retained")
    equal((read.message_retention_duration.days, read.expiration_policy.ttl.days), (1, 1), "days")
    equal((dict(read.labels), read.enable_message_ordering), ({"team": "farm"}, True), "labels, ordered")
    equal(read.filter, 'attributes.kind = "x"', "filter")
    equal(read.retry_policy.minimum_backoff.total_seconds(), 1.5, "least back-off")
    equal(read.retry_policy.maximum_backoff.total_seconds(), 60, "most back-off")


@case(docs.ERRORS)
def a_second_of_the_name_exists_already(w: World) -> None:
    topic, _ = w.pair()
    refused(Code.ALREADY_EXISTS, lambda: w.subscription(topic))


@case(docs.rpc("Subscriber.CreateSubscription"))
def its_topic_must_exist(w: World) -> None:
    refused(Code.NOT_FOUND, lambda: w.subscription(w.name("topics", "missing")))


@case(docs.rpc("Subscriber.CreateSubscription"))
def without_a_name_it_gets_one(w: World) -> None:
    topic = w.topic()
    if w.clients.over_rest:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscriber.create_subscription(api.Subscription(topic=topic)))
        return
    made = [w.subscriber.create_subscription(api.Subscription(topic=topic)).name for _ in range(2)]
    holds(made[0] != made[1] and all(name.startswith(f"{w.project}/subscriptions/") for name in made), f"names: {made}")
    equal(get(w, made[0]).topic, topic, "its topic")


@case(docs.ERRORS)
def a_missing_one_is_not_found(w: World) -> None:
    name, topic = w.name("subscriptions", "worker"), w.topic()
    refused(Code.NOT_FOUND, lambda: get(w, name), "get")
    delete = api.DeleteSubscriptionRequest(subscription=name)
    refused(Code.NOT_FOUND, lambda: w.subscriber.delete_subscription(delete), "delete")
    refused(Code.NOT_FOUND, lambda: update(w, ["labels"], topic=topic, labels={"a": "b"}), "update")
    refused(Code.NOT_FOUND, lambda: w.look(name), "pull")
    push = api.ModifyPushConfigRequest(subscription=name, push_config=api.PushConfig())
    refused(Code.NOT_FOUND, lambda: w.subscriber.modify_push_config(push), "modify push config")
    acknowledge = api.AcknowledgeRequest(subscription=name, ack_ids=["x"])
    refused(Code.NOT_FOUND, lambda: w.subscriber.acknowledge(acknowledge), "acknowledge")


@case(docs.NAMES)
def names_keep_to_the_rules(w: World) -> None:
    topic = w.topic()
    for name in ["ab", "1abc", "goog-worker", "a b c", "a" * 256]:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, name), repr(name))
    for name in ["abc", "a" * 255]:
        w.subscription(topic, name)


@case(docs.LABELS, differs_because="labels keep to the requirements of Google Cloud")
def labels_keep_to_the_rules(w: World) -> None:
    topic = w.topic()
    for labels in [{"Team": "a"}, {"team": "A"}, {"t" * 64: "a"}]:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, labels=labels), repr(labels))


@case(docs.rpc("Subscription"), differs_because="an ack deadline is 10 to 600 seconds")
def the_deadline_is_ten_seconds_to_ten_minutes(w: World) -> None:
    topic = w.topic()
    for number in [-1, 9, 601]:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, ack_deadline_seconds=number), f"{number} s")


@case(docs.rpc("Subscription"), differs_because=docs.limitation("configurable retention"))
def retention_is_ten_minutes_to_thirty_one_days(w: World) -> None:
    topic = w.topic()
    for number in [599, 31 * 86400 + 1]:
        kept = seconds(number)
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, message_retention_duration=kept), f"{number} s")
    w.subscription(topic, message_retention_duration=seconds(31 * 86400))


@case(docs.rpc("Subscription"), differs_because=docs.limitation("expiration of subscriptions"))
def a_ttl_is_a_day_at_least(w: World) -> None:
    topic = w.topic()
    short = api.ExpirationPolicy(ttl=seconds(86399))
    refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, expiration_policy=short))


@case(docs.rpc("RetryPolicy"))
def back_off_keeps_to_its_bounds(w: World) -> None:
    topic = w.topic()
    for policy in [
        api.RetryPolicy(minimum_backoff=seconds(601)),
        api.RetryPolicy(maximum_backoff=seconds(601)),
        api.RetryPolicy(minimum_backoff=seconds(60), maximum_backoff=seconds(10)),
    ]:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, retry_policy=policy), str(policy))


@case(docs.rpc("RetryPolicy"))
def an_empty_retry_policy_has_its_defaults(w: World) -> None:
    _, subscription = w.pair(retry_policy=api.RetryPolicy())
    read = get(w, subscription).retry_policy
    equal(read.minimum_backoff.total_seconds(), 10, "least back-off")
    equal(read.maximum_backoff.total_seconds(), 600, "most back-off")


@case(docs.rpc("UpdateSubscriptionRequest"), differs_because=ANY_FIELD)
def an_update_changes_what_the_mask_names(w: World) -> None:
    topic, _ = w.pair(labels={"old": "label"})
    paths = ["ack_deadline_seconds", "labels", "retry_policy"]
    retry = api.RetryPolicy(minimum_backoff=seconds(1))
    update(w, paths, topic=topic, ack_deadline_seconds=60, labels={"new": "label"}, retry_policy=retry)
    read = get(w, w.name("subscriptions", "worker"))
    equal((read.ack_deadline_seconds, dict(read.labels)), (60, {"new": "label"}), "deadline, labels")
    equal(read.retry_policy.minimum_backoff.total_seconds(), 1, "least back-off")
    update(w, ["ack_deadline_seconds"], topic=topic, ack_deadline_seconds=30, labels={"not": "this"})
    read = get(w, w.name("subscriptions", "worker"))
    equal((read.ack_deadline_seconds, dict(read.labels)), (30, {"new": "label"}), "deadline, labels")


@case(docs.rpc("UpdateSubscriptionRequest"), differs_because=ANY_FIELD)
def an_update_can_take_a_setting_away(w: World) -> None:
    topic, subscription = w.pair(retry_policy=api.RetryPolicy(), labels={"a": "b"})
    update(w, ["retry_policy", "labels"], topic=topic)
    read = get(w, subscription)
    holds("retry_policy" not in read, "no retry policy")
    equal(dict(read.labels), {}, "labels")


@case(docs.rpc("UpdateSubscriptionRequest"), differs_because="an ack deadline is 10 to 600 seconds")
def an_update_keeps_to_the_bounds(w: World) -> None:
    topic, subscription = w.pair()
    for path, settings in [
        ("ack_deadline_seconds", {"ack_deadline_seconds": 5}),
        ("message_retention_duration", {"message_retention_duration": seconds(60)}),
        ("expiration_policy", {"expiration_policy": api.ExpirationPolicy(ttl=seconds(60))}),
    ]:
        refused(Code.INVALID_ARGUMENT, lambda: update(w, [path], topic=topic, **settings), path)
    equal(get(w, subscription).ack_deadline_seconds, 10, "the deadline")


@case(docs.rpc("UpdateSubscriptionRequest"))
def an_update_needs_a_mask(w: World) -> None:
    topic, _ = w.pair()
    refused(Code.INVALID_ARGUMENT, lambda: update(w, [], topic=topic, ack_deadline_seconds=60))


@case("https://cloud.google.com/pubsub/docs/subscription-properties")
def an_update_refuses_what_it_cannot_change(w: World) -> None:
    topic, _ = w.pair()
    settings = {"filter": "attributes:a", "enable_message_ordering": True}
    for path in ["name", "topic", "filter", "nonsense"]:
        refused(Code.INVALID_ARGUMENT, lambda: update(w, [path], topic=topic, **settings), path)


@case(docs.rpc("Subscriber.ListSubscriptions"))
def listed_in_pages(w: World) -> None:
    topic = w.topic()
    made = sorted(w.subscription(topic, f"worker-{n}") for n in range(5))
    request = api.ListSubscriptionsRequest(project=w.project, page_size=2)
    pages = list(w.subscriber.list_subscriptions(request).pages)
    holds(len(pages) >= 3 and all(len(page.subscriptions) <= 2 for page in pages), "pages of two")
    equal(sorted(one.name for page in pages for one in page.subscriptions), made, "names")


@case(docs.rpc("ListSubscriptionsRequest"), differs_because="a page token is a value that an earlier list returned")
def a_made_up_page_token_is_refused(w: World) -> None:
    request = api.ListSubscriptionsRequest(project=w.project, page_token="made up")
    refused(Code.INVALID_ARGUMENT, lambda: w.subscriber.list_subscriptions(request))


@case(docs.rpc("Subscriber.DeleteSubscription"))
def deletion_drops_its_messages(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "lost")
    w.subscriber.delete_subscription(api.DeleteSubscriptionRequest(subscription=subscription))
    refused(Code.NOT_FOUND, lambda: get(w, subscription), "get")
    w.subscription(topic)
    w.quiet(subscription)


@case(docs.rpc("Subscriber.CreateSubscription"))
def each_gets_a_copy(w: World) -> None:
    topic, first = w.pair()
    second = w.subscription(topic, "second")
    w.publish(topic, "for both")
    w.ack(first, w.pull(first))
    w.pull(second)


@case("https://cloud.google.com/pubsub/docs/subscription-overview")
def what_was_published_before_it_does_not_come(w: World) -> None:
    topic = w.topic()
    w.publish(topic, "too early")
    subscription = w.subscription(topic)
    w.quiet(subscription)
    w.publish(topic, "in time")
    equal(w.pull(subscription)[0].message.data, b"in time", "data")


@case(docs.rpc("Subscription"), differs_because=docs.limitation("configurable retention"))
def it_tells_how_long_its_topic_retains(w: World) -> None:
    topic = w.topic(message_retention_duration=seconds(3600))
    read = get(w, w.subscription(topic))
    equal(read.topic_message_retention_duration.total_seconds(), 3600, "the topic's retention")


@case(docs.DETACH, differs_because=NO_DETACH)
def a_detached_one_gets_nothing_any_more(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "dropped")
    w.publisher.detach_subscription(api.DetachSubscriptionRequest(subscription=subscription))
    w.publish(topic, "not received")
    equal(get(w, subscription).detached, True, "detached")
    refused(Code.FAILED_PRECONDITION, lambda: w.look(subscription), "pull")


@case(docs.rpc("Publisher.DetachSubscription"), differs_because=NO_DETACH)
def a_detached_one_is_not_listed_at_its_topic(w: World) -> None:
    topic, subscription = w.pair()
    w.publisher.detach_subscription(api.DetachSubscriptionRequest(subscription=subscription))
    request = api.ListTopicSubscriptionsRequest(topic=topic)
    equal(list(w.publisher.list_topic_subscriptions(request)), [], "attached subscriptions")


@case(docs.rpc("Publisher.DetachSubscription"), differs_because=NO_DETACH)
def a_missing_one_is_not_detached(w: World) -> None:
    request = api.DetachSubscriptionRequest(subscription=w.name("subscriptions", "missing"))
    refused(Code.NOT_FOUND, lambda: w.publisher.detach_subscription(request))
