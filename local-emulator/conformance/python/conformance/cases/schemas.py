"""SchemaService: schemas, their revisions, and messages held against them."""

import json

from google import pubsub_v1 as api

from conformance import docs
from conformance.case import case
from conformance.expect import equal, holds, refused
from conformance.world import Code, World

AVRO = json.dumps(
    {"type": "record", "name": "Job", "fields": [{"name": "id", "type": "int"}, {"name": "name", "type": "string"}]}
)
AVRO_WITH_MORE = json.dumps(
    {
        "type": "record",
        "name": "Job",
        "fields": [
            {"name": "id", "type": "int"},
            {"name": "name", "type": "string"},
            {"name": "note", "type": "string", "default": ""},
        ],
    }
)
PROTO = 'syntax = "proto3"; message Job { int32 id = 1; string name = 2; }'
# id 7, name "a": as Avro (zigzag integers, length before text) and as protocol buffer (tag before value).
AVRO_BINARY = b"\x0e\x02a"
PROTO_BINARY = b"\x08\x07\x12\x01a"

# Only over REST does Google's emulator fail these.
BY_NUMBER = "a query may give an enum by its number; over REST, Google's emulator never answers such a request"
NO_PROTOCOL_BUFFERS = docs.limitation("schemas of protocol buffers")

Type, View = api.Schema.Type, api.SchemaView


def schema(w: World, kind: Type = Type.AVRO, definition: str = AVRO, name: str = "jobs") -> api.Schema:
    made = api.Schema(type_=kind, definition=definition)
    return w.schemas.create_schema(api.CreateSchemaRequest(parent=w.project, schema=made, schema_id=name))


def get(w: World, name: str, view: View = View.FULL) -> api.Schema:
    return w.schemas.get_schema(api.GetSchemaRequest(name=name, view=view))


def commit(w: World, name: str, definition: str = AVRO_WITH_MORE, kind: Type = Type.AVRO) -> api.Schema:
    revised = api.Schema(name=name, type_=kind, definition=definition)
    return w.schemas.commit_schema(api.CommitSchemaRequest(name=name, schema=revised))


def validate(w: World, message: bytes, encoding: api.Encoding, **against) -> None:
    w.schemas.validate_message(
        api.ValidateMessageRequest(parent=w.project, message=message, encoding=encoding, **against)
    )


@case(docs.rpc("SchemaService.CreateSchema"), differs_because=BY_NUMBER)
def an_avro_schema_is_read_back(w: World) -> None:
    made = schema(w)
    equal(made.name, w.name("schemas", "jobs"), "the name")
    holds(made.revision_id and made.revision_create_time, "a revision, with its time")
    read = get(w, made.name)
    equal((read.type_, read.definition, read.revision_id), (Type.AVRO, AVRO, made.revision_id), "the schema")


@case(docs.rpc("SchemaService.CreateSchema"), differs_because=NO_PROTOCOL_BUFFERS)
def a_protocol_buffer_schema_is_read_back(w: World) -> None:
    made = schema(w, Type.PROTOCOL_BUFFER, PROTO)
    read = get(w, made.name)
    equal((read.type_, read.definition), (Type.PROTOCOL_BUFFER, PROTO), "the schema")


@case(docs.rpc("SchemaView"), differs_because=BY_NUMBER)
def the_basic_view_has_no_definition(w: World) -> None:
    read = get(w, schema(w).name, View.BASIC)
    equal((read.type_, read.definition), (Type.AVRO, ""), "the schema")


@case(docs.rpc("SchemaService.CreateSchema"))
def a_second_of_the_name_exists_already(w: World) -> None:
    schema(w)
    refused(Code.ALREADY_EXISTS, lambda: schema(w))


