# What each part may do, from the same lists for functions, coordinator and hubs.
#
# A missing object is answered 403 instead of 404 to who may not list. So a right to read is one to see names in the bucket
# too; contents are read below the prefixes alone.

locals {
  parts = merge(
    { coordinator = merge(module.names.coordinator, { subscriptions = keys(module.names.coordinator.receive) }) },
    { for hub, name in module.names.hub_subscriptions : "hub-${hub}" => merge(module.names.hub, { subscriptions = [name] }) },
  )

  accounts = merge(
    { for name, account in google_service_account.function : name => account.email },
    { for name in keys(local.parts) : name => google_service_account.part[local.on_machine ? "machine" : name].email },
  )

  objects = "projects/_/buckets/${google_storage_bucket.farm.name}/objects"

  # Lists of (who, what): a member each.
  publish = merge(
    { for pair in flatten([for name, function in module.names.functions : [for topic in function.rights.publish : { who = name, topic = topic }]]) : "${pair.who} ${pair.topic}" => pair },
    { for pair in flatten([for name, part in local.parts : [for topic in part.publish : { who = name, topic = topic }]]) : "${pair.who} ${pair.topic}" => pair },
  )
  receive = { for pair in flatten([for name, part in local.parts : [for subscription in part.subscriptions : [
    { who = name, subscription = subscription },
    { who = name, subscription = "dead-${subscription}" },
  ]]]) : "${pair.who} ${pair.subscription}" => pair }
  reject = { for pair in flatten([for name, part in local.parts : [for subscription in part.subscriptions : { who = name, subscription = subscription }]]) : "${pair.who} ${pair.subscription}" => pair }

  # A function's right to write is to create: what is there is not overwritten, but where it may remove. Parts overwrite, which is
  # to remove as well.
  bucket_rights = merge(
    { for name, function in module.names.functions : "${name} write" => { who = name, role = "roles/storage.objectCreator", prefixes = function.rights.write, lists = false } if length(function.rights.write) > 0 },
    { for name, function in module.names.functions : "${name} read" => { who = name, role = "roles/storage.objectViewer", prefixes = function.rights.read, lists = true } if length(function.rights.read) > 0 },
    { for name, function in module.names.functions : "${name} remove" => { who = name, role = "roles/storage.objectUser", prefixes = function.rights.remove, lists = false } if length(try(function.rights.remove, [])) > 0 },
    { for name, part in local.parts : "${name} write" => { who = name, role = "roles/storage.objectUser", prefixes = part.write, lists = false } },
    { for name, part in local.parts : "${name} remove" => { who = name, role = "roles/storage.objectUser", prefixes = setsubtract(part.remove, part.write), lists = false } if length(setsubtract(part.remove, part.write)) > 0 },
    { for name, part in local.parts : "${name} read" => { who = name, role = "roles/storage.objectViewer", prefixes = part.read, lists = true } },
  )
}

resource "google_service_account" "part" {
  for_each = local.on_machine ? toset(["machine"]) : toset(keys(local.parts))

  project      = var.project
  account_id   = local.account_id[each.key]
  display_name = "Farmhand's ${each.key}"

  depends_on = [google_project_service.needed]
}

resource "google_pubsub_topic_iam_member" "publish" {
  for_each = local.publish

  project = var.project
  topic   = google_pubsub_topic.of[each.value.topic].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:${local.accounts[each.value.who]}"
}

# What a consumer rejects it publishes among the dead letters itself, with the reason.
resource "google_pubsub_topic_iam_member" "reject" {
  for_each = local.reject

  project = var.project
  topic   = google_pubsub_topic.dead[each.value.subscription].name
  role    = "roles/pubsub.publisher"
  member  = "serviceAccount:${local.accounts[each.value.who]}"
}

resource "google_pubsub_subscription_iam_member" "receive" {
  for_each = local.receive

  project = var.project
  subscription = (
    startswith(each.value.subscription, "dead-")
    ? google_pubsub_subscription.dead[trimprefix(each.value.subscription, "dead-")].name
    : google_pubsub_subscription.received[each.value.subscription].name
  )
  role   = "roles/pubsub.subscriber"
  member = "serviceAccount:${local.accounts[each.value.who]}"
}

resource "google_storage_bucket_iam_member" "of" {
  for_each = local.bucket_rights

  bucket = google_storage_bucket.farm.name
  role   = each.value.role
  member = "serviceAccount:${local.accounts[each.value.who]}"

  condition {
    title       = replace(each.key, " ", "-")
    description = join(", ", each.value.prefixes)
    expression = join(" || ", concat(
      each.value.lists ? ["resource.type == \"storage.googleapis.com/Bucket\""] : [],
      [for prefix in each.value.prefixes : "resource.name.startsWith(\"${local.objects}/${prefix}\")"],
    ))
  }
}

resource "google_secret_manager_secret_iam_member" "function" {
  for_each = { for pair in flatten([
    for name, secrets in module.names.secrets_of : [for secret in secrets : { who = name, secret = secret }]
  ]) : "${pair.who} ${pair.secret}" => pair }

  project   = var.project
  secret_id = local.secret_ids[each.value.secret]
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.function[each.value.who].email}"
}

locals {
  # Secrets that an instance reads at its start.
  part_secrets = merge(
    { for name in keys(local.parts) : "${name} ${local.machine_key}" => {
      who = name, id = google_secret_manager_secret.made[local.machine_key].secret_id
    } if name != "coordinator" },
    { for name in keys(local.parts) : "${name} certificate" => {
      who = name, id = var.hub_certificate_secret
    } if name != "coordinator" && var.hub_certificate_secret != null },
    { for secret in values(google_secret_manager_secret.state) : "coordinator ${local.state_url}" => {
      who = "coordinator", id = secret.secret_id
    } },
  )
}

resource "google_secret_manager_secret_iam_member" "part" {
  for_each = local.part_secrets

  project   = var.project
  secret_id = each.value.id
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${local.accounts[each.value.who]}"
}
