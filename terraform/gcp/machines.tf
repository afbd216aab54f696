# What runs always. In groups: coordinators (one leads, the others stand by) and hubs, each hub a group of one, as each has a
# name, a subscription, an address and machines of its own. Or one machine with a disk for both.

locals {
  on_machine = var.run == "machine"
  in_groups  = var.run == "groups"

  dial_port = 443
  peer_port = 8120
  user      = "65532"

  hub_host = coalesce(var.hub_name, google_compute_address.hubs.address)

  # The variables of each process, beside what all have.
  hub_environment = { for hub in var.hubs : hub => merge(
    {
      FARM_HUB_ID           = hub
      FARM_HUB_LISTEN       = "0.0.0.0:${local.dial_port}"
      FARM_MACHINE_KEY_FILE = "/files/machine-key"
      FARM_DRAIN            = "60"
    },
    length(var.hubs) < 2 ? {} : {
      FARM_HUB_PEER_LISTEN = "${google_compute_address.hub[hub].address}:${local.peer_port}"
      FARM_HUB_PEERS       = join(",", [for other in sort(var.hubs) : "${other}=${google_compute_address.hub[other].address}:${local.peer_port}"])
    },
    var.hub_certificate_secret == null ? { FARM_TLS_NAMES = local.hub_host } : {
      FARM_TLS_CERT                                       = "/files/hub.pem"
      FARM_TLS_KEY                                        = "/files/hub.pem"
    },
  ) }
  # For how long things are kept, as the coordinator takes it.
  keep = { FARM_KEEP_DELIVERIES = tostring(var.delivery_days), FARM_KEEP_LOGS = tostring(var.log_days) }

  coordinator_environment = merge({ FARM_CONFIG = "/files/farm.toml" }, local.keep)

  hub_secrets = merge(
    { "machine-key" = google_secret_manager_secret.made[local.machine_key].secret_id },
    var.hub_certificate_secret == null ? {} : { "hub.pem" = var.hub_certificate_secret },
  )

  # What an instance runs, by name: its image, variables, secrets as files, secrets as variables.
  coordinator_service = {
    coordinator = {
      image        = var.images.coordinator
      environment  = local.coordinator_environment
      secret_files = {}
      secret_vars  = { for name, secret in google_secret_manager_secret.state : name => secret.secret_id }
      proxy        = local.has_database ? google_sql_database_instance.state[0].connection_name : ""
    }
  }
  hub_services = { for hub in var.hubs : hub => { hub = {
    image        = var.images.hub
    environment  = local.hub_environment[hub]
    secret_files = local.hub_secrets
    secret_vars  = {}
    proxy        = ""
  } } }

  instances = merge(
    local.in_groups ? { coordinator = local.coordinator_service } : {},
    local.in_groups ? { for hub, services in local.hub_services : "hub-${hub}" => services } : {},
    local.on_machine ? { machine = merge(local.coordinator_service, local.hub_services[sort(var.hubs)[0]]) } : {},
  )

  user_data = { for name, services in local.instances : name => templatefile("${path.module}/instance.yaml.tftpl", {
    project     = var.project
    user        = local.user
    disk        = local.on_machine ? "/dev/disk/by-id/google-farm" : ""
    toml        = base64encode(var.farm_toml)
    services    = services
    environment = merge(var.environment, { FARM_BUS = local.bus, FARM_BUCKET = local.bucket, FARM_DATA = "/data" })
  }) }
}

data "google_compute_image" "cos" {
  family  = "cos-stable"
  project = "cos-cloud"
}

resource "google_compute_address" "hub" {
  for_each = local.in_groups ? var.hubs : toset([])

  project      = var.project
  region       = var.region
  name         = "${var.prefix}-hub-${each.key}"
  address_type = "INTERNAL"
  subnetwork   = google_compute_subnetwork.farm.id
}

