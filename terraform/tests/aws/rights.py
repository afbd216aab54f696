"""Whether each function's role may do what functions/manifest.json says and nothing else, as IAM has it after an apply.

rights.py MANIFEST BUCKET SECRETS (ARNs by name, JSON): prints how many rights were compared, or what differs.
"""

import json
import sys

from ask import client

ACCOUNT = "us-east-1:000000000000"
# Rights that the test grants itself, since the stand-in asks for other names than AWS.
TESTS_OWN = "batch"


def policies(role):
    """The statements of each policy in the role, by the policy's name."""
    iam = client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    got = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    if attached:
        sys.exit(f"{role} has other people's policies: {attached}")
    return {name: document["Statement"] for name, document in got.items() if name != TESTS_OWN}


def several(value):
    return value if isinstance(value, list) else [value]


def given(statements):
    """Each action on each resource."""
    for statement in statements:
        if statement["Effect"] != "Allow" or {"NotAction", "NotResource"} & set(statement):
            sys.exit(f"not of the plain kind: {statement}")
        for action in several(statement["Action"]):
            for resource in several(statement["Resource"]):
                yield action, resource


def wanted(name, function, bucket, secrets):
    """The same, from the manifest."""
    rights = function["rights"]
    bucket = f"arn:aws:s3:::{bucket}"
    stream = f"arn:aws:logs:{ACCOUNT}:log-group:/aws/lambda/farm-{name}:log-stream:*"
    below = {
        "read": ["s3:GetObject"],
        "remove": ["s3:DeleteObject"],
        "write": ["s3:AbortMultipartUpload", "s3:PutObject"],
    }
    yield from ((action, stream) for action in ("logs:CreateLogStream", "logs:PutLogEvents"))
    yield from (("sns:Publish", f"arn:aws:sns:{ACCOUNT}:farm-{topic}") for topic in rights["publish"])
    for right, actions in below.items():
        for prefix in rights.get(right, []):
            yield from ((action, f"{bucket}/{prefix}*") for action in actions)
    if rights["read"]:
        yield "s3:ListBucket", bucket
    known = function["secrets"] + function["optional_secrets"]
    yield from (("secretsmanager:GetSecretValue", secrets[secret]) for secret in known if secret in secrets)
    for push in function.get("pushes", []):
        queue = f"arn:aws:sqs:{ACCOUNT}:farm-{push['topic']}-{name}"
        yield from ((f"sqs:{action}", queue) for action in ("DeleteMessage", "GetQueueAttributes", "ReceiveMessage"))


def main(manifest, bucket, secrets):
    compared = 0
    for name, function in json.load(open(manifest)).items():
        got = policies(f"farm-{name}")
        own = set(given(got.pop("manifest")))
        should = set(wanted(name, function, bucket, json.loads(secrets)))
        if own != should:
            sys.exit(f"{name}: too much: {sorted(own - should)}; too little: {sorted(should - own)}")
        if got:
            sys.exit(f"{name} has also the rights {sorted(got)}")
        compared += len(own)
    print(f"{compared} rights of functions, as the manifest has them")


main(*sys.argv[1:])
