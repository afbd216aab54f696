"""Snapshots and seek: going back, and going on."""

import datetime
import time

from google import pubsub_v1 as api
from google.protobuf import duration_pb2, field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import equal, holds, refused
from conformance.world import Code, World, texts


def snapshot(w: World, subscription: str, name: str = "then", **settings) -> str:
    full = w.name("snapshots", name)
    w.subscriber.create_snapshot(api.CreateSnapshotRequest(name=full, subscription=subscription, **settings))
    return full


def get(w: World, name: str) -> api.Snapshot:
    return w.subscriber.get_snapshot(api.GetSnapshotRequest(snapshot=name))


def seek(w: World, subscription: str, **target) -> None:
    w.subscriber.seek(api.SeekRequest(subscription=subscription, **target))


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def drain(w: World, subscription: str, number: int) -> list[str]:
    received = w.pull(subscription, number)
    w.ack(subscription, received)
    return sorted(texts(received))


@case(
    docs.rpc("Subscriber.CreateSnapshot"),
    differs_because="CreateSnapshotRequest.labels are the labels of the snapshot",
)
def created_is_read_back(w: World) -> None:
    topic, subscription = w.pair()
    name = snapshot(w, subscription, labels={"a": "b"})
    read = get(w, name)
    equal((read.name, read.topic, dict(read.labels)), (name, topic, {"a": "b"}), "the snapshot")


@case(docs.rpc("Snapshot"))
def it_expires_after_seven_days(w: World) -> None:
    _, subscription = w.pair()
    left = get(w, snapshot(w, subscription)).expire_time - now()
    holds(abs(left.total_seconds() - 7 * 86400) < 3600, f"seven days, not {left}")


@case(docs.rpc("Subscriber.CreateSnapshot"))
def a_second_of_the_name_exists_already(w: World) -> None:
    _, subscription = w.pair()
    snapshot(w, subscription)
    refused(Code.ALREADY_EXISTS, lambda: snapshot(w, subscription))


@case(docs.rpc("Subscriber.CreateSnapshot"))
def its_subscription_must_exist(w: World) -> None:
    refused(Code.NOT_FOUND, lambda: snapshot(w, w.name("subscriptions", "missing")))


@case(
    docs.rpc("Subscriber.CreateSnapshot"),
    differs_because="without a name in the request the server assigns a random one",
)
def without_a_name_it_gets_one(w: World) -> None:
    _, subscription = w.pair()
    request = api.CreateSnapshotRequest(subscription=subscription)
    if w.clients.over_rest:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscriber.create_snapshot(request))
        return
    made = w.subscriber.create_snapshot(request).name
    holds(made.startswith(f"{w.project}/snapshots/"), f"a name: {made}")
    equal(get(w, made).name, made, "the snapshot")


@case(docs.ERRORS)
def a_missing_one_is_not_found(w: World) -> None:
    _, subscription = w.pair()
    name = w.name("snapshots", "missing")
    refused(Code.NOT_FOUND, lambda: get(w, name), "get")
    delete = api.DeleteSnapshotRequest(snapshot=name)
    refused(Code.NOT_FOUND, lambda: w.subscriber.delete_snapshot(delete), "delete")
    refused(Code.NOT_FOUND, lambda: seek(w, subscription, snapshot=name), "seek")
    refused(Code.NOT_FOUND, lambda: seek(w, w.name("subscriptions", "missing"), time=now()), "seek of none")


@case(docs.NAMES)
def names_keep_to_the_rules(w: World) -> None:
    _, subscription = w.pair()
    for name in ["ab", "1abc", "goog-then", "a b c"]:
        refused(Code.INVALID_ARGUMENT, lambda: snapshot(w, subscription, name), repr(name))


@case(docs.rpc("Subscriber.UpdateSnapshot"), differs_because=docs.limitation("UpdateSnapshot"))
def labels_and_expiry_can_change(w: World) -> None:
    _, subscription = w.pair()
    name = snapshot(w, subscription, labels={"a": "b"})
    earlier = now() + datetime.timedelta(days=1)
    changed = api.Snapshot(name=name, labels={"c": "d"}, expire_time=earlier)
    mask = field_mask_pb2.FieldMask(paths=["labels", "expire_time"])
    w.subscriber.update_snapshot(api.UpdateSnapshotRequest(snapshot=changed, update_mask=mask))
    read = get(w, name)
    equal(dict(read.labels), {"c": "d"}, "labels")
    holds(abs((read.expire_time - earlier).total_seconds()) < 2, f"{read.expire_time} is not {earlier}")


@case(docs.rpc("UpdateSnapshotRequest"), differs_because=docs.limitation("UpdateSnapshot"))
def an_update_needs_a_mask_it_knows(w: World) -> None:
    _, subscription = w.pair()
    changed = api.Snapshot(name=snapshot(w, subscription), labels={"c": "d"})
    for paths in [[], ["topic"], ["nonsense"]]:
        mask = field_mask_pb2.FieldMask(paths=paths)
        request = api.UpdateSnapshotRequest(snapshot=changed, update_mask=mask)
        refused(Code.INVALID_ARGUMENT, lambda: w.subscriber.update_snapshot(request), str(paths))


@case(docs.rpc("Subscriber.ListSnapshots"))
def listed_in_pages(w: World) -> None:
    _, subscription = w.pair()
    made = sorted(snapshot(w, subscription, f"then-{n}") for n in range(5))
    request = api.ListSnapshotsRequest(project=w.project, page_size=2)
    pages = list(w.subscriber.list_snapshots(request).pages)
    holds(len(pages) >= 3 and all(len(page.snapshots) <= 2 for page in pages), "pages of two")
    equal(sorted(one.name for page in pages for one in page.snapshots), made, "names")


