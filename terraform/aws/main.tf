# The farm on AWS. Each file is one concern; what the parts of the farm are and may do comes from ../modules/names.

module "names" {
  source = "../modules/names"

  prefix           = var.prefix
  hubs             = var.hubs
  optional_secrets = keys(var.optional_secrets)
  settings         = local.optional_settings
}

data "aws_caller_identity" "here" {}
data "aws_region" "here" {}
data "aws_partition" "here" {}

locals {
  account   = data.aws_caller_identity.here.account_id
  region    = data.aws_region.here.name
  partition = data.aws_partition.here.partition

  bus    = "aws://${local.region}?account=${local.account}&prefix=${var.prefix}"
  bucket = "s3://${aws_s3_bucket.farm.bucket}"

  # For how long things are kept, as the coordinator takes it.
  keep = { FARM_KEEP_DELIVERIES = tostring(var.delivery_days), FARM_KEEP_LOGS = tostring(var.log_days) }

  on_fargate = var.run == "fargate"
  on_machine = var.run == "machine"
}
