# What wakes somebody: an event that nobody could use, a subscription that nobody empties, a farm that has no results, a
# function that fails.

resource "google_monitoring_notification_channel" "mail" {
  for_each = var.alarms.mail

  project      = var.project
  display_name = "Farmhand: ${each.key}"
  type         = "email"
  labels       = { email_address = each.key }
}

locals {
  channels = [for channel in google_monitoring_notification_channel.mail : channel.id]
  own      = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = one_of(%s)"
  names    = join(", ", [for name in local.subscriptions : "\"${name}\""])
  letters  = join(", ", [for name in local.subscriptions : "\"dead-${name}\""])
}

resource "google_monitoring_alert_policy" "dead" {
  project               = var.project
  display_name          = "Farmhand: dead letters"
  combiner              = "OR"
  notification_channels = local.channels

  documentation {
    content = "Nobody could use an event: `farm dead-letters` shows it and why."
  }

  conditions {
    display_name = "An event lies among the dead letters"

    condition_threshold {
      filter          = "metric.type = \"pubsub.googleapis.com/subscription/num_undelivered_messages\" AND ${format(local.own, local.letters)}"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period   = "300s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  depends_on = [google_pubsub_subscription.dead]
}

resource "google_monitoring_alert_policy" "old" {
  project               = var.project
  display_name          = "Farmhand: a queue is not emptied"
  combiner              = "OR"
  notification_channels = local.channels

  documentation {
    content = "The oldest event of a subscription waits for longer than ${var.alarms.oldest_seconds} s: who should take it?"
  }

  conditions {
    display_name = "The oldest event is old"

    condition_threshold {
      filter          = "metric.type = \"pubsub.googleapis.com/subscription/oldest_unacked_message_age\" AND ${format(local.own, local.names)}"
      comparison      = "COMPARISON_GT"
      threshold_value = var.alarms.oldest_seconds
      duration        = "180s"

      aggregations {
        alignment_period   = "60s"
        per_series_aligner = "ALIGN_MAX"
      }
    }
  }

  depends_on = [google_pubsub_subscription.received]
}

resource "google_monitoring_alert_policy" "no_results" {
  project               = var.project
  display_name          = "Farmhand: no results"
  combiner              = "OR"
  notification_channels = local.channels

  documentation {
    content = "No result in ${var.alarms.no_results_hours} h: does the coordinator run, are machines connected, was anything pushed?"
  }

  conditions {
    display_name = "Nothing is told on results"

    condition_absent {
      filter   = "metric.type = \"pubsub.googleapis.com/topic/send_message_operation_count\" AND resource.type = \"pubsub_topic\" AND resource.labels.topic_id = \"${google_pubsub_topic.of["results"].name}\""
      duration = "${3600 * var.alarms.no_results_hours}s"

      aggregations {
        alignment_period   = "3600s"
        per_series_aligner = "ALIGN_SUM"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "failing" {
  project               = var.project
  display_name          = "Farmhand: a function fails"
  combiner              = "OR"
  notification_channels = local.channels

  documentation {
    content = "A function answers 5xx, again and again: its log says why. What was pushed to it comes again."
  }

  conditions {
    display_name = "Answers of 5xx for ten minutes"

    condition_threshold {
      filter          = "metric.type = \"run.googleapis.com/request_count\" AND resource.type = \"cloud_run_revision\" AND metric.labels.response_code_class = \"5xx\" AND resource.labels.service_name = one_of(${join(", ", [for service in values(google_cloud_run_v2_service.function) : "\"${service.name}\""])})"
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "600s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_SUM"
        cross_series_reducer = "REDUCE_SUM"
        group_by_fields      = ["resource.labels.service_name"]
      }
    }
  }
}
