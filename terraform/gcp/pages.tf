# One address in front of all functions. It passes on exactly the public routes of the manifest; the dashboard answers the rest,
# with 404.

locals {
  # Paths by function; a template's parameters are named, as in the manifest.
  paths = { for name in local.answering : name => toset([
    for routes in values(module.names.routes) : replace(routes[0].path, "/\\{\\*([a-z_]+)\\}/", "{$1=**}") # tidy: allowed
    if routes[0].function == name
  ]) }
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = local.answering

  project               = var.project
  region                = var.region
  name                  = "${var.prefix}-${each.key}"
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = google_cloud_run_v2_service.function[each.key].name
  }
}

resource "google_compute_backend_service" "function" {
  for_each = local.answering

  project               = var.project
  name                  = "${var.prefix}-${each.key}"
  protocol              = "HTTPS"
  load_balancing_scheme = "EXTERNAL_MANAGED"

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }
}

resource "google_compute_url_map" "pages" {
  project         = var.project
  name            = "${var.prefix}-pages"
  default_service = google_compute_backend_service.function["dashboard"].id

  host_rule {
    hosts        = ["*"] # tidy: allowed
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.function["dashboard"].id

    dynamic "route_rules" {
      for_each = { for index, name in sort(local.answering) : index => name }
      content {
        priority = route_rules.key + 1
        service  = google_compute_backend_service.function[route_rules.value].id

        dynamic "match_rules" {
          for_each = local.paths[route_rules.value]
          content {
            path_template_match = match_rules.value
          }
        }
      }
    }
  }
}

resource "google_compute_global_address" "pages" {
  project = var.project
  name    = "${var.prefix}-pages"

  depends_on = [google_project_service.needed]
}

resource "google_compute_managed_ssl_certificate" "pages" {
  count = var.domain == null ? 0 : 1

  project = var.project
  name    = "${var.prefix}-pages"

  managed {
    domains = [var.domain]
  }
}

resource "google_compute_target_https_proxy" "pages" {
  count = var.domain == null ? 0 : 1

  project          = var.project
  name             = "${var.prefix}-pages"
  url_map          = google_compute_url_map.pages.id
  ssl_certificates = [google_compute_managed_ssl_certificate.pages[0].id]
}

resource "google_compute_target_http_proxy" "pages" {
  count = var.domain == null ? 1 : 0

  project = var.project
  name    = "${var.prefix}-pages"
  url_map = google_compute_url_map.pages.id
}

resource "google_compute_global_forwarding_rule" "pages" {
  project               = var.project
  name                  = "${var.prefix}-pages"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.pages.id
  port_range            = var.domain == null ? "80" : "443"
  target                = var.domain == null ? google_compute_target_http_proxy.pages[0].id : google_compute_target_https_proxy.pages[0].id
}

locals {
  url = var.domain == null ? "http://${google_compute_global_address.pages.address}" : "https://${var.domain}"
}
