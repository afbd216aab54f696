# What coordinator and hubs have in common on ECS Fargate: a cluster, logs, and the role that starts tasks. The images hold
# one binary and no shell, and run as nobody (65532): a short-lived container beside each writes its files first.

locals {
  user = "65532"

  # Secrets that a task is given at its start, by ARN.
  task_secrets = local.on_fargate ? {
    coordinator = [aws_secretsmanager_secret.database[local.state_url].arn]
    hub = concat(
      [aws_secretsmanager_secret.made[local.machine_key].arn],
      var.hub_certificate_arn == null ? [] : [var.hub_certificate_arn],
    )
  } : {}

  task_environment = merge(var.environment, {
    FARM_BUS    = local.bus
    FARM_BUCKET = local.bucket
    FARM_DATA   = "/data"
    TMPDIR      = "/data"
  })
}

resource "aws_ecs_cluster" "farm" {
  count = local.on_fargate ? 1 : 0

  name = var.prefix
  tags = var.tags

  setting {
    name  = "containerInsights"
    value = "disabled"
  }
}

resource "aws_cloudwatch_log_group" "task" {
  for_each = local.task_secrets

  name              = "/farm/${var.prefix}/${each.key}"
  retention_in_days = 30
  tags              = var.tags
}

data "aws_iam_policy_document" "by_tasks" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "start" {
  for_each = local.task_secrets

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.task[each.key].arn}:log-stream:*"]
  }

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = each.value
  }

  dynamic "statement" {
    for_each = length(var.images.repository_arns) > 0 ? [var.images.repository_arns] : []
    content {
      sid       = "Images"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = statement.value
    }
  }

  # A token is for all repositories or for none: AWS knows no narrower resource.
  dynamic "statement" {
    for_each = length(var.images.repository_arns) > 0 ? [1] : []
    content {
      sid       = "ImageToken"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = ["*"] # tidy: allowed
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]
    content {
      sid       = "Key"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role" "start" {
  for_each = local.task_secrets

  name               = "${var.prefix}-start-${each.key}"
  description        = "ECS starts Farmhand's ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.by_tasks.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "start" {
  for_each = local.task_secrets

  name   = "start"
  role   = aws_iam_role.start[each.key].id
  policy = data.aws_iam_policy_document.start[each.key].json
}
