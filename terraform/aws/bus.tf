# Topics are SNS topics and subscriptions SQS queues, each with its dead letters. `work` has no topic: it goes straight to
# the queue of the hub that it names, since changes of SNS filters take minutes to count.

locals {
  # What is sent through a topic: subscription to topic.
  through_topics = merge(
    module.names.coordinator.receive,
    { for name, push in module.names.pushes : name => push.topic },
  )
  queues = toset(concat(keys(local.through_topics), values(module.names.hub_subscriptions)))

  hub_queues = { for hub, subscription in module.names.hub_subscriptions : hub => aws_sqs_queue.of[subscription] }
}

resource "aws_sns_topic" "of" {
  for_each = setsubtract(module.names.topics, ["work"])

  name              = "${var.prefix}-${each.key}"
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

resource "aws_sqs_queue" "of" {
  for_each = local.queues

  name                      = "${var.prefix}-${each.key}"
  message_retention_seconds = 4 * 86400
  receive_wait_time_seconds = 20
  # Receivers keep what they hold for as long as they live. Of a function, Lambda asks for six times its time-out.
  visibility_timeout_seconds = (
    contains(keys(module.names.pushes), each.key)
    ? 6 * module.names.functions[module.names.pushes[each.key].function].timeout_seconds
    : module.names.limits.ack_deadline_seconds
  )
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn
    maxReceiveCount     = module.names.limits.max_delivery_attempts
  })
  sqs_managed_sse_enabled = var.kms_key_arn == null ? true : null
  kms_master_key_id       = var.kms_key_arn
  tags                    = var.tags
}

# A message keeps the age it had: letters must be kept for longer than messages.
resource "aws_sqs_queue" "dead" {
  for_each = local.queues

  name                      = "${var.prefix}-${each.key}-dead"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = var.kms_key_arn == null ? true : null
  kms_master_key_id         = var.kms_key_arn
  tags                      = var.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.of[each.key].arn]
  })
}

resource "aws_sns_topic_subscription" "of" {
  for_each = local.through_topics

  topic_arn            = aws_sns_topic.of[each.value].arn
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.of[each.key].arn
  raw_message_delivery = true
  # What SNS itself cannot hand to the queue is kept too.
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead[each.key].arn })
}

data "aws_iam_policy_document" "queue" {
  for_each = local.through_topics

  statement {
    sid       = "FromItsTopic"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.of[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.of[each.value].arn]
    }
  }
}

resource "aws_sqs_queue_policy" "of" {
  for_each = local.through_topics

  queue_url = aws_sqs_queue.of[each.key].url
  policy    = data.aws_iam_policy_document.queue[each.key].json
}

data "aws_iam_policy_document" "dead" {
  for_each = local.through_topics

  statement {
    sid       = "FromItsTopic"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead[each.key].arn]

    principals {
      type        = "Service"
      identifiers = ["sns.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_sns_topic.of[each.value].arn]
    }
  }
}

resource "aws_sqs_queue_policy" "dead" {
  for_each = local.through_topics

  queue_url = aws_sqs_queue.dead[each.key].url
  policy    = data.aws_iam_policy_document.dead[each.key].json
}
