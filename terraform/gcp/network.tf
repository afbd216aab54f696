# Instances have addresses of their own, since they fetch sources; nothing comes in but machines, through the balancer. The
# database has a private address in a network beside, which only instances reach.

resource "google_compute_network" "farm" {
  project                 = var.project
  name                    = var.prefix
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "farm" {
  project                  = var.project
  region                   = var.region
  name                     = var.prefix
  network                  = google_compute_network.farm.id
  ip_cidr_range            = "10.42.0.0/20"
  private_ip_google_access = true
}

resource "google_compute_firewall" "machines" {
  project       = var.project
  name          = "${var.prefix}-machines"
  description   = "Machines dial the hubs"
  network       = google_compute_network.farm.id
  direction     = "INGRESS"
  source_ranges = var.machines_from
  target_tags   = ["${var.prefix}-hub"]

  allow {
    protocol = "tcp"
    ports    = [local.dial_port]
  }
}

resource "google_compute_firewall" "peers" {
  project     = var.project
  name        = "${var.prefix}-peers"
  description = "Other hubs"
  network     = google_compute_network.farm.id
  direction   = "INGRESS"
  source_tags = ["${var.prefix}-hub"]
  target_tags = ["${var.prefix}-hub"]

  allow {
    protocol = "tcp"
    ports    = [local.peer_port]
  }
}

# From where Google asks whether a hub is well.
resource "google_compute_firewall" "health" {
  project       = var.project
  name          = "${var.prefix}-health"
  description   = "Google's health checks"
  network       = google_compute_network.farm.id
  direction     = "INGRESS"
  source_ranges = ["35.191.0.0/16", "130.211.0.0/22", "209.85.152.0/22", "209.85.204.0/22"]
  target_tags   = ["${var.prefix}-hub"]

  allow {
    protocol = "tcp"
    ports    = [local.dial_port]
  }
}
