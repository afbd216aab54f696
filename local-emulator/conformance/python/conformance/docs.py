"""Where the service's documentation says what the cases hold it to."""

_SITE = "https://cloud.google.com/pubsub"

ATTRIBUTES = f"{_SITE}/docs/publisher#using-attributes"
BATCHES = f"{_SITE}/docs/batch-messaging"
DEAD_LETTERS = f"{_SITE}/docs/handling-failures#dead_letter_topic"
EMULATOR_LIMITATIONS = f"{_SITE}/docs/emulator#known-limitations"
DETACH = f"{_SITE}/docs/detach-subscriptions"
ERRORS = f"{_SITE}/docs/reference/error-codes"
EXACTLY_ONCE = f"{_SITE}/docs/exactly-once-delivery"
FILTERS = f"{_SITE}/docs/subscription-message-filter"
LABELS = f"{_SITE}/docs/labels#requirements"
LIMITS = f"{_SITE}/quotas#resource_limits"
NAMES = f"{_SITE}/docs/pubsub-basics#resource_names"
ORDERING = f"{_SITE}/docs/ordering"
PUSH = f"{_SITE}/docs/push#receive_push"
PUSH_BACK_OFF = f"{_SITE}/docs/push#push_backoff"
PUSH_AUTHENTICATION = f"{_SITE}/docs/authenticate-push-subscriptions"
REPLAY = f"{_SITE}/docs/replay-overview"
RETRY = f"{_SITE}/docs/handling-failures#exponential_backoff"
SCHEMAS = f"{_SITE}/docs/schemas"
UNWRAPPED = f"{_SITE}/docs/payload-unwrapping"


def limitation(what: str) -> str:
    """A reason to differ: Google says itself that its emulator lacks this."""
    return f"{what}: named at {EMULATOR_LIMITATIONS}"


def rpc(anchor: str) -> str:
    """A method, message or field in the reference of google.pubsub.v1."""
    return f"{_SITE}/docs/reference/rpc/google.pubsub.v1#google.pubsub.v1.{anchor}"


def rest(resource: str) -> str:
    """A resource or method in the REST reference."""
    return f"{_SITE}/docs/reference/rest/v1/{resource}"
