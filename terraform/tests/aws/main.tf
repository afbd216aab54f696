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

module "farm" {
  source = "../../aws"

  package   = var.package
  farm_toml = file("${path.module}/../../examples/farm.toml")
  # The stand-in speaks plain HTTP.
  environment = { AWS_ALLOW_HTTP = "true" }

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

# AWS takes `sns:Publish` for batches too; the stand-in asks for the name of the call. On the same topics, so that its answers
# still depend on them.
data "aws_iam_policy_document" "batch" {
  for_each = local.publishing

  statement {
    actions   = ["sns:PublishBatch"]
    resources = [for topic in each.value : "arn:aws:sns:us-east-1:000000000000:farm-${topic}"]
  }
}

resource "aws_iam_role_policy" "batch" {
  for_each = local.publishing

  name   = "batch"
  role   = module.farm.functions[each.key]
  policy = data.aws_iam_policy_document.batch[each.key].json
}

locals {
  manifest   = jsondecode(file("${path.module}/../../../functions/manifest.json"))
  publishing = { for name, function in local.manifest : name => function.rights.publish if length(function.rights.publish) > 0 }
}
