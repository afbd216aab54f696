# Topics, and subscriptions each with a topic and a subscription of dead letters, both named "dead-<subscription>". A hub's
# subscription sees what is for that hub alone; what is pushed arrives unwrapped, as an ordinary CloudEvent.

locals {
  received = merge(
    { for name, topic in module.names.coordinator.receive : name => { topic = topic, hub = null } },
    { for hub, name in module.names.hub_subscriptions : name => { topic = "work", hub = hub } },
  )
  subscriptions = toset(concat(keys(local.received), keys(module.names.pushes)))

  pubsub_agent = "serviceAccount:service-${data.google_project.here.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

resource "google_pubsub_topic" "of" {
  for_each = module.names.topics

  project = var.project
  name    = each.key
  labels  = var.labels

  depends_on = [google_project_service.needed]
}

resource "google_pubsub_topic" "dead" {
  for_each = local.subscriptions

  project = var.project
  name    = "dead-${each.key}"
  labels  = var.labels
}

resource "google_pubsub_subscription" "dead" {
  for_each = local.subscriptions

  project                    = var.project
  name                       = "dead-${each.key}"
  topic                      = google_pubsub_topic.dead[each.key].id
  message_retention_duration = "604800s"
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }
}

resource "google_pubsub_subscription" "received" {
  for_each = local.received

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.of[each.value.topic].id
  ack_deadline_seconds       = module.names.limits.ack_deadline_seconds
  message_retention_duration = "345600s"
  filter                     = each.value.hub == null ? null : "attributes.\"ce-farmhub\" = \"${each.value.hub}\""
  labels                     = var.labels

  expiration_policy {
    ttl = ""
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.key].id
    max_delivery_attempts = module.names.limits.max_delivery_attempts
  }
  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "60s"
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = module.names.pushes

  project                    = var.project
  name                       = each.key
  topic                      = google_pubsub_topic.of[each.value.topic].id
  ack_deadline_seconds       = max(10, module.names.functions[each.value.function].timeout_seconds)
  message_retention_duration = "345600s"
  labels                     = var.labels

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.function[each.value.function].uri}${each.value.path}"

    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = google_cloud_run_v2_service.function[each.value.function].uri
    }
    no_wrapper {
      write_metadata = true
    }
  }
  expiration_policy {
    ttl = ""
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.key].id
    max_delivery_attempts = module.names.limits.max_delivery_attempts
  }
  retry_policy {
    minimum_backoff = "1s"
    maximum_backoff = "600s"
  }
}

# Pub/Sub itself moves what is given up: it publishes to the dead letters and acknowledges.
resource "google_pubsub_topic_iam_member" "dead" {
  for_each = local.subscriptions

  project = var.project
  topic   = google_pubsub_topic.dead[each.key].name
  role    = "roles/pubsub.publisher"
  member  = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead" {
  for_each = local.subscriptions

  project      = var.project
  subscription = contains(keys(local.received), each.key) ? google_pubsub_subscription.received[each.key].name : google_pubsub_subscription.push[each.key].name
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# Whom Pub/Sub is when it pushes.
resource "google_service_account" "push" {
  project      = var.project
  account_id   = local.account_id["push"]
  display_name = "Farmhand: what Pub/Sub pushes"
}

resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = local.pubsub_agent
}