@case(docs.ERRORS, differs_because=BY_NUMBER)
def a_missing_one_is_not_found(w: World) -> None:
    name = w.name("schemas", "missing")
    refused(Code.NOT_FOUND, lambda: get(w, name), "get")
    refused(Code.NOT_FOUND, lambda: w.schemas.delete_schema(api.DeleteSchemaRequest(name=name)), "delete")
    refused(Code.NOT_FOUND, lambda: commit(w, name), "commit")
    revisions = api.ListSchemaRevisionsRequest(name=name)
    refused(Code.NOT_FOUND, lambda: w.schemas.list_schema_revisions(revisions), "list revisions")
    rollback = api.RollbackSchemaRequest(name=name, revision_id="12345678")
    refused(Code.NOT_FOUND, lambda: w.schemas.rollback_schema(rollback), "roll back")
    refused(Code.NOT_FOUND, lambda: validate(w, b"{}", api.Encoding.JSON, name=name), "validate a message")


@case(docs.NAMES, differs_because="a name has no spaces; over REST, Google's emulator takes them")
def names_keep_to_the_rules(w: World) -> None:
    for name in ["ab", "1abc", "goog-jobs", "a b c"]:
        refused(Code.INVALID_ARGUMENT, lambda: schema(w, name=name), repr(name))


@case(docs.rpc("SchemaService.CreateSchema"), differs_because=NO_PROTOCOL_BUFFERS)
def a_definition_must_be_one(w: World) -> None:
    for kind, definition in [
        (Type.AVRO, "not a schema"),
        (Type.AVRO, '{"type": "record"}'),
        (Type.AVRO, '{"type": "record", "name": "Job", "fields": [{"name": "id", "type": "nonsense"}]}'),
        (Type.PROTOCOL_BUFFER, "not a schema"),
        (Type.PROTOCOL_BUFFER, 'syntax = "proto3"; message Job { Missing id = 1; }'),
        (Type.AVRO, ""),
    ]:
        refused(Code.INVALID_ARGUMENT, lambda: schema(w, kind, definition), definition)


@case(docs.rpc("SchemaService.ListSchemas"))
def listed_in_pages(w: World) -> None:
    made = sorted(schema(w, name=f"jobs-{n}").name for n in range(5))
    request = api.ListSchemasRequest(parent=w.project, page_size=2)
    pages = list(w.schemas.list_schemas(request).pages)
    holds(len(pages) >= 3 and all(len(page.schemas) <= 2 for page in pages), "pages of two")
    equal(sorted(one.name for page in pages for one in page.schemas), made, "names")


@case(docs.rpc("ListSchemasRequest"), differs_because=BY_NUMBER)
def a_list_has_definitions_when_asked(w: World) -> None:
    schema(w)
    for view, definition in [(View.BASIC, ""), (View.FULL, AVRO)]:
        listed = list(w.schemas.list_schemas(api.ListSchemasRequest(parent=w.project, view=view)))
        equal([one.definition for one in listed], [definition], f"definitions, {view.name}")


@case(docs.rpc("SchemaService.DeleteSchema"), differs_because=BY_NUMBER)
def deleted_it_is_gone(w: World) -> None:
    name = schema(w).name
    w.schemas.delete_schema(api.DeleteSchemaRequest(name=name))
    refused(Code.NOT_FOUND, lambda: get(w, name))


@case(docs.rpc("SchemaService.ValidateSchema"), differs_because=NO_PROTOCOL_BUFFERS)
def a_definition_is_validated(w: World) -> None:
    def check(kind: Type, definition: str) -> None:
        request = api.ValidateSchemaRequest(parent=w.project, schema=api.Schema(type_=kind, definition=definition))
        w.schemas.validate_schema(request)

    check(Type.AVRO, AVRO)
    check(Type.PROTOCOL_BUFFER, PROTO)
    refused(Code.INVALID_ARGUMENT, lambda: check(Type.AVRO, "nonsense"), "avro")
    refused(Code.INVALID_ARGUMENT, lambda: check(Type.PROTOCOL_BUFFER, "nonsense"), "protocol buffer")


@case(docs.rpc("SchemaService.ValidateMessage"))
def a_message_is_validated_by_name(w: World) -> None:
    name = schema(w).name
    validate(w, b'{"id": 7, "name": "a"}', api.Encoding.JSON, name=name)
    validate(w, AVRO_BINARY, api.Encoding.BINARY, name=name)
    for message in [b'{"id": "seven", "name": "a"}', b'{"id": 7}', b"nonsense", b""]:
        refused(Code.INVALID_ARGUMENT, lambda: validate(w, message, api.Encoding.JSON, name=name), repr(message))
    refused(Code.INVALID_ARGUMENT, lambda: validate(w, b"\x0e", api.Encoding.BINARY, name=name), "half a message")


