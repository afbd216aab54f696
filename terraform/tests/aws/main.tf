# What terraform/test-aws applies: the farm on a stand-in for AWS, whose address is in AWS_ENDPOINT_URL. The coordinator and
# the hub are processes of the test.

terraform {
  required_version = ">= 1.11"
}

provider "aws" {
  region                      = "us-east-1"
  access_key                  = var.access_key
  secret_key                  = var.secret_key
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}

variable "access_key" {
  description = "The stand-in's access key."
  type        = string
  default     = "test"
}

variable "secret_key" {
  description = "The stand-in's secret key."
  type        = string
  default     = "test"
  sensitive   = true
}

variable "package" {
  description = "The zip of scripts/package-functions.sh."
  type        = string
}

variable "hook" {
  description = "A webhook of the test's, which the farm calls."
  type        = string
}

# What calls of it are signed with. The farm takes a secret that its operator made.
resource "aws_secretsmanager_secret" "hook" {
  name                    = "hook-of-the-test"
  recovery_window_in_days = 0
}

ephemeral "aws_secretsmanager_random_password" "hook" {
  password_length     = 32
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "hook" {
  secret_id                = aws_secretsmanager_secret.hook.id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.hook.random_password
  secret_string_wo_version = 1
}

module "farm" {
  source = "../../aws"

  package   = var.package
  farm_toml = file("${path.module}/../../examples/farm.toml")
  # The stand-in speaks plain HTTP.
  environment = { AWS_ALLOW_HTTP = "true" }

  settings         = { FARM_HOOKS = var.hook }
  optional_secrets = { FARM_HOOK_SECRET = aws_secretsmanager_secret.hook.arn }

  run          = "elsewhere"
  database     = "none"
  trusted_arns = ["arn:aws:iam::000000000000:root"]

  bucket_destroyed_with_content = true
  secret_recovery_days          = 0
  alarms                        = { mail = ["builds@example.org"] }
  budget                        = 40
}

output "farm" {
  description = "What the farm's module says."
  value       = module.farm
}

# AWS takes the right to one message for the right to a batch; the stand-in asks for the name of the call. On the same topics
# and queues, so that its answers still depend on them.
data "aws_iam_policy_document" "batch" {
  for_each = local.batches

  dynamic "statement" {
    for_each = { for action, resources in each.value : action => resources if length(resources) > 0 }
    content {
      actions   = [statement.key]
      resources = statement.value
    }
  }
}

resource "aws_iam_role_policy" "batch" {
  for_each = local.batches

  name   = "batch"
  role   = local.role_names[each.key]
  policy = data.aws_iam_policy_document.batch[each.key].json
}

locals {
  manifest = jsondecode(file("${path.module}/../../../functions/manifest.json"))
  parts    = jsondecode(file("${path.module}/../../modules/names/parts.json"))
  here     = "us-east-1:000000000000:farm"

  receives = { coordinator = keys(local.parts.coordinator.receive), hub-h1 = ["work-h1"] }
  publishes = merge(
    { for name, function in local.manifest : name => function.rights.publish if length(function.rights.publish) > 0 },
    { coordinator = setsubtract(local.parts.coordinator.publish, ["work"]), hub-h1 = local.parts.hub.publish },
  )
  sends = { coordinator = ["work-h1"] }

  batches = {
    for name, topics in local.publishes : name => {
      "sns:PublishBatch"                 = [for topic in topics : "arn:aws:sns:${local.here}-${topic}"]
      "sqs:SendMessageBatch"             = [for queue in lookup(local.sends, name, []) : "arn:aws:sqs:${local.here}-${queue}"]
      "sqs:DeleteMessageBatch"           = [for queue in lookup(local.receives, name, []) : "arn:aws:sqs:${local.here}-${queue}"]
      "sqs:ChangeMessageVisibilityBatch" = [for queue in lookup(local.receives, name, []) : "arn:aws:sqs:${local.here}-${queue}"]
    }
  }
  role_names = merge(
    module.farm.functions,
    { for name, arn in module.farm.roles : name => regex("[^/]+$", arn) },
  )
}
