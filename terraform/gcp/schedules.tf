# What the time calls, as an account that may call those functions.

resource "google_service_account" "schedule" {
  project      = var.project
  account_id   = local.account_id["schedule"]
  display_name = "Farmhand: what the time calls"
}

resource "google_cloud_run_v2_service_iam_member" "schedule" {
  for_each = toset([for tick in module.names.ticks : tick.function])

  project  = var.project
  location = var.region
  name     = google_cloud_run_v2_service.function[each.key].name
  role     = "roles/run.invoker"
  member   = "serviceAccount:${google_service_account.schedule.email}"
}

resource "google_cloud_scheduler_job" "tick" {
  for_each = module.names.ticks

  project     = var.project
  region      = var.region
  name        = "${var.prefix}-${each.key}"
  description = "Farmhand: ${each.value.path} of ${each.value.function}"
  time_zone   = "Etc/UTC"
  # Minutes divide an hour or are a multiple of one: what should be more often is once a minute here.
  schedule = (
    each.value.every_seconds < 3600
    ? "*/${max(1, floor(each.value.every_seconds / 60))} * * * *"    # tidy: allowed
    : "0 */${min(23, floor(each.value.every_seconds / 3600))} * * *" # tidy: allowed
  )
  attempt_deadline = "30s"

  # The next call comes anyway.
  retry_config {
    retry_count = 0
  }

  http_target {
    http_method = "POST"
    uri         = "${google_cloud_run_v2_service.function[each.value.function].uri}${each.value.path}"

    oidc_token {
      service_account_email = google_service_account.schedule.email
      audience              = google_cloud_run_v2_service.function[each.value.function].uri
    }
  }
}
