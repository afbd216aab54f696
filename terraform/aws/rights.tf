# What each part may do, from the same lists for functions, coordinator and hubs. No action and no resource is a wildcard;
# the only '*' stand after a prefix of the bucket that is the right itself, and after a log group of its own.
#
# A missing object is answered 403 instead of 404 to who may not list. So who reads may list below what it reads; the
# condition has to hold for a request without a prefix too, which is what a read is.

locals {
  log_streams = { for name, group in aws_cloudwatch_log_group.function : name => "${group.arn}:log-stream:*" }

  own_queues = {
    for name in keys(module.names.functions) : name => [
      for subscription, push in module.names.pushes : aws_sqs_queue.of[subscription].arn if push.function == name
    ]
  }
}

data "aws_iam_policy_document" "function" {
  for_each = module.names.functions

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = [local.log_streams[each.key]]
  }

  dynamic "statement" {
    for_each = length(each.value.rights.publish) > 0 ? [each.value.rights.publish] : []
    content {
      sid       = "Publish"
      actions   = ["sns:Publish"]
      resources = [for topic in statement.value : aws_sns_topic.of[topic].arn]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.rights.write) > 0 ? [each.value.rights.write] : []
    content {
      sid       = "Write"
      actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
      resources = [for prefix in statement.value : "${aws_s3_bucket.farm.arn}/${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(try(each.value.rights.remove, [])) > 0 ? [each.value.rights.remove] : []
    content {
      sid       = "Remove"
      actions   = ["s3:DeleteObject"]
      resources = [for prefix in statement.value : "${aws_s3_bucket.farm.arn}/${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.rights.read) > 0 ? [each.value.rights.read] : []
    content {
      sid       = "Read"
      actions   = ["s3:GetObject"]
      resources = [for prefix in statement.value : "${aws_s3_bucket.farm.arn}/${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = length(each.value.rights.read) > 0 ? [each.value.rights.read] : []
    content {
      sid       = "List"
      actions   = ["s3:ListBucket"]
      resources = [aws_s3_bucket.farm.arn]
      condition {
        test     = "StringLikeIfExists"
        variable = "s3:prefix"
        values   = [for prefix in statement.value : "${prefix}*"]
      }
    }
  }

  dynamic "statement" {
    for_each = length(module.names.secrets_of[each.key]) > 0 ? [module.names.secrets_of[each.key]] : []
    content {
      sid       = "Secrets"
      actions   = ["secretsmanager:GetSecretValue"]
      resources = [for name in statement.value : local.secret_arns[name]]
    }
  }

  dynamic "statement" {
    for_each = length(local.own_queues[each.key]) > 0 ? [local.own_queues[each.key]] : []
    content {
      sid       = "Take"
      actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      resources = statement.value
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

# Coordinator and hubs.

locals {
  parts = merge(
    {
      coordinator = {
        publish = setsubtract(module.names.coordinator.publish, ["work"])
        # Who sends `work`, or rejects into dead letters, sends to a queue itself.
        send = concat(
          [for queue in local.hub_queues : queue.arn],
          [for name in keys(module.names.coordinator.receive) : aws_sqs_queue.dead[name].arn],
        )
        # It counts what lies among the dead letters.
        take = flatten([
          for name in keys(module.names.coordinator.receive) : [aws_sqs_queue.of[name].arn, aws_sqs_queue.dead[name].arn]
        ])
        read   = module.names.coordinator.read
        write  = module.names.coordinator.write
        remove = module.names.coordinator.remove
      }
    },
    {
      for hub, name in module.names.hub_subscriptions : "hub-${hub}" => {
        publish = toset(module.names.hub.publish)
        send    = [aws_sqs_queue.dead[name].arn]
        take    = [aws_sqs_queue.of[name].arn, aws_sqs_queue.dead[name].arn]
        read    = module.names.hub.read
        write   = module.names.hub.write
        remove  = module.names.hub.remove
      }
    },
  )
}

data "aws_iam_policy_document" "part" {
  for_each = local.parts

  statement {
    sid       = "Publish"
    actions   = ["sns:Publish"]
    resources = [for topic in each.value.publish : aws_sns_topic.of[topic].arn]
  }

  statement {
    sid       = "Send"
    actions   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
    resources = each.value.send
  }

  statement {
    sid = "Take"
    actions = [
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
    ]
    resources = each.value.take
  }

  statement {
    sid       = "Write"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for prefix in each.value.write : "${aws_s3_bucket.farm.arn}/${prefix}*"]
  }

  statement {
    sid       = "Remove"
    actions   = ["s3:DeleteObject"]
    resources = [for prefix in each.value.remove : "${aws_s3_bucket.farm.arn}/${prefix}*"]
  }

  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for prefix in each.value.read : "${aws_s3_bucket.farm.arn}/${prefix}*"]
  }

  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.farm.arn]
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = [for prefix in each.value.read : "${prefix}*"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_policy" "part" {
  for_each = local.parts

  name        = "${var.prefix}-${each.key}"
  description = "What Farmhand's ${each.key} may do"
  policy      = data.aws_iam_policy_document.part[each.key].json
  tags        = var.tags
}

data "aws_iam_policy_document" "by_runner" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = var.run == "elsewhere" ? "AWS" : "Service"
      identifiers = var.run == "elsewhere" ? var.trusted_arns : [var.run == "fargate" ? "ecs-tasks.amazonaws.com" : "ec2.amazonaws.com"]
    }
  }
}

# On one machine, one role is both: an instance has no second one.
resource "aws_iam_role" "part" {
  for_each = local.on_machine ? toset(["machine"]) : toset(keys(local.parts))

  name               = "${var.prefix}-${each.key}"
  description        = "Farmhand's ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.by_runner.json
  tags               = var.tags
}

resource "aws_iam_role_policy_attachment" "part" {
  for_each = local.parts

  role       = aws_iam_role.part[local.on_machine ? "machine" : each.key].name
  policy_arn = aws_iam_policy.part[each.key].arn
}
