"""Push to an HTTP server of the case's own."""

import base64
import http.server
import json
import queue
import threading
import time

from google import pubsub_v1 as api
from google.protobuf import field_mask_pb2

from conformance import docs
from conformance.case import add, case
from conformance.expect import PATIENCE, between, equal, eventually, holds, refused
from conformance.world import Code, World, texts

NO_BEARER = "every push carries a JWT in its Authorization header when the subscription asks for authentication"


class Endpoint:
    """Answers pushes with `answers` in turn, and from then on with the last of them."""

    def __init__(self, *answers: int, port: int = 0) -> None:
        self.posts: queue.Queue = queue.Queue()
        self.times: list[float] = []
        left, posts, times = list(answers), self.posts, self.times

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                times.append(time.monotonic())
                posts.put((dict((name.lower(), value) for name, value in self.headers.items()), body))
                self.send_response(left.pop(0) if len(left) > 1 else left[0])
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/push"

    def post(self) -> tuple[dict[str, str], bytes]:
        """Headers (names in lower case) and body of the next push."""
        try:
            return self.posts.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError(f"no push within {PATIENCE} s") from None

    def __enter__(self) -> "Endpoint":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


def pushed_to(url: str, **settings) -> api.PushConfig:
    return api.PushConfig(push_endpoint=url, **settings)


def no_push(w: World, subscription: str) -> None:
    request = api.ModifyPushConfigRequest(subscription=subscription, push_config=api.PushConfig())
    w.subscriber.modify_push_config(request)


