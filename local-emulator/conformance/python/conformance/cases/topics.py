"""Topics as resources: names, settings, updates, lists, deletion."""

from google import pubsub_v1 as api
from google.protobuf import duration_pb2, field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import equal, holds, refused
from conformance.world import Code, World


def update(w: World, paths: list[str], **settings) -> api.Topic:
    mask = field_mask_pb2.FieldMask(paths=paths)
    topic = api.Topic(name=w.name("topics", "events"), **settings)
    return w.publisher.update_topic(api.UpdateTopicRequest(topic=topic, update_mask=mask))


@case(docs.rpc("Publisher.CreateTopic"))
def created_is_read_back(w: World) -> None:
    topic = w.topic(labels={"team": "farm", "empty": ""})
    read = w.publisher.get_topic(api.GetTopicRequest(topic=topic))
    equal((read.name, dict(read.labels)), (topic, {"team": "farm", "empty": ""}), "the topic")


@case(docs.ERRORS)
def a_second_of_the_name_exists_already(w: World) -> None:
    w.topic()
    refused(Code.ALREADY_EXISTS, w.topic)


@case(docs.ERRORS, differs_because="NOT_FOUND: the topic referenced was not found, for every method")
def a_missing_one_is_not_found(w: World) -> None:
    topic = w.name("topics", "missing")
    refused(Code.NOT_FOUND, lambda: w.publisher.get_topic(api.GetTopicRequest(topic=topic)), "get")
    refused(Code.NOT_FOUND, lambda: w.publisher.delete_topic(api.DeleteTopicRequest(topic=topic)), "delete")
    refused(Code.NOT_FOUND, lambda: w.publish(topic, "x"), "publish")
    subscriptions = api.ListTopicSubscriptionsRequest(topic=topic)
    refused(Code.NOT_FOUND, lambda: w.publisher.list_topic_subscriptions(subscriptions), "list its subscriptions")


@case(docs.rpc("Publisher.UpdateTopic"))
def a_missing_one_is_not_updated(w: World) -> None:
    refused(Code.NOT_FOUND, lambda: update(w, ["labels"], labels={"a": "b"}))


@case(docs.NAMES)
def names_keep_to_the_rules(w: World) -> None:
    for name in ["ab", "1abc", "goog-events", "a b c", "abc/def", "a" * 256, "événement", "abc!"]:
        refused(Code.INVALID_ARGUMENT, lambda: w.topic(name), repr(name))
    for name in ["abc", "a" * 255, "A-Z_a.z~1+2%3"]:
        equal(w.topic(name), w.name("topics", name), "the name")


@case(docs.NAMES, differs_because="a name has the form projects/{project}/topics/{topic}")
def names_have_a_project_and_a_collection(w: World) -> None:
    for name in ["", "events", "topics/events", f"{w.project}/subscriptions/events", "projects//topics/events"]:
        refused(Code.INVALID_ARGUMENT, lambda: w.publisher.create_topic(api.Topic(name=name)), repr(name))


@case(docs.LABELS, differs_because="labels keep to the requirements of Google Cloud")
def labels_keep_to_the_rules(w: World) -> None:
    for labels in [{"Team": "a"}, {"1team": "a"}, {"team": "A"}, {"t" * 64: "a"}, {"team": "a" * 64}, {"te am": "a"}]:
        refused(Code.INVALID_ARGUMENT, lambda: w.topic("labelled", labels=labels), repr(labels))
    w.topic("full", labels={f"label-{n}": "a" for n in range(64)})
    many = {f"label-{n}": "a" for n in range(65)}
    refused(Code.INVALID_ARGUMENT, lambda: w.topic("overfull", labels=many), "65 labels")


@case(docs.rpc("UpdateTopicRequest"), differs_because=docs.limitation("UpdateTopic"))
def an_update_changes_what_the_mask_names(w: World) -> None:
    w.topic(labels={"old": "label"})
    updated = update(
        w, ["labels"], labels={"new": "label"}, message_retention_duration=duration_pb2.Duration(seconds=600)
    )
    equal(dict(updated.labels), {"new": "label"}, "labels")
    holds(not updated.message_retention_duration, "retention was not in the mask")


@case(docs.rpc("UpdateTopicRequest"), differs_because=docs.limitation("UpdateTopic"))
def an_update_can_take_a_setting_away(w: World) -> None:
    w.topic(labels={"a": "b"}, message_retention_duration=duration_pb2.Duration(seconds=600))
    updated = update(w, ["labels", "message_retention_duration"])
    equal(dict(updated.labels), {}, "labels")
    holds(not updated.message_retention_duration, "retention is unset")


@case(docs.rpc("UpdateTopicRequest"))
def an_update_needs_a_mask(w: World) -> None:
    w.topic()
    refused(Code.INVALID_ARGUMENT, lambda: update(w, [], labels={"a": "b"}))


