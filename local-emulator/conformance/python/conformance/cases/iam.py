"""Access policies: an emulator guards nothing, and says so."""

from google.iam.v1 import iam_policy_pb2, policy_pb2

from conformance import docs
from conformance.case import case
from conformance.expect import refused
from conformance.world import Code, World

READERS = policy_pb2.Binding(role="roles/pubsub.viewer", members=["user:a@example.com"])


@case(docs.EMULATOR_LIMITATIONS)
def policies_are_not_supported(w: World) -> None:
    topic, publisher = w.topic(), w.clients.publisher
    write = iam_policy_pb2.SetIamPolicyRequest(resource=topic, policy=policy_pb2.Policy(bindings=[READERS]))
    refused(Code.UNIMPLEMENTED, lambda: publisher.set_iam_policy(write), "set")
    read = iam_policy_pb2.GetIamPolicyRequest(resource=topic)
    refused(Code.UNIMPLEMENTED, lambda: publisher.get_iam_policy(read), "get")


@case(docs.EMULATOR_LIMITATIONS)
def permissions_are_not_tested(w: World) -> None:
    _, subscription = w.pair()
    request = iam_policy_pb2.TestIamPermissionsRequest(resource=subscription, permissions=["pubsub.subscriptions.get"])
    refused(Code.UNIMPLEMENTED, lambda: w.clients.subscriber.test_iam_permissions(request))
