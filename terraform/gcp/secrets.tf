# Each secret is an entry of its own, so that a right names exactly one. Values come from variables that Terraform keeps
# nowhere; Cloud Run hands them to functions, instances read theirs at each start.

locals {
  machine_key = "FARM_MACHINE_KEY"
  state_url   = "FARM_STATE"

  made = setunion(module.names.secrets, [local.machine_key])

  # Every secret's id by its name in the manifest, whoever made it.
  secret_ids = merge({ for name, secret in google_secret_manager_secret.made : name => secret.secret_id }, var.optional_secrets)
}

resource "google_secret_manager_secret" "made" {
  for_each = local.made

  project   = var.project
  secret_id = "${var.prefix}-${each.key}"
  labels    = var.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.needed]
}

resource "google_secret_manager_secret_version" "made" {
  for_each = local.made

  secret                 = google_secret_manager_secret.made[each.key].id
  secret_data_wo         = var.secrets[each.key]
  secret_data_wo_version = var.secrets_version
}
