# The farm on Google Cloud. Each file is one concern; what the parts of the farm are and may do comes from ../modules/names.

module "names" {
  source = "../modules/names"

  prefix           = var.prefix
  hubs             = var.hubs
  optional_secrets = keys(var.optional_secrets)
  settings         = local.optional_settings
}

data "google_project" "here" {
  project_id = var.project
}

locals {
  bus    = "pubsub://${var.project}"
  bucket = "gs://${google_storage_bucket.farm.name}"

  # What a setting of the manifest is here; one that is not listed fails the plan.
  settings = {
    FARM_BUS    = local.bus
    FARM_BUCKET = local.bucket
  }

  # Where the pages are is known here; what the operator says goes before.
  optional_settings = merge({ FARM_URL = local.url }, local.farm_pools, var.settings)

  # An account's id is at most 30 letters: the end of a longer name is a digest of all of it.
  account_id = {
    for name in concat(keys(module.names.functions), keys(local.parts), ["push", "schedule", "machine"]) :
    name => length("${var.prefix}-${name}") <= 30 ? "${var.prefix}-${name}" : "${substr("${var.prefix}-${name}", 0, 21)}-${substr(sha256(name), 0, 8)}"
  }
}

resource "google_project_service" "needed" {
  for_each = toset([
    "billingbudgets.googleapis.com", "certificatemanager.googleapis.com", "cloudscheduler.googleapis.com",
    "compute.googleapis.com", "iam.googleapis.com", "monitoring.googleapis.com", "pubsub.googleapis.com",
    "run.googleapis.com", "secretmanager.googleapis.com", "servicenetworking.googleapis.com", "sqladmin.googleapis.com",
  ])

  project            = var.project
  service            = each.key
  disable_on_destroy = false
}
