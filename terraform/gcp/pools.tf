# Machines that the function `provision` makes on Compute Engine: a network of their own, into which nothing comes, and rights on
# machines of such names alone. Coordinators and hubs have others, so that it can end none of them.

locals {
  has_pools = length(var.pools) > 0

  # FARM_POOLS, as docs/machine-pools.md describes it.
  farm_pools = !local.has_pools ? {} : {
    FARM_POOLS = jsonencode({
      farm     = var.prefix
      hub      = "${local.hub_host}:${local.dial_port}"
      ca       = var.buildlet.hub_ca
      buildlet = var.buildlet.url
      sha256   = var.buildlet.sha256
      pools = {
        for name, pool in var.pools : name => {
          kind       = "gce"
          most       = pool.most
          project    = var.project
          zones      = sort(pool.zones)
          network    = "projects/${var.project}/global/networks/${local.pool_network}"
          subnetwork = "projects/${var.project}/regions/${var.region}/subnetworks/${local.pool_network}"
        }
      }
    })
  }

  pool_network = "${var.prefix}-machines"
  provision    = "provision"
}

resource "google_compute_network" "machines" {
  count = local.has_pools ? 1 : 0

  project                 = var.project
  name                    = local.pool_network
  auto_create_subnetworks = false

  depends_on = [google_project_service.needed]
}

resource "google_compute_subnetwork" "machines" {
  count = local.has_pools ? 1 : 0

  project       = var.project
  region        = var.region
  name          = local.pool_network
  network       = google_compute_network.machines[0].id
  ip_cidr_range = "10.43.0.0/16"
}

resource "google_project_iam_custom_role" "machines" {
  count = local.has_pools ? 1 : 0

  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_machines"
  title       = "Farmhand ${var.prefix}: machines"
  description = "Makes and ends machines"
  permissions = [
    "compute.disks.create",
    "compute.instances.create",
    "compute.instances.delete",
    "compute.instances.get",
    "compute.instances.setLabels",
    "compute.instances.setMetadata",
  ]
}

resource "google_project_iam_member" "machines" {
  count = local.has_pools ? 1 : 0

  project = var.project
  role    = google_project_iam_custom_role.machines[0].id
  member  = "serviceAccount:${google_service_account.function[local.provision].email}"

  condition {
    title       = "machines-of-pools"
    description = "Those that are named as the coordinator names what it orders, and their disks"
    expression  = "resource.name.extract(\"/instances/{host}-rn\") != \"\" || resource.name.extract(\"/disks/{host}-rn\") != \"\""
  }
}

# Lists have no name that a condition could look at, and images and types of machines are everybody's.
resource "google_project_iam_custom_role" "look" {
  count = local.has_pools ? 1 : 0

  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_look"
  title       = "Farmhand ${var.prefix}: what machines there are"
  description = "Lists machines, and hears what became of an order"
  permissions = ["compute.images.useReadOnly", "compute.instances.list", "compute.zoneOperations.get"]
}

resource "google_project_iam_member" "look" {
  count = local.has_pools ? 1 : 0

  project = var.project
  role    = google_project_iam_custom_role.look[0].id
  member  = "serviceAccount:${google_service_account.function[local.provision].email}"
}

resource "google_project_iam_custom_role" "network" {
  count = local.has_pools ? 1 : 0

  project     = var.project
  role_id     = "${replace(var.prefix, "-", "_")}_machines_network"
  title       = "Farmhand ${var.prefix}: the machines' network"
  description = "Puts machines into a network, with addresses of the internet"
  permissions = ["compute.subnetworks.use", "compute.subnetworks.useExternalIp"]
}

resource "google_compute_subnetwork_iam_member" "machines" {
  count = local.has_pools ? 1 : 0

  project    = var.project
  region     = var.region
  subnetwork = google_compute_subnetwork.machines[0].name
  role       = google_project_iam_custom_role.network[0].id
  member     = "serviceAccount:${google_service_account.function[local.provision].email}"
}