resource "google_compute_instance_template" "of" {
  for_each = local.in_groups ? local.instances : {}

  project      = var.project
  region       = var.region
  name_prefix  = "${var.prefix}-${each.key}-"
  machine_type = each.key == "coordinator" ? var.sizes.coordinator : var.sizes.hub
  tags         = each.key == "coordinator" ? ["${var.prefix}-coordinator"] : ["${var.prefix}-hub"]
  labels       = var.labels
  metadata     = { user-data = local.user_data[each.key] }

  disk {
    boot         = true
    auto_delete  = true
    source_image = data.google_compute_image.cos.self_link
    disk_size_gb = var.sizes.gib
    disk_type    = "pd-balanced"
  }
  network_interface {
    subnetwork = google_compute_subnetwork.farm.id
    network_ip = each.key == "coordinator" ? null : google_compute_address.hub[trimprefix(each.key, "hub-")].address

    access_config {}
  }
  service_account {
    email  = local.accounts[each.key]
    scopes = ["cloud-platform"]
  }
  shielded_instance_config {
    enable_secure_boot = true
  }

  lifecycle {
    create_before_destroy = true
    # A newer image of the system comes with the next change.
    ignore_changes = [disk[0].source_image]
  }
}

resource "google_compute_instance_group_manager" "coordinator" {
  count = local.in_groups ? 1 : 0

  project            = var.project
  zone               = var.zone
  name               = "${var.prefix}-coordinator"
  base_instance_name = "${var.prefix}-coordinator"
  target_size        = var.sizes.coordinators

  version {
    instance_template = google_compute_instance_template.of["coordinator"].id
  }
  # A new one stands by before an old one ends.
  update_policy {
    type                  = "PROACTIVE"
    minimal_action        = "REPLACE"
    max_surge_fixed       = 1
    max_unavailable_fixed = 0
  }
}

# One of each name, never two at a time: the old one ends first.
resource "google_compute_instance_group_manager" "hub" {
  for_each = local.in_groups ? var.hubs : toset([])

  project            = var.project
  zone               = var.zone
  name               = "${var.prefix}-hub-${each.key}"
  base_instance_name = "${var.prefix}-hub-${each.key}"
  target_size        = 1

  version {
    instance_template = google_compute_instance_template.of["hub-${each.key}"].id
  }
  update_policy {
    type                  = "PROACTIVE"
    minimal_action        = "REPLACE"
    replacement_method    = "RECREATE"
    max_surge_fixed       = 0
    max_unavailable_fixed = 1
  }
  auto_healing_policies {
    health_check      = google_compute_region_health_check.hub.id
    initial_delay_sec = 120
  }
}

resource "google_compute_disk" "machine" {
  count = local.on_machine ? 1 : 0

  project = var.project
  zone    = var.zone
  name    = "${var.prefix}-data"
  type    = "pd-balanced"
  size    = var.sizes.gib
  labels  = var.labels
}

resource "google_compute_instance" "machine" {
  count = local.on_machine ? 1 : 0

  project                   = var.project
  zone                      = var.zone
  name                      = var.prefix
  machine_type              = var.sizes.hub
  tags                      = ["${var.prefix}-hub"]
  labels                    = var.labels
  metadata                  = { user-data = local.user_data["machine"] }
  allow_stopping_for_update = true

  boot_disk {
    initialize_params {
      image = data.google_compute_image.cos.self_link
      size  = 20
    }
  }
  attached_disk {
    source      = google_compute_disk.machine[0].id
    device_name = "farm"
  }
  network_interface {
    subnetwork = google_compute_subnetwork.farm.id

    access_config {
      nat_ip = google_compute_address.hubs.address
    }
  }
  service_account {
    email  = google_service_account.part["machine"].email
    scopes = ["cloud-platform"]
  }
  shielded_instance_config {
    enable_secure_boot = true
  }

  lifecycle {
    ignore_changes = [boot_disk[0].initialize_params[0].image]
  }
}
