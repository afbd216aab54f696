# One Lambda function for each entry of functions/manifest.json, all of the same zip, each with a role that may do what the
# entry says and nothing else.

data "aws_iam_policy_document" "by_lambda" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "function" {
  for_each = module.names.functions

  name               = "${var.prefix}-${each.key}"
  description        = "Farmhand's function ${each.key}"
  assume_role_policy = data.aws_iam_policy_document.by_lambda.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "function" {
  for_each = module.names.functions

  name   = "manifest"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.function[each.key].json
}

resource "aws_cloudwatch_log_group" "function" {
  for_each = module.names.functions

  name              = "/aws/lambda/${var.prefix}-${each.key}"
  retention_in_days = 30
  tags              = var.tags
}

# One upload for all of them, under a name that says what is in it: functions of the last one find theirs until they are changed.
resource "aws_s3_object" "package" {
  bucket      = aws_s3_bucket.farm.bucket
  key         = "releases/functions-${filesha256(var.package)}.zip"
  source      = var.package
  source_hash = filesha256(var.package)
  tags        = var.tags

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.farm, aws_s3_bucket_ownership_controls.farm]
}

resource "aws_lambda_function" "of" {
  for_each = module.names.functions

  function_name    = "${var.prefix}-${each.key}"
  role             = aws_iam_role.function[each.key].arn
  s3_bucket        = aws_s3_object.package.bucket
  s3_key           = aws_s3_object.package.key
  source_code_hash = filebase64sha256(var.package)
  handler          = "bootstrap"
  runtime          = "provided.al2023"
  architectures    = [var.architecture]
  memory_size      = each.value.memory_mib
  timeout          = each.value.timeout_seconds

  reserved_concurrent_executions = (
    var.reserve_concurrency && each.value.concurrency.reserved > 0 ? each.value.concurrency.reserved : -1
  )

  environment {
    variables = merge(
      var.environment,
      { FUNCTION_TARGET = each.key },
      { for name in each.value.settings : name => local.settings[name] },
      module.names.settings_of[each.key],
      { for name in module.names.secrets_of[each.key] : name => "@${local.secret_arns[name]}" },
      # A function reads its secrets when it starts: another version of them starts it anew.
      { FARM_SECRETS_VERSION = tostring(var.secrets_version) },
    )
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  tags = var.tags

  depends_on = [aws_iam_role_policy.function, aws_iam_role_policy.pool, aws_secretsmanager_secret_version.made]

  lifecycle {
    precondition {
      condition     = length(jsonencode(module.names.settings_of[each.key])) <= 3500
      error_message = "Lambda has 4 KiB for all settings of a function: make those of ${each.key} shorter, FARM_POOLS above all."
    }
  }
}

locals {
  # What a setting of the manifest is here; one that is not listed fails the plan.
  settings = {
    FARM_BUS    = local.bus
    FARM_BUCKET = local.bucket
  }

  # Where the pages are is known here; what the operator says goes before.
  optional_settings = merge({ FARM_URL = local.url }, local.farm_pools, var.settings)
}

# What is pushed to a function: Lambda polls its queue, and learns which events of a batch failed.
resource "aws_lambda_event_source_mapping" "push" {
  for_each = module.names.pushes

  event_source_arn        = aws_sqs_queue.of[each.key].arn
  function_name           = aws_lambda_function.of[each.value.function].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  scaling_config {
    maximum_concurrency = 10
  }
}
