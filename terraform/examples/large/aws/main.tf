# A farm for a project with hundreds of machines: coordinators and three hubs on Fargate, Aurora, names of one's own.

terraform {
  required_version = ">= 1.11"

  # Where Terraform keeps what it made. Make the bucket first, with versions: `use_lockfile` keeps two applies apart.
  backend "s3" {
    bucket       = "example-terraform"
    key          = "farm/terraform.tfstate"
    region       = "eu-west-1"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  description = "The AWS region."
  type        = string
  default     = "eu-west-1"
}

variable "package" {
  description = "The zip of scripts/package-functions.sh."
  type        = string
  default     = "../../../../target/functions-x86_64.zip"
}

variable "images" {
  description = "The images of coordinator and hub, by digest: see containers/."
  type = object({
    coordinator = string
    hub         = string
  })
}

variable "certificate_arn" {
  description = "ACM's certificate for builds.example.org."
  type        = string
}

variable "hub_certificate_arn" {
  description = "The secret {\"certificate\": PEM, \"key\": PEM} for hub.example.org."
  type        = string
}

variable "database_ca" {
  description = "The bundle of https://truststore.pki.rds.amazonaws.com for the region, a file."
  type        = string
}

module "farm" {
  source = "../../../aws"

  package   = var.package
  farm_toml = file("${path.module}/../../farm.toml")

  domain              = { name = "builds.example.org", certificate_arn = var.certificate_arn }
  hubs                = ["h1", "h2", "h3"]
  hub_name            = "hub.example.org"
  hub_certificate_arn = var.hub_certificate_arn
  images              = var.images

  database      = "aurora"
  database_ca   = file(var.database_ca)
  database_size = { least_units = 1, most_units = 16, copies = 2 }
  sizes = {
    coordinator_cpu    = 2048
    coordinator_memory = 4096
    hub_cpu            = 2048
    hub_memory         = 4096
    hub_disk_gib       = 200
  }

  log_days = 365
  alarms   = { mail = ["builds@example.org"], no_results_hours = 6 }
  budget   = 1500
}

output "farm" {
  description = "Where everything is, and what is left to do."
  value       = module.farm
}
