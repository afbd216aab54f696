# One Cloud Run service for each entry of functions/manifest.json, all of the same image, each as an account that may do what
# the entry says and nothing else.

locals {
  answering = toset([for routes in values(module.names.routes) : routes[0].function])
  called    = toset(concat([for push in module.names.pushes : push.function], [for tick in module.names.ticks : tick.function]))
}

resource "google_service_account" "function" {
  for_each = module.names.functions

  project      = var.project
  account_id   = local.account_id[each.key]
  display_name = "Farmhand's function ${each.key}"

  depends_on = [google_project_service.needed]
}

resource "google_cloud_run_v2_service" "function" {
  for_each = module.names.functions

  project             = var.project
  location            = var.region
  name                = "${var.prefix}-${each.key}"
  deletion_protection = false
  labels              = var.labels
  # Strangers come through the balancer, which lets through the public routes alone; what pushes and ticks is internal.
  ingress = contains(local.answering, each.key) ? "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" : "INGRESS_TRAFFIC_INTERNAL_ONLY"

  template {
    service_account                  = google_service_account.function[each.key].email
    timeout                          = "${each.value.timeout_seconds}s"
    max_instance_request_concurrency = each.value.concurrency.per_instance

    scaling {
      min_instance_count = 0
      max_instance_count = var.most_instances
    }

    containers {
      image = var.images.functions

      resources {
        cpu_idle          = true
        startup_cpu_boost = true
        limits = {
          cpu    = "1"
          memory = "${max(each.value.memory_mib, 128)}Mi"
        }
      }

      dynamic "env" {
        for_each = merge(
          var.environment,
          { FUNCTION_TARGET = each.key, FARM_SECRETS_VERSION = tostring(var.secrets_version) },
          { for name in each.value.settings : name => local.settings[name] },
          module.names.settings_of[each.key],
        )
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = module.names.secrets_of[each.key]
        content {
          name = env.value
          value_source {
            secret_key_ref {
              secret  = local.secret_ids[env.value]
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 20

        http_get {
          path = "/healthz"
        }
      }
    }
  }

  depends_on = [google_secret_manager_secret_version.made, google_secret_manager_secret_iam_member.function]
}

# Signatures and tokens are what functions look at themselves.
resource "google_cloud_run_v2_service_iam_member" "anybody" {
  for_each = local.answering

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_run_v2_service_iam_member" "push" {
  for_each = toset([for push in module.names.pushes : push.function])

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.push.email}"
}
