"""A case's own corner of a server: a project of its own, and the official clients."""

import os
import time
import warnings
from collections.abc import Iterable
from typing import Any

import google.auth.credentials
import grpc
from google import pubsub_v1 as api
from google.cloud import pubsub_v1 as high
from google.pubsub_v1.services.publisher.transports import PublisherRestTransport
from google.pubsub_v1.services.schema_service.transports import SchemaServiceRestTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberRestTransport

from conformance.expect import PATIENCE, holds

Code = grpc.StatusCode

# Pull that answers at once is what a test wants, though a program should not use it.
warnings.filterwarnings("ignore", message=".*return_immediately.*")

# Methods that some case has called.
CALLED: set[str] = set()

_LIMITS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Clients:
    """The clients of one server, shared by all cases. `host` is `address:port`."""

    def __init__(self, host: str, over_rest: bool = False) -> None:
        # The hand-written clients read this, as programs under test do.
        os.environ["PUBSUB_EMULATOR_HOST"] = host
        self.host = host
        self.over_rest = over_rest
        self.channel = grpc.insecure_channel(host, options=_LIMITS)
        self.publisher = api.PublisherClient(transport=self._grpc(api.PublisherClient))
        self.subscriber = api.SubscriberClient(transport=self._grpc(api.SubscriberClient))
        self.schemas = api.SchemaServiceClient(transport=self._grpc(api.SchemaServiceClient))
        nobody = google.auth.credentials.AnonymousCredentials()
        plain = {"host": host, "url_scheme": "http", "credentials": nobody}
        self.rest_publisher = api.PublisherClient(transport=PublisherRestTransport(**plain))
        self.rest_subscriber = api.SubscriberClient(transport=SubscriberRestTransport(**plain))
        self.rest_schemas = api.SchemaServiceClient(transport=SchemaServiceRestTransport(**plain))

    def _grpc(self, client: Any) -> Any:
        return client.get_transport_class("grpc")(channel=self.channel)


class World:
    """What a case works with. No two cases share a project, so none sees another's topics."""

    def __init__(self, clients: Clients, project: str) -> None:
        self.clients = clients
        self.project = f"projects/{project}"
        self.publisher = Once(clients.publisher)
        self.subscriber = Once(clients.subscriber)
        self.schemas = Once(clients.schemas)
        if clients.over_rest:
            self.use_rest()

    def use_rest(self) -> None:
        """From here on calls go over REST; streams, which it has not, stay."""
        self.publisher = Once(self.clients.rest_publisher)
        self.subscriber = Once(self.clients.rest_subscriber)
        self.schemas = Once(self.clients.rest_schemas)

    def name(self, kind: str, name: str) -> str:
        """The full name of a resource in this project: `kind` is `topics`, `subscriptions`, …"""
        return f"{self.project}/{kind}/{name}"

    def topic(self, name: str = "events", **settings: Any) -> str:
        full = self.name("topics", name)
        self.publisher.create_topic(api.Topic(name=full, **settings))
        return full

    def subscription(self, topic: str, name: str = "worker", **settings: Any) -> str:
        full = self.name("subscriptions", name)
        self.subscriber.create_subscription(api.Subscription(name=full, topic=topic, **settings))
        return full

    def pair(self, **settings: Any) -> tuple[str, str]:
        """A topic, and a subscription to it with these settings."""
        topic = self.topic()
        return topic, self.subscription(topic, **settings)

    def publish(self, topic: str, *messages: Any) -> list[str]:
        """Messages, or texts for messages; the ids they were given."""
        made = [api.PubsubMessage(data=one.encode()) if isinstance(one, str) else one for one in messages]
        return list(self.publisher.publish(api.PublishRequest(topic=topic, messages=made)).message_ids)

    def look(self, subscription: str, most: int = 1000) -> list[api.ReceivedMessage]:
        """What is there at this moment."""
        request = api.PullRequest(subscription=subscription, max_messages=most, return_immediately=True)
        return list(self.subscriber.pull(request).received_messages)

    def pull(self, subscription: str, number: int = 1, within: float = PATIENCE) -> list[api.ReceivedMessage]:
        """This many messages, leased; fails if they do not come in time."""
        deadline, received = time.monotonic() + within, []
        while len(received) < number:
            received += self.look(subscription, number - len(received))
            if len(received) < number:
                holds(time.monotonic() < deadline, f"{len(received)} of {number} messages came within {within} s")
                time.sleep(0.02)
        return received

    def quiet(self, subscription: str, seconds: float = 0.5) -> None:
        """Fails if anything comes in this time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            came = self.look(subscription)
            holds(not came, f"nothing was to come, but {texts(came)} did")
            time.sleep(0.05)

    def ack(self, subscription: str, received: Iterable[api.ReceivedMessage]) -> None:
        ids = [one.ack_id for one in received]
        self.subscriber.acknowledge(api.AcknowledgeRequest(subscription=subscription, ack_ids=ids))

    def deadline(self, subscription: str, received: Iterable[api.ReceivedMessage], seconds: int) -> None:
        """The time left for these messages, from now on."""
        ids = [one.ack_id for one in received]
        self.subscriber.modify_ack_deadline(
            api.ModifyAckDeadlineRequest(subscription=subscription, ack_ids=ids, ack_deadline_seconds=seconds)
        )

    def nack(self, subscription: str, received: Iterable[api.ReceivedMessage]) -> None:
        self.deadline(subscription, received, 0)

    def high_publisher(self, **options: Any) -> high.PublisherClient:
        """The client that programs use: it collects batches by itself."""
        return high.PublisherClient(publisher_options=high.types.PublisherOptions(**options))


class Once:
    """A client whose calls are tried once, and end in time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, method: str) -> Any:
        CALLED.add(method)
        call = getattr(self._client, method)
        return lambda request=None, **more: call(request=request, **{"retry": None, "timeout": PATIENCE, **more})


def texts(received: Iterable[api.ReceivedMessage]) -> list[str]:
    return [one.message.data.decode() for one in received]
