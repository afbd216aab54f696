# One address that passes TCP through to the hubs: a hub ends TLS itself, since keys of machines, reverse dialing and what hubs
# prove to each other are bound to the connection.

resource "google_compute_address" "hubs" {
  project      = var.project
  region       = var.region
  name         = "${var.prefix}-hubs"
  address_type = "EXTERNAL"

  depends_on = [google_project_service.needed]
}

resource "google_compute_region_health_check" "hub" {
  project             = var.project
  region              = var.region
  name                = "${var.prefix}-hub"
  check_interval_sec  = 10
  timeout_sec         = 5
  healthy_threshold   = 1
  unhealthy_threshold = 3

  https_health_check {
    port         = local.dial_port
    request_path = "/healthz"
  }

  depends_on = [google_project_service.needed]
}

resource "google_compute_region_backend_service" "hubs" {
  count = local.in_groups ? 1 : 0

  project                         = var.project
  region                          = var.region
  name                            = "${var.prefix}-hubs"
  protocol                        = "TCP"
  load_balancing_scheme           = "EXTERNAL"
  health_checks                   = [google_compute_region_health_check.hub.id]
  connection_draining_timeout_sec = 90

  dynamic "backend" {
    for_each = google_compute_instance_group_manager.hub
    content {
      group          = backend.value.instance_group
      balancing_mode = "CONNECTION"
    }
  }
}

resource "google_compute_forwarding_rule" "hubs" {
  count = local.in_groups ? 1 : 0

  project               = var.project
  region                = var.region
  name                  = "${var.prefix}-hubs"
  load_balancing_scheme = "EXTERNAL"
  ip_protocol           = "TCP"
  ip_address            = google_compute_address.hubs.id
  port_range            = tostring(local.dial_port)
  backend_service       = google_compute_region_backend_service.hubs[0].id
}
