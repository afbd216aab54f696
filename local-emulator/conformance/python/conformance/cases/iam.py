"""Access policies. An emulator guards nothing; it answers so that programs which set policies run."""

from google.iam.v1 import iam_policy_pb2, policy_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import equal
from conformance.world import World

READERS = policy_pb2.Binding(role="roles/pubsub.viewer", members=["user:a@example.com"])


@case(docs.IAM)
def a_policy_can_be_set(w: World) -> None:
    topic = w.topic()
    request = iam_policy_pb2.SetIamPolicyRequest(resource=topic, policy=policy_pb2.Policy(bindings=[READERS]))
    w.clients.publisher.set_iam_policy(request)


@case(docs.IAM)
def a_policy_can_be_read(w: World) -> None:
    w.clients.publisher.get_iam_policy(iam_policy_pb2.GetIamPolicyRequest(resource=w.topic()))


@case(docs.IAM)
def everything_is_permitted(w: World) -> None:
    _, subscription = w.pair()
    asked = ["pubsub.subscriptions.consume", "pubsub.subscriptions.get"]
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=subscription, permissions=asked)
    equal(sorted(w.clients.subscriber.test_iam_permissions(request).permissions), asked, "permissions")