@case(docs.rpc("UpdateTopicRequest"))
def an_update_refuses_what_it_cannot_change(w: World) -> None:
    w.topic()
    for path in ["name", "nonsense", "labels.a.b"]:
        refused(Code.INVALID_ARGUMENT, lambda: update(w, [path], labels={"a": "b"}), path)


@case(docs.rpc("Topic"))
def retention_is_ten_minutes_to_thirty_one_days(w: World) -> None:
    for seconds in [599, 31 * 86400 + 1]:
        retention = duration_pb2.Duration(seconds=seconds)
        refused(Code.INVALID_ARGUMENT, lambda: w.topic(message_retention_duration=retention), f"{seconds} s")
    topic = w.topic(message_retention_duration=duration_pb2.Duration(seconds=31 * 86400))
    read = w.publisher.get_topic(api.GetTopicRequest(topic=topic))
    equal(read.message_retention_duration.days, 31, "days")


@case(docs.rpc("MessageStoragePolicy"))
def a_storage_policy_is_kept(w: World) -> None:
    policy = api.MessageStoragePolicy(allowed_persistence_regions=["europe-west1", "us-east1"])
    topic = w.topic(message_storage_policy=policy)
    read = w.publisher.get_topic(api.GetTopicRequest(topic=topic))
    equal(list(read.message_storage_policy.allowed_persistence_regions), ["europe-west1", "us-east1"], "regions")


@case(docs.rpc("Publisher.ListTopics"))
def listed_in_pages(w: World) -> None:
    made = {w.topic(f"topic-{n}") for n in range(7)}
    seen, token, pages = [], "", 0
    while pages == 0 or token:
        request = api.ListTopicsRequest(project=w.project, page_size=3, page_token=token)
        page = next(iter(w.publisher.list_topics(request).pages))
        holds(len(page.topics) <= 3, "a page is no longer than asked")
        seen += [topic.name for topic in page.topics]
        token, pages = page.next_page_token, pages + 1
        holds(pages < 10, "the pages end")
    equal(sorted(seen), sorted(made), "every topic once")


@case(docs.rpc("ListTopicsRequest"))
def a_page_token_outlives_the_topic_it_stopped_at(w: World) -> None:
    made = sorted(w.topic(f"topic-{n}") for n in range(4))
    request = api.ListTopicsRequest(project=w.project, page_size=2)
    page = next(iter(w.publisher.list_topics(request).pages))
    first = [topic.name for topic in page.topics]
    for topic in first:
        w.publisher.delete_topic(api.DeleteTopicRequest(topic=topic))
    request = api.ListTopicsRequest(project=w.project, page_size=2, page_token=page.next_page_token)
    rest = [topic.name for topic in w.publisher.list_topics(request)]
    equal(sorted(first + rest), made, "every topic once")


@case(docs.rpc("ListTopicsRequest"), differs_because="a page token is a value that an earlier list returned")
def a_made_up_page_token_is_refused(w: World) -> None:
    request = api.ListTopicsRequest(project=w.project, page_token="made up")
    refused(Code.INVALID_ARGUMENT, lambda: w.publisher.list_topics(request))


@case(docs.rpc("Publisher.ListTopics"))
def a_project_lists_only_its_own(w: World) -> None:
    w.topic()
    other = api.ListTopicsRequest(project=f"{w.project}-other")
    equal([topic.name for topic in w.publisher.list_topics(other)], [], "another project's topics")


@case(docs.rpc("Publisher.ListTopicSubscriptions"))
def its_subscriptions_are_listed_in_pages(w: World) -> None:
    topic = w.topic()
    made = sorted(w.subscription(topic, f"worker-{n}") for n in range(5))
    w.subscription(w.topic("other"), "of-the-other")
    request = api.ListTopicSubscriptionsRequest(topic=topic, page_size=2)
    pages = list(w.publisher.list_topic_subscriptions(request).pages)
    holds(len(pages) >= 3 and all(len(page.subscriptions) <= 2 for page in pages), "pages of two")
    equal(sorted(name for page in pages for name in page.subscriptions), made, "names")


@case(docs.rpc("Publisher.DeleteTopic"))
def deletion_leaves_its_subscriptions(w: World) -> None:
    topic, subscription = w.pair()
    w.publish(topic, "still there")
    w.publisher.delete_topic(api.DeleteTopicRequest(topic=topic))
    read = w.subscriber.get_subscription(api.GetSubscriptionRequest(subscription=subscription))
    equal(read.topic, "_deleted-topic_", "the subscription's topic")
    w.pull(subscription)


@case(docs.rpc("Publisher.DeleteTopic"))
def made_again_it_is_another_topic(w: World) -> None:
    topic, subscription = w.pair()
    w.publisher.delete_topic(api.DeleteTopicRequest(topic=topic))
    w.topic()
    request = api.ListTopicSubscriptionsRequest(topic=topic)
    equal(list(w.publisher.list_topic_subscriptions(request)), [], "its subscriptions")
    w.publish(topic, "not for the old subscription")
    w.quiet(subscription)
