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

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      age            = 30
      matches_prefix = ["deliveries/"]
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
