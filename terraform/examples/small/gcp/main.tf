# A farm for one team: functions as they are needed, one machine with a disk for coordinator and hub, SQLite.

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

module "farm" {
  source = "../../../gcp"

  project   = var.project
  images    = var.images
  secrets   = var.secrets
  farm_toml = file("${path.module}/../../farm.toml")

  run      = "machine"
  database = "none"
  domain   = "builds.example.org"

  alarms = { mail = ["builds@example.org"] }
}

output "farm" {
  description = "Where everything is, and what is left to do."
  value       = module.farm
}
