"""The same methods over REST, through the official client's other transport and by hand."""

import base64
import json
import urllib.error
import urllib.request

from google import pubsub_v1 as api
from google.protobuf import field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import PATIENCE, equal, holds, refused
from conformance.world import Code, World

JSON = {"content-type": "application/json"}


def rest(w: World) -> World:
    """The same world, through REST."""
    w.use_rest()
    return w


def call(w: World, method: str, path: str, body: object = None) -> tuple[int, dict]:
    """Status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://{w.clients.host}/v1/{path}", data, JSON, method=method)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@case(docs.rest("projects.topics"))
def the_client_publishes_and_pulls(w: World) -> None:
    topic, subscription = rest(w).pair()
    message = api.PubsubMessage(data=bytes(range(256)), attributes={"ключ": "значение"})
    ids = w.publish(topic, message)
    received = w.pull(subscription)
    got = received[0].message
    equal(
        ([got.message_id], got.data, dict(got.attributes)),
        (ids, bytes(range(256)), {"ключ": "значение"}),
        "the message",
    )
    w.ack(subscription, received)
    w.quiet(subscription)


@case(docs.rest("projects.topics/patch"), differs_because=docs.limitation("UpdateTopic"))
def the_client_updates_with_a_mask(w: World) -> None:
    topic = rest(w).topic(labels={"a": "b"})
    mask = field_mask_pb2.FieldMask(paths=["labels"])
    changed = api.Topic(name=topic, labels={"c": "d"})
    w.publisher.update_topic(api.UpdateTopicRequest(topic=changed, update_mask=mask))
    equal(dict(w.publisher.get_topic(api.GetTopicRequest(topic=topic)).labels), {"c": "d"}, "labels")


@case(docs.rest("projects.topics/list"))
def the_client_lists_pages(w: World) -> None:
    made = sorted(rest(w).topic(f"topic-{n}") for n in range(5))
    listed = w.publisher.list_topics(api.ListTopicsRequest(project=w.project, page_size=2))
    equal(sorted(topic.name for topic in listed), made, "topics")


@case(docs.ERRORS)
def the_client_gets_error_codes(w: World) -> None:
    topic = rest(w).topic()
    refused(Code.ALREADY_EXISTS, w.topic, "a second topic")
    missing = w.name("topics", "missing")
    refused(Code.NOT_FOUND, lambda: w.publisher.get_topic(api.GetTopicRequest(topic=missing)), "a missing topic")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, api.PubsubMessage()), "an empty message")


@case(docs.rest("projects.topics/publish"))
def a_message_in_and_out_by_hand(w: World) -> None:
    topic, subscription = w.name("topics", "events"), w.name("subscriptions", "worker")
    equal(call(w, "PUT", topic, {})[0], 200, "create a topic")
    status, made = call(w, "PUT", subscription, {"topic": topic, "ackDeadlineSeconds": 20})
    equal((status, made["ackDeadlineSeconds"], made["messageRetentionDuration"]), (200, 20, "604800s"), "create")
    message = {"data": base64.b64encode(b"text").decode(), "attributes": {"a": "b"}, "orderingKey": "k"}
    status, published = call(w, "POST", f"{topic}:publish", {"messages": [message]})
    equal((status, len(published["messageIds"])), (200, 1), "publish")
    status, pulled = call(w, "POST", f"{subscription}:pull", {"maxMessages": 10})
    received = pulled["receivedMessages"][0]
    equal({name: received["message"][name] for name in message}, message, "the message")
    equal(received["message"]["messageId"], published["messageIds"][0], "the id")
    equal(call(w, "POST", f"{subscription}:acknowledge", {"ackIds": [received["ackId"]]}), (200, {}), "acknowledge")


@case(docs.ERRORS)
def an_error_is_json(w: World) -> None:
    status, answer = call(w, "GET", w.name("topics", "missing"))
    equal((status, answer["error"]["code"], answer["error"]["status"]), (404, 404, "NOT_FOUND"), "the error")
    holds(answer["error"]["message"], "a message")


@case("https://protobuf.dev/programming-guides/json")
def both_spellings_of_a_field_are_read(w: World) -> None:
    topic, subscription = w.topic(), w.name("subscriptions", "worker")
    status, made = call(w, "PUT", subscription, {"topic": topic, "ack_deadline_seconds": 30})
    equal((status, made["ackDeadlineSeconds"]), (200, 30), "the deadline")


@case("https://protobuf.dev/programming-guides/json")
def url_safe_base64_is_read(w: World) -> None:
    topic, subscription = w.pair()
    call(w, "POST", f"{topic}:publish", {"messages": [{"data": base64.urlsafe_b64encode(b"\xfb\xff\xfe").decode()}]})
    equal(w.pull(subscription)[0].message.data, b"\xfb\xff\xfe", "the data")


@case(docs.rest("projects.subscriptions/patch"))
def a_patch_has_its_mask_in_the_body(w: World) -> None:
    topic, subscription = w.pair()
    changed = {"subscription": {"topic": topic, "ackDeadlineSeconds": 45}, "updateMask": "ackDeadlineSeconds"}
    status, updated = call(w, "PATCH", subscription, changed)
    equal((status, updated.get("ackDeadlineSeconds")), (200, 45), "the deadline")


@case(docs.rest("projects.topics/publish"))
def a_body_that_is_no_json_is_refused(w: World) -> None:
    topic = w.topic()
    request = urllib.request.Request(f"http://{w.clients.host}/v1/{topic}:publish", b"{nonsense", JSON, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            status = answer.status
    except urllib.error.HTTPError as error:
        status = error.code
    equal(status, 400, "the status")
