# What the time calls: the function learns from the event which of its paths is meant. Nobody reaches those paths through
# the API.

data "aws_iam_policy_document" "by_scheduler" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "schedule" {
  count = length(module.names.ticks) > 0 ? 1 : 0

  statement {
    sid       = "Call"
    actions   = ["lambda:InvokeFunction"]
    resources = [for name in toset([for tick in module.names.ticks : tick.function]) : aws_lambda_function.of[name].arn]
  }
}

resource "aws_iam_role" "schedule" {
  count = length(module.names.ticks) > 0 ? 1 : 0

  name               = "${var.prefix}-schedule"
  description        = "Farmhand's schedules call functions"
  assume_role_policy = data.aws_iam_policy_document.by_scheduler.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "schedule" {
  count = length(module.names.ticks) > 0 ? 1 : 0

  name   = "call"
  role   = aws_iam_role.schedule[0].id
  policy = data.aws_iam_policy_document.schedule[0].json
}

resource "aws_scheduler_schedule" "tick" {
  for_each = module.names.ticks

  name        = "${var.prefix}-${each.key}"
  description = "Farmhand: ${each.value.path} of ${each.value.function}"
  # A schedule counts in minutes: what should be more often is once a minute here.
  schedule_expression = (
    each.value.every_seconds < 120
    ? "rate(1 minute)"
    : "rate(${ceil(each.value.every_seconds / 60)} minutes)"
  )

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_lambda_function.of[each.value.function].arn
    role_arn = aws_iam_role.schedule[0].arn
    input = jsonencode({
      "detail-type" = "Scheduled Event"
      source        = "farmhand.schedule"
      detail        = { path = each.value.path }
    })

    # The next call comes anyway.
    retry_policy {
      maximum_retry_attempts       = 0
      maximum_event_age_in_seconds = 60
    }
  }
}
