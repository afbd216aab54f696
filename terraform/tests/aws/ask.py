"""Asks the stand-in, as its owner: what the test looks at besides what the farm itself shows.

secret ARN | assume ROLE_ARN | keys BUCKET PREFIX | object BUCKET KEY | receive QUEUE_URL | waiting QUEUE_URL… |
log FUNCTION | tick SCHEDULE | instances | left
"""

import json
import os
import sys

import botocore.session


def client(service):
    return botocore.session.get_session().create_client(
        service,
        region_name="us-east-1",
        endpoint_url=os.environ["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def secret(arn):
    return client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"]


def assume(role):
    got = client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    return " ".join(got[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))


def keys(bucket, prefix):
    found = client("s3").list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    return "\n".join(item["Key"] for item in found)


def object(bucket, key):
    return client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def receive(queue):
    found = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5, MaxNumberOfMessages=10)
    return "\n".join(message["Body"] for message in found.get("Messages", []))


def waiting(*queues):
    """Those in which something is, and how much; that somebody holds it does not count as gone."""
    asked = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = {}
    for queue in queues:
        counts = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=asked)["Attributes"]
        found[queue.rsplit("/", 1)[-1]] = sum(int(count) for count in counts.values())
    return "\n".join(f"{name} {count}" for name, count in found.items() if count)


def tick(schedule):
    """Calls what the schedule calls, with what it says."""
    target = client("scheduler").get_schedule(Name=schedule)["Target"]
    done = client("lambda").invoke(FunctionName=target["Arn"], Payload=target["Input"])
    said = done["Payload"].read().decode()
    if "FunctionError" in done:
        sys.exit(f"{schedule}: {done['FunctionError']}: {said}")
    return said


def instances():
    """The farm's machines, by its tag: what each is made of."""
    tagged = [{"Name": "tag:farmhand-farm", "Values": ["farm"]}, {"Name": "instance-state-name", "Values": ["pending", "running"]}]
    found = client("ec2").describe_instances(Filters=tagged)["Reservations"]
    return "\n".join(f"{i['InstanceType']} {i['ImageId']}" for r in found for i in r["Instances"])


def log(function):
    events = client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}").get("events", [])
    return "\n".join(event["message"].rstrip() for event in events)


def left():
    """Names of what is there; of an account that was empty, and has been emptied, nothing."""
    ours = lambda names: [name for name in names if "farm" in name]
    found = {
        "buckets": [b["Name"] for b in client("s3").list_buckets()["Buckets"]],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "topics": [t["TopicArn"] for t in client("sns").list_topics()["Topics"]],
        "functions": [f["FunctionName"] for f in client("lambda").list_functions()["Functions"]],
        "event sources": [m["UUID"] for m in client("lambda").list_event_source_mappings()["EventSourceMappings"]],
        "apis": [a["Name"] for a in client("apigatewayv2").get_apis()["Items"]],
        "secrets": [s["Name"] for s in client("secretsmanager").list_secrets()["SecretList"]],
        "schedules": [s["Name"] for s in client("scheduler").list_schedules()["Schedules"]],
        "alarms": [a["AlarmName"] for a in client("cloudwatch").describe_alarms()["MetricAlarms"]],
        "log groups": ours(g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"]),
        "instances": instances().split("\n") if instances() else [],
        "roles": ours(r["RoleName"] for r in client("iam").list_roles()["Roles"]),
        "policies": ours(p["PolicyName"] for p in client("iam").list_policies(Scope="Local")["Policies"]),
    }
    return json.dumps({kind: names for kind, names in found.items() if names})


if __name__ == "__main__":
    print(globals()[sys.argv[1]](*sys.argv[2:]))