@case(docs.rpc("Publisher.ListTopicSnapshots"))
def listed_by_topic(w: World) -> None:
    topic, subscription = w.pair()
    other = w.subscription(w.topic("other"), "of-the-other")
    name = snapshot(w, subscription)
    snapshot(w, other, "other")
    request = api.ListTopicSnapshotsRequest(topic=topic)
    equal(list(w.publisher.list_topic_snapshots(request)), [name], "snapshots of the topic")


@case(docs.rpc("Subscriber.DeleteSnapshot"))
def deleted_it_cannot_be_sought(w: World) -> None:
    _, subscription = w.pair()
    name = snapshot(w, subscription)
    w.subscriber.delete_snapshot(api.DeleteSnapshotRequest(snapshot=name))
    refused(Code.NOT_FOUND, lambda: seek(w, subscription, snapshot=name))


@case(docs.REPLAY)
def seek_brings_back_what_was_unacknowledged_then(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "acked before", "waiting")
    received = w.pull(subscription, 2)
    w.ack(subscription, [one for one in received if one.message.data == b"acked before"])
    w.nack(subscription, [one for one in received if one.message.data == b"waiting"])
    name = snapshot(w, subscription)
    equal(drain(w, subscription, 1), ["waiting"], "before the seek")
    w.publish(topic, "after")
    equal(drain(w, subscription, 1), ["after"], "after the snapshot")
    seek(w, subscription, snapshot=name)
    equal(drain(w, subscription, 2), ["after", "waiting"], "after the seek")
    w.quiet(subscription)


@case(docs.REPLAY, differs_because="a subscription can seek to any snapshot of its topic")
def another_subscription_can_go_there_too(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "x")
    name = snapshot(w, subscription)
    fresh = w.subscription(topic, "fresh")
    w.quiet(fresh)
    seek(w, fresh, snapshot=name)
    equal(drain(w, fresh, 1), ["x"], "messages from before it was made")


@case(docs.rpc("SeekRequest"))
def a_snapshot_of_another_topic_is_refused(w: World) -> None:
    _, subscription = w.pair()
    other = w.subscription(w.topic("other"), "of-the-other")
    name = snapshot(w, other)
    refused({Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION}, lambda: seek(w, subscription, snapshot=name))


@case(docs.rpc("SeekRequest"))
def seek_needs_a_target(w: World) -> None:
    _, subscription = w.pair()
    refused(Code.INVALID_ARGUMENT, lambda: seek(w, subscription))


@case(docs.rpc("SeekRequest"))
def seek_to_a_time_brings_back_what_was_acknowledged(w: World) -> None:
    topic, subscription = w.pair(retain_acked_messages=True)
    w.publish(topic, "early")
    drain(w, subscription, 1)
    time.sleep(0.3)
    then = now()
    time.sleep(0.3)
    w.publish(topic, "late")
    drain(w, subscription, 1)
    seek(w, subscription, time=then)
    equal(drain(w, subscription, 1), ["late"], "published after that time")
    w.quiet(subscription)


@case(docs.REPLAY)
def seek_to_the_future_drops_everything(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "dropped")
    seek(w, subscription, time=now() + datetime.timedelta(minutes=1))
    w.quiet(subscription)


@case(docs.rpc("SeekRequest"))
def what_is_not_retained_does_not_come_back(w: World) -> None:
    topic, subscription = w.pair()
    started = now()
    w.publish(topic, "gone")
    drain(w, subscription, 1)
    seek(w, subscription, time=started)
    w.quiet(subscription)


@case(docs.REPLAY)
def seek_takes_leased_messages_too(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "leased")
    received = w.pull(subscription)
    seek(w, subscription, time=now() + datetime.timedelta(minutes=1))
    w.deadline(subscription, received, 0)
    w.quiet(subscription)


@case(
    docs.rpc("Topic"),
    differs_because="a new subscription gets what is published after it was made; it reaches further back by seek",
)
def a_topic_retains_for_later_subscriptions(w: World) -> None:
    topic = w.topic(message_retention_duration=duration_pb2.Duration(seconds=3600))
    started = now() - datetime.timedelta(seconds=1)
    w.publish(topic, "before")
    subscription = w.subscription(topic)
    w.quiet(subscription)
    seek(w, subscription, time=started)
    equal(drain(w, subscription, 1), ["before"], "messages from before the subscription")


@case(docs.rpc("Snapshot"))
def it_outlives_its_subscription(w: World) -> None:
    topic, subscription = w.pair()
    name = snapshot(w, subscription)
    w.subscriber.delete_subscription(api.DeleteSubscriptionRequest(subscription=subscription))
    equal(get(w, name).topic, topic, "the topic of the snapshot")


@case(docs.ORDERING, differs_because=docs.limitation("seek of an ordered subscription to a time"))
def seek_keeps_the_order_of_keys(w: World) -> None:
    topic, subscription = w.pair(retain_acked_messages=True, enable_message_ordering=True)
    started = now() - datetime.timedelta(seconds=1)
    w.publish(topic, *(api.PubsubMessage(data=str(n).encode(), ordering_key="k") for n in range(10)))
    for _ in range(2):
        seen: list[str] = []
        while len(seen) < 10:
            received = w.pull(subscription)
            seen += texts(received)
            w.ack(subscription, received)
        equal(seen, [str(n) for n in range(10)], "the order")
        seek(w, subscription, time=started)
