# A farm for a project with hundreds of machines: coordinators and three hubs in groups, Cloud SQL, names of one's own.

terraform {
  required_version = ">= 1.11"

  # Where Terraform keeps what it made. Make the bucket first, with versions; it keeps two applies apart by itself.
  backend "gcs" {
    bucket = "example-terraform"
    prefix = "farm"
  }
}

provider "google" {
  project = var.project
}

variable "project" {
  description = "The project's id."
  type        = string
}

variable "billing_account" {
  description = "The billing account whose budget the farm has."
  type        = string
}

variable "images" {
  description = "The images of functions, coordinator and hub, by digest: see containers/."
  type = object({
    functions   = string
    coordinator = string
    hub         = string
  })
}

variable "secrets" {
  description = "Values by name, from the environment: TF_VAR_secrets='{ GITHUB_WEBHOOK_SECRET = \"…\", … }'."
  type        = map(string)
  ephemeral   = true
}

variable "database_password" {
  description = "The password of the farm's database, from the environment: TF_VAR_database_password."
  type        = string
  ephemeral   = true
}

module "farm" {
  source = "../../../gcp"

  project           = var.project
  images            = var.images
  secrets           = var.secrets
  database_password = var.database_password
  farm_toml         = file("${path.module}/../../farm.toml")

  domain                 = "builds.example.org"
  hubs                   = ["h1", "h2", "h3"]
  hub_name               = "hub.example.org"
  hub_certificate_secret = "farm-hub-certificate"

  database_size = { tier = "db-custom-2-7680", gib = 100, has_standby = true }
  sizes = {
    coordinator = "e2-standard-2"
    hub         = "e2-standard-2"
    gib         = 200
  }

  log_days = 365
  alarms   = { mail = ["builds@example.org"], no_results_hours = 6 }
  budget   = { billing_account = var.billing_account, amount = 1500 }
}

output "farm" {
  description = "Where everything is, and what is left to do."
  value       = module.farm
}
