"""Topics whose messages must fit a schema."""

from google import pubsub_v1 as api
from google.protobuf import field_mask_pb2

from conformance import docs
from conformance.case import case
from conformance.cases.schemas import NO_PROTOCOL_BUFFERS, PROTO, PROTO_BINARY, Type, commit, schema
from conformance.expect import equal, refused
from conformance.world import Code, World


def settings(name: str, encoding: api.Encoding = api.Encoding.JSON, **more) -> api.SchemaSettings:
    return api.SchemaSettings(schema=name, encoding=encoding, **more)


@case(docs.rpc("SchemaSettings"))
def a_topic_keeps_its_schema(w: World) -> None:
    name = schema(w).name
    topic = w.topic(schema_settings=settings(name))
    read = w.publisher.get_topic(api.GetTopicRequest(topic=topic)).schema_settings
    equal((read.schema, read.encoding), (name, api.Encoding.JSON), "settings")


@case(docs.rpc("SchemaSettings"))
def the_schema_of_a_topic_must_exist(w: World) -> None:
    missing = settings(w.name("schemas", "missing"))
    refused(Code.NOT_FOUND, lambda: w.topic(schema_settings=missing))


@case(docs.SCHEMAS)
def a_message_that_does_not_fit_is_refused(w: World) -> None:
    topic = w.topic(schema_settings=settings(schema(w).name))
    w.publish(topic, '{"id": 7, "name": "a"}')
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, '{"id": 7}'), "a field is missing")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, "nonsense"), "no JSON")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, '{"id": 7, "name": "a"}', '{"id": 7}'), "one of two")


@case(docs.SCHEMAS, differs_because=NO_PROTOCOL_BUFFERS)
def binary_messages_fit_too(w: World) -> None:
    proto = schema(w, Type.PROTOCOL_BUFFER, PROTO).name
    topic = w.topic(schema_settings=settings(proto, api.Encoding.BINARY))
    subscription = w.subscription(topic)
    w.publish(topic, api.PubsubMessage(data=PROTO_BINARY))
    equal(w.pull(subscription)[0].message.data, PROTO_BINARY, "the message")
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, api.PubsubMessage(data=b"\xff")), "no protocol buffer")


@case("https://cloud.google.com/pubsub/docs/schemas#schema-attributes")
def a_message_tells_its_schema(w: World) -> None:
    made = schema(w)
    topic = w.topic(schema_settings=settings(made.name))
    subscription = w.subscription(topic)
    w.publish(topic, '{"id": 7, "name": "a"}')
    named = w.pull(subscription)[0].message.attributes
    equal(named["googclient_schemaencoding"], "JSON", "encoding")
    equal(named["googclient_schemaname"], made.name, "name")
    equal(named["googclient_schemarevisionid"], made.revision_id, "revision")


@case(docs.SCHEMAS)
def a_later_revision_is_accepted_too(w: World) -> None:
    made = schema(w)
    topic = w.topic(schema_settings=settings(made.name))
    second = commit(w, made.name)
    subscription = w.subscription(topic)
    w.publish(topic, '{"id": 7, "name": "a", "note": "n"}', '{"id": 7, "name": "a"}')
    told = {one.message.data: one.message.attributes["googclient_schemarevisionid"] for one in w.pull(subscription, 2)}
    equal(told[b'{"id": 7, "name": "a", "note": "n"}'], second.revision_id, "the revision of the newer message")
    equal(told[b'{"id": 7, "name": "a"}'], made.revision_id, "the revision of the older message")


@case(docs.rpc("SchemaSettings"))
def revisions_of_a_topic_can_be_bounded(w: World) -> None:
    name = schema(w).name
    second = commit(w, name).revision_id
    topic = w.topic(schema_settings=settings(name, first_revision_id=second, last_revision_id=second))
    w.publish(topic, '{"id": 7, "name": "a", "note": "n"}')
    fits_the_first = '{"id": 7, "name": "a"}'
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, fits_the_first))


@case(docs.rpc("SchemaSettings"))
def a_topic_outlives_its_schema(w: World) -> None:
    name = schema(w).name
    topic = w.topic(schema_settings=settings(name))
    w.schemas.delete_schema(api.DeleteSchemaRequest(name=name))
    read = w.publisher.get_topic(api.GetTopicRequest(topic=topic)).schema_settings
    equal(read.schema, "_deleted-schema_", "the schema of the topic")
    refused(
        {Code.FAILED_PRECONDITION, Code.INVALID_ARGUMENT, Code.NOT_FOUND},
        lambda: w.publish(topic, '{"id": 7, "name": "a"}'),
    )


@case(docs.rpc("Publisher.UpdateTopic"))
def a_topic_can_get_and_lose_its_schema(w: World) -> None:
    name, topic = schema(w).name, w.topic()
    mask = field_mask_pb2.FieldMask(paths=["schema_settings"])
    with_schema = api.Topic(name=topic, schema_settings=settings(name))
    w.publisher.update_topic(api.UpdateTopicRequest(topic=with_schema, update_mask=mask))
    refused(Code.INVALID_ARGUMENT, lambda: w.publish(topic, "nonsense"), "with the schema")
    w.publisher.update_topic(api.UpdateTopicRequest(topic=api.Topic(name=topic), update_mask=mask))
    w.publish(topic, "nonsense")
