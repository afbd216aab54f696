resource "google_storage_bucket" "farm" {
  project                     = var.project
  name                        = coalesce(var.bucket, "${var.project}-${var.prefix}")
  location                    = var.region
  force_destroy               = var.bucket_destroyed_with_content
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  labels                      = var.labels

  # What is overwritten or removed is not kept for a week beside: views change every second.
  soft_delete_policy {
    retention_duration_seconds = 0
  }

  # What is told by its prefix and its age alone goes by the bucket's own rules, which cost nothing. The coordinator removes the
  # same after the same days (local.keep), and what hangs on more than that.
  dynamic "lifecycle_rule" {
    for_each = var.delivery_days > 0 ? [var.delivery_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["deliveries/"]
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = var.log_days > 0 ? [var.log_days] : []
    content {
      action {
        type = "Delete"
      }
      condition {
        age            = lifecycle_rule.value
        matches_prefix = ["logs/"]
      }
    }
  }

  lifecycle_rule {
    action {
      type = "AbortIncompleteMultipartUpload"
    }
    condition {
      age = 2
    }
  }
}
