"""The filter language: what each expression lets through, and what is no expression."""

from google import pubsub_v1 as api

from conformance import docs
from conformance.case import add, case
from conformance.expect import equal, refused
from conformance.world import Code, World, texts

NOT_APPLIED = docs.limitation("filters are kept, not read and not applied")

# Name, attributes.
MESSAGES = {
    "none": {},
    "red": {"colour": "red"},
    "dark-red": {"colour": "dark red", "size": "10"},
    "green": {"colour": "green", "size": "1"},
    "unset": {"colour": ""},
    "quoted": {"a key": 'say "x"', "back\\slash": "\\"},
    "unicode": {"цвет": "красный"},
    "upper": {"Colour": "Red"},
    "size": {"size": "10"},
}
ALL = set(MESSAGES)

EXPRESSIONS = {
    "has_key": ("attributes:colour", {"red", "dark-red", "green", "unset"}),
    "equals": ('attributes.colour = "red"', {"red"}),
    "equals_empty": ('attributes.colour = ""', {"unset"}),
    "differs": ('attributes.colour != "red"', ALL - {"red"}),
    "has_prefix": ('hasPrefix(attributes.colour, "dark")', {"dark-red"}),
    "has_empty_prefix": ('hasPrefix(attributes.colour, "")', {"red", "dark-red", "green", "unset"}),
    "not": ("NOT attributes:colour", ALL - {"red", "dark-red", "green", "unset"}),
    "and": ('attributes:colour AND attributes.size = "10"', {"dark-red"}),
    "or": ('attributes.colour = "red" OR attributes.size = "1"', {"red", "green"}),
    "grouped": ('attributes:colour AND (attributes.size = "1" OR attributes.size = "10")', {"dark-red", "green"}),
    "not_of_a_group": ("NOT (attributes:colour OR attributes:size)", {"none", "quoted", "unicode", "upper"}),
    "and_not": ('attributes:size AND NOT hasPrefix(attributes.colour, "dark")', {"green", "size"}),
    "nested": ('(attributes:size AND (NOT attributes:colour OR attributes.colour = "green"))', {"green", "size"}),
    "quoted_key": ('attributes:"a key"', {"quoted"}),
    "escaped_quote": ('attributes."a key" = "say \\"x\\""', {"quoted"}),
    "escaped_backslash": ('attributes."back\\\\slash" = "\\\\"', {"quoted"}),
    "unicode_in_quotes": ('attributes."цвет" = "красный"', {"unicode"}),
    "escaped_unicode": ('attributes:"\\u0446\\u0432\\u0435\\u0442"', {"unicode"}),
    "case_of_keys_and_values": ('attributes.Colour = "Red"', {"upper"}),
    "spaces": ('  attributes:colour   AND   attributes.size="1"  ', {"green"}),
}

INVALID = {
    "a_bare_word": "colour",
    "an_unknown_field": 'data = "x"',
    "a_value_without_quotes": "attributes.colour = red",
    "a_string_without_end": 'attributes.colour = "red',
    "and_mixed_with_or": "attributes:a AND attributes:b OR attributes:c",
    "lower_case_operators": "attributes:a and attributes:b",
    "an_unknown_function": 'hasSuffix(attributes.colour, "d")',
    "a_function_of_one_argument": "hasPrefix(attributes.colour)",
    "a_group_without_end": "(attributes:a",
    "a_group_too_much": "attributes:a)",
    "an_operator_without_operand": "attributes:a AND",
    "an_order_comparison": 'attributes.size < "5"',
    "an_unknown_escape": 'attributes.a = "\\q"',
    "two_without_operator": "attributes:a attributes:b",
}


def lets_through(expression: str, names: set[str]):
    def run(w: World) -> None:
        topic, subscription = w.pair(filter=expression)
        sent = [api.PubsubMessage(data=name.encode(), attributes=named) for name, named in MESSAGES.items()]
        w.publish(topic, *sent)
        received = w.pull(subscription, len(names))
        received += w.look(subscription)
        equal(sorted(texts(received)), sorted(names), f"what passes {expression}")

    return run


def is_refused(expression: str):
    def run(w: World) -> None:
        topic = w.topic()
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, filter=expression), repr(expression))

    return run


for name, (expression, names) in EXPRESSIONS.items():
    add(f"filters.{name}", docs.FILTERS, lets_through(expression, names), NOT_APPLIED)
for name, expression in INVALID.items():
    add(f"filters.refused.{name}", docs.FILTERS, is_refused(expression), NOT_APPLIED)


@case(docs.FILTERS, differs_because=NOT_APPLIED)
def at_most_256_bytes(w: World) -> None:
    topic = w.topic()
    w.subscription(topic, "fits", filter='attributes.a="' + "x" * 241 + '"')
    refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, filter='attributes.a="' + "x" * 242 + '"'))


@case(docs.FILTERS, differs_because=NOT_APPLIED)
def what_does_not_match_is_acknowledged(w: World) -> None:
    topic, subscription = w.pair(filter="attributes:wanted", enable_message_ordering=True)
    unwanted = api.PubsubMessage(data=b"unwanted", ordering_key="key")
    wanted = api.PubsubMessage(data=b"wanted", ordering_key="key", attributes={"wanted": ""})
    w.publish(topic, unwanted, wanted)
    equal(texts(w.pull(subscription)), ["wanted"], "what comes, though another of the key was before it")
    w.quiet(subscription)