@case(docs.rpc("SchemaService.ValidateMessage"), differs_because=NO_PROTOCOL_BUFFERS)
def a_message_is_validated_by_definition(w: World) -> None:
    avro = api.Schema(type_=Type.AVRO, definition=AVRO)
    proto = api.Schema(type_=Type.PROTOCOL_BUFFER, definition=PROTO)
    for against, binary in [(avro, AVRO_BINARY), (proto, PROTO_BINARY)]:
        validate(w, b'{"id": 7, "name": "a"}', api.Encoding.JSON, schema=against)
        validate(w, binary, api.Encoding.BINARY, schema=against)
        wrong = b'{"id": {}, "name": "a"}'
        refused(Code.INVALID_ARGUMENT, lambda: validate(w, wrong, api.Encoding.JSON, schema=against), "JSON")
        refused(Code.INVALID_ARGUMENT, lambda: validate(w, b"\xff", api.Encoding.BINARY, schema=against), "binary")


@case(docs.rpc("SchemaService.CommitSchema"), differs_because=BY_NUMBER)
def a_commit_makes_a_revision(w: World) -> None:
    first = schema(w)
    second = commit(w, first.name)
    holds(second.revision_id not in ("", first.revision_id), "a revision of its own")
    equal(get(w, first.name).definition, AVRO_WITH_MORE, "the schema without revision is the last")
    equal(get(w, f"{first.name}@{first.revision_id}").definition, AVRO, "the first by its revision")


@case(docs.rpc("SchemaService.CommitSchema"), differs_because=NO_PROTOCOL_BUFFERS)
def a_commit_keeps_the_type(w: World) -> None:
    name = schema(w).name
    refused(Code.INVALID_ARGUMENT, lambda: commit(w, name, PROTO, Type.PROTOCOL_BUFFER))
    refused(Code.INVALID_ARGUMENT, lambda: commit(w, name, "nonsense"), "a definition that is none")


@case(docs.rpc("SchemaService.ListSchemaRevisions"), differs_because=BY_NUMBER)
def revisions_are_listed(w: World) -> None:
    first = schema(w)
    second = commit(w, first.name)
    request = api.ListSchemaRevisionsRequest(name=first.name, view=View.FULL)
    listed = {one.revision_id: one.definition for one in w.schemas.list_schema_revisions(request)}
    equal(listed, {first.revision_id: AVRO, second.revision_id: AVRO_WITH_MORE}, "revisions")


@case(docs.rpc("SchemaService.RollbackSchema"), differs_because=BY_NUMBER)
def a_rollback_is_a_new_revision(w: World) -> None:
    first = schema(w)
    second = commit(w, first.name)
    back = w.schemas.rollback_schema(api.RollbackSchemaRequest(name=first.name, revision_id=first.revision_id))
    equal(back.definition, AVRO, "the definition")
    holds(back.revision_id not in (first.revision_id, second.revision_id), "a revision of its own")
    equal(get(w, first.name).definition, AVRO, "the schema")


@case(docs.rpc("SchemaService.DeleteSchemaRevision"), differs_because=BY_NUMBER)
def a_revision_is_deleted(w: World) -> None:
    first = schema(w)
    commit(w, first.name)
    old = f"{first.name}@{first.revision_id}"
    w.schemas.delete_schema_revision(api.DeleteSchemaRevisionRequest(name=old))
    refused(Code.NOT_FOUND, lambda: get(w, old), "get")
    equal(get(w, first.name).definition, AVRO_WITH_MORE, "the other revision")


@case("https://cloud.google.com/pubsub/docs/delete-schema-revision")
def the_last_revision_stays(w: World) -> None:
    made = schema(w)
    only = api.DeleteSchemaRevisionRequest(name=f"{made.name}@{made.revision_id}")
    refused({Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION}, lambda: w.schemas.delete_schema_revision(only))