@case(docs.PUSH)
def a_wrapped_message_is_json(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, subscription = w.pair(push_config=pushed_to(endpoint.url))
        ids = w.publish(topic, api.PubsubMessage(data="день".encode(), attributes={"a": "b"}))
        headers, body = endpoint.post()
        read = json.loads(body)
        holds(headers["content-type"].startswith("application/json"), headers["content-type"])
        equal(read["subscription"], subscription, "subscription")
        message = read["message"]
        equal(base64.b64decode(message["data"]).decode(), "день", "data")
        equal(message["attributes"], {"a": "b"}, "attributes")
        equal([message["messageId"]], ids, "messageId")
        holds(message["publishTime"], "publishTime")


@case(docs.PUSH)
def a_wrapped_message_has_both_spellings(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, _ = w.pair(push_config=pushed_to(endpoint.url))
        w.publish(topic, "x")
        message = json.loads(endpoint.post()[1])["message"]
        equal(message["message_id"], message["messageId"], "message_id")
        equal(message["publish_time"], message["publishTime"], "publish_time")


@case(docs.ORDERING, differs_because="a pushed message carries its orderingKey, as PubsubMessage has it")
def a_wrapped_message_has_its_ordering_key(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, _ = w.pair(push_config=pushed_to(endpoint.url), enable_message_ordering=True)
        w.publish(topic, api.PubsubMessage(data=b"x", ordering_key="key"))
        equal(json.loads(endpoint.post()[1])["message"].get("orderingKey"), "key", "orderingKey")


@case(docs.DEAD_LETTERS, differs_because="with dead lettering, deliveryAttempt is in the body of a push")
def a_wrapped_message_has_its_delivery_attempt(w: World) -> None:
    with Endpoint(500, 204) as endpoint:
        dead = api.DeadLetterPolicy(dead_letter_topic=w.topic("dead"), max_delivery_attempts=5)
        topic, _ = w.pair(push_config=pushed_to(endpoint.url), dead_letter_policy=dead)
        w.publish(topic, "x")
        attempts = [json.loads(endpoint.post()[1]).get("deliveryAttempt") for _ in range(2)]
        equal(attempts, [1, 2], "deliveryAttempt")


@case(docs.DEAD_LETTERS)
def a_push_that_always_fails_is_a_dead_letter(w: World) -> None:
    with Endpoint(500) as endpoint:
        dead = w.topic("dead")
        letters = w.subscription(dead, "letters")
        policy = api.DeadLetterPolicy(dead_letter_topic=dead, max_delivery_attempts=5)
        retry = api.RetryPolicy(minimum_backoff={"nanos": 100_000_000}, maximum_backoff={"nanos": 200_000_000})
        topic, _ = w.pair(push_config=pushed_to(endpoint.url), dead_letter_policy=policy, retry_policy=retry)
        w.publish(topic, "poison")
        equal(texts(w.pull(letters)), ["poison"], "letters")
        equal(endpoint.posts.qsize(), 5, "pushes before")


def acknowledges(status: int):
    def run(w: World) -> None:
        with Endpoint(status) as endpoint:
            topic, subscription = w.pair(push_config=pushed_to(endpoint.url))
            w.publish(topic, "x")
            endpoint.post()
            time.sleep(1.5)
            equal(endpoint.posts.qsize(), 0, "further pushes")
            no_push(w, subscription)
            w.quiet(subscription)

    return run


def is_a_failure(status: int):
    def run(w: World) -> None:
        with Endpoint(status, 204) as endpoint:
            topic, _ = w.pair(push_config=pushed_to(endpoint.url))
            w.publish(topic, "x")
            first, second = endpoint.post()[1], endpoint.post()[1]
            equal(
                json.loads(second)["message"]["messageId"],
                json.loads(first)["message"]["messageId"],
                "what is pushed again",
            )

    return run


# Google's emulator pushes again after 202, which the documentation lists as success.
ACCEPTED = {202: "102, 200, 201, 202 and 204 acknowledge"}
for status in [200, 201, 202, 204]:
    add(f"push.{status}_acknowledges", docs.PUSH, acknowledges(status), ACCEPTED.get(status))
for status in [302, 400, 404, 429, 500, 503]:
    add(f"push.{status}_is_a_failure", docs.PUSH, is_a_failure(status))


@case(docs.PUSH_BACK_OFF)
def an_endpoint_that_comes_late_gets_its_messages(w: World) -> None:
    early = Endpoint(204)
    early.server.server_close()
    topic, _ = w.pair(push_config=pushed_to(early.url))
    w.publish(topic, "x")
    time.sleep(0.5)
    with Endpoint(204, port=early.server.server_port) as late:
        late.post()


@case(
    docs.RETRY,
    differs_because="the retry policy of a subscription holds for push: failures are tried again after its back-off",
)
def back_off_holds_for_push(w: World) -> None:
    with Endpoint(500, 204) as endpoint:
        policy = api.RetryPolicy(minimum_backoff={"seconds": 3}, maximum_backoff={"seconds": 3})
        topic, _ = w.pair(push_config=pushed_to(endpoint.url), retry_policy=policy)
        w.publish(topic, "x")
        endpoint.post()
        endpoint.post()
        between(endpoint.times[1] - endpoint.times[0], 2.5, 8, "back-off of three seconds")


@case(docs.ORDERING)
def a_key_waits_for_the_push_before(w: World) -> None:
    with Endpoint(500, 500, 204) as endpoint:
        retry = api.RetryPolicy(minimum_backoff={"nanos": 100_000_000}, maximum_backoff={"nanos": 100_000_000})
        topic, _ = w.pair(push_config=pushed_to(endpoint.url), enable_message_ordering=True, retry_policy=retry)
        w.publish(topic, *(api.PubsubMessage(data=text, ordering_key="k") for text in [b"1", b"2", b"3"]))
        pushed = [base64.b64decode(json.loads(endpoint.post()[1])["message"]["data"]) for _ in range(5)]
        equal(pushed, [b"1", b"1", b"1", b"2", b"3"], "pushes")


@case(docs.UNWRAPPED, differs_because="the body of an unwrapped push is the message's data as it is")
def an_unwrapped_message_is_its_data(w: World) -> None:
    with Endpoint(204) as endpoint:
        bare = api.PushConfig.NoWrapper()
        topic, _ = w.pair(push_config=pushed_to(endpoint.url, no_wrapper=bare))
        w.publish(topic, api.PubsubMessage(data=b"\0raw\xff", attributes={"a": "b"}))
        headers, body = endpoint.post()
        equal(body, b"\0raw\xff", "the body")
        holds("a" not in headers and "x-goog-pubsub-message-id" not in headers, f"no metadata: {headers}")


@case(docs.UNWRAPPED)
def metadata_of_an_unwrapped_message_is_in_headers(w: World) -> None:
    with Endpoint(204) as endpoint:
        bare = api.PushConfig.NoWrapper(write_metadata=True)
        topic, subscription = w.pair(push_config=pushed_to(endpoint.url, no_wrapper=bare))
        named = {"ce-id": "42", "ce-type": "t", "content-type": "text/plain"}
        ids = w.publish(topic, api.PubsubMessage(data=b"x", attributes=named))
        headers, _ = endpoint.post()
        equal({name: headers.get(name) for name in named}, named, "attributes as headers")
        equal([headers["x-goog-pubsub-message-id"]], ids, "the id")
        equal(headers["x-goog-pubsub-subscription-name"], subscription, "the subscription")
        holds(headers["x-goog-pubsub-publish-time"], "the time")


@case(docs.PUSH_AUTHENTICATION, differs_because=NO_BEARER)
def a_push_with_authentication_carries_a_token(w: World) -> None:
    with Endpoint(204) as endpoint:
        token = api.PushConfig.OidcToken(service_account_email="pusher@p.iam.gserviceaccount.com", audience="farm")
        topic, _ = w.pair(push_config=pushed_to(endpoint.url, oidc_token=token))
        w.publish(topic, "x")
        kind, jwt = endpoint.post()[0].get("authorization", " ").split(" ")
        equal(kind, "Bearer", "the kind of authorization")
        header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in jwt.split(".")[:2])
        # Which key, and by which algorithm, a receiver reads in the published key set.
        holds(header["typ"] == "JWT" and header["kid"] and header["alg"] != "none", f"the token's header: {header}")
        equal((claims["aud"], claims["email"]), ("farm", "pusher@p.iam.gserviceaccount.com"), "claims")
        equal((claims["email_verified"], claims["iss"]), (True, "https://accounts.google.com"), "claims")
        holds(claims["sub"] and claims["exp"] > claims["iat"] > time.time() - 3600, f"claims: {claims}")


@case(docs.PUSH_AUTHENTICATION, differs_because=NO_BEARER)
def a_token_without_audience_is_for_the_endpoint(w: World) -> None:
    with Endpoint(204) as endpoint:
        token = api.PushConfig.OidcToken(service_account_email="pusher@p.iam.gserviceaccount.com")
        topic, _ = w.pair(push_config=pushed_to(endpoint.url, oidc_token=token))
        w.publish(topic, "x")
        jwt = endpoint.post()[0].get("authorization", " ").split(" ")[1]
        holds(jwt, "a token")
        claims = json.loads(base64.urlsafe_b64decode(jwt.split(".")[1] + "=="))
        equal(claims["aud"], endpoint.url, "the audience")


@case(docs.rpc("Subscriber.ModifyPushConfig"))
def push_can_begin_and_end(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, subscription = w.pair()
        w.publish(topic, "1")
        begin = api.ModifyPushConfigRequest(subscription=subscription, push_config=pushed_to(endpoint.url))
        w.subscriber.modify_push_config(begin)
        endpoint.post()
        no_push(w, subscription)
        w.publish(topic, "2")
        eventually(lambda: "2" in texts(w.look(subscription)), "what was published since is pulled")
        equal(endpoint.posts.qsize(), 0, "further pushes")


@case(docs.rpc("Subscriber.ModifyPushConfig"))
def the_endpoint_can_change(w: World) -> None:
    with Endpoint(204) as old, Endpoint(204) as new:
        topic, subscription = w.pair(push_config=pushed_to(old.url))
        w.publish(topic, "1")
        old.post()
        change = api.ModifyPushConfigRequest(subscription=subscription, push_config=pushed_to(new.url))
        w.subscriber.modify_push_config(change)
        w.publish(topic, "2")
        new.post()
        equal(old.posts.qsize(), 0, "pushes to the old one")


@case(docs.rpc("Subscriber.UpdateSubscription"))
def an_update_can_begin_push(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, subscription = w.pair()
        w.publish(topic, "x")
        changed = api.Subscription(name=subscription, topic=topic, push_config=pushed_to(endpoint.url))
        mask = field_mask_pb2.FieldMask(paths=["push_config"])
        w.subscriber.update_subscription(api.UpdateSubscriptionRequest(subscription=changed, update_mask=mask))
        endpoint.post()


@case(docs.rpc("PushConfig"))
def an_endpoint_is_a_url(w: World) -> None:
    topic = w.topic()
    for url in ["not a url", "ftp://127.0.0.1/", "127.0.0.1:80"]:
        refused(Code.INVALID_ARGUMENT, lambda: w.subscription(topic, push_config=pushed_to(url)), url)


@case(docs.PUSH_BACK_OFF)
def many_messages_are_pushed_once_each(w: World) -> None:
    with Endpoint(204) as endpoint:
        topic, _ = w.pair(push_config=pushed_to(endpoint.url))
        ids = w.publish(topic, *(str(n) for n in range(100)))
        eventually(lambda: endpoint.posts.qsize() >= 100, "100 pushes")
        pushed = [json.loads(endpoint.post()[1])["message"]["messageId"] for _ in range(100)]
        equal(sorted(pushed), sorted(ids), "ids")
