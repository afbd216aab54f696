# The coordinator's state. Coordinators reach it through Google's proxy on their own instance, which encrypts, and proves who
# they are; nobody else can.

locals {
  has_database = var.database == "postgres"
  database     = "farm"
}

resource "google_compute_global_address" "database" {
  count = local.has_database ? 1 : 0

  project       = var.project
  name          = "${var.prefix}-database"
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
  network       = google_compute_network.farm.id
}

resource "google_service_networking_connection" "database" {
  count = local.has_database ? 1 : 0

  network                 = google_compute_network.farm.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.database[0].name]
}

resource "google_sql_database_instance" "state" {
  count = local.has_database ? 1 : 0

  project             = var.project
  region              = var.region
  name                = "${var.prefix}-state"
  database_version    = "POSTGRES_16"
  deletion_protection = var.database_size.is_protected

  settings {
    tier              = var.database_size.tier
    edition           = "ENTERPRISE"
    availability_type = var.database_size.has_standby ? "REGIONAL" : "ZONAL"
    disk_size         = var.database_size.gib
    disk_autoresize   = true
    user_labels       = var.labels

    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.farm.id
      ssl_mode        = "ENCRYPTED_ONLY"
    }
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "03:00"

      backup_retention_settings {
        retained_backups = 14
      }
    }
    maintenance_window {
      day  = 7
      hour = 4
    }
  }

  depends_on = [google_service_networking_connection.database]
}

resource "google_sql_database" "state" {
  count = local.has_database ? 1 : 0

  project  = var.project
  instance = google_sql_database_instance.state[0].name
  name     = local.database
}

resource "google_sql_user" "state" {
  count = local.has_database ? 1 : 0

  project             = var.project
  instance            = google_sql_database_instance.state[0].name
  name                = local.database
  password_wo         = var.database_password
  password_wo_version = var.secrets_version
}

resource "google_secret_manager_secret" "state" {
  for_each = local.has_database ? toset([local.state_url]) : toset([])

  project   = var.project
  secret_id = "${var.prefix}-${each.key}"
  labels    = var.labels

  replication {
    auto {}
  }

  depends_on = [google_project_service.needed]
}

# Between the coordinator and the proxy beside it nothing leaves the instance.
resource "google_secret_manager_secret_version" "state" {
  for_each = google_secret_manager_secret.state

  secret                 = each.value.id
  secret_data_wo         = "postgres://${local.database}:${coalesce(var.database_password, " ")}@127.0.0.1:5432/${local.database}?sslmode=disable"
  secret_data_wo_version = var.secrets_version
}

resource "google_project_iam_member" "database" {
  count = local.has_database ? 1 : 0

  project = var.project
  role    = "roles/cloudsql.client"
  member  = "serviceAccount:${local.accounts["coordinator"]}"

  condition {
    title      = "the-farms-own"
    expression = "resource.name == \"projects/${var.project}/instances/${google_sql_database_instance.state[0].name}\" && resource.service == \"sqladmin.googleapis.com\""
  }
}
