output "url" {
  description = "The farm's pages and functions."
  value       = local.url
}

output "address" {
  description = "What the domain's A record names, if there is a domain."
  value       = google_compute_global_address.pages.address
}

output "github_webhook" {
  description = "Where GitHub sends its webhooks: content type application/json, secret as in var.secrets."
  value       = "${local.url}/github-webhook"
}

output "gerrit_webhook" {
  description = "Where Gerrit's webhooks plugin sends events; <secret> is that of var.secrets."
  value       = "${local.url}/gerrit-webhook/<secret>"
}

output "hub_address" {
  description = "Where machines dial the hubs, host:port."
  value       = "${local.hub_host}:${local.dial_port}"
}

output "hub_target" {
  description = "What hub_name's A record must be."
  value       = google_compute_address.hubs.address
}

output "bus" {
  description = "FARM_BUS of this farm."
  value       = local.bus
}

output "bucket" {
  description = "FARM_BUCKET of this farm."
  value       = local.bucket
}

output "keep" {
  description = "For how long things are kept: settings of the coordinator, to be given to it where it runs elsewhere."
  value       = local.keep
}

output "accounts" {
  description = "The service accounts of functions, coordinator and hubs, by name."
  value       = local.accounts
}

output "next" {
  description = "What is left to do."
  value       = <<-TEXT
    1. %{if var.domain != null}Point ${var.domain} at ${google_compute_global_address.pages.address}; the certificate comes within an hour. %{endif}Look at ${local.url}/
    2. GitHub, Settings, Webhooks: URL ${local.url}/github-webhook, application/json, the secret GITHUB_WEBHOOK_SECRET, pushes and pull requests.
    3. FARM_BUCKET=${local.bucket} farm machine add --help: makes a key for each machine; its buildlet dials ${local.hub_host}:${local.dial_port}.
  TEXT
}
