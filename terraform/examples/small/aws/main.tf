# A farm for one team: functions as they are needed, one machine with a disk for coordinator and hub, SQLite.

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

variable "binaries" {
  description = "The folder of the binaries coordinator and hub: cargo build --profile dist -p coordinator -p hub --features coordinator/aws,hub/aws."
  type        = string
  default     = "../../../../target/dist"
}

variable "package" {
  description = "The zip of scripts/package-functions.sh."
  type        = string
  default     = "../../../../target/functions-x86_64.zip"
}

module "farm" {
  source = "../../../aws"

  package   = var.package
  farm_toml = file("${path.module}/../../farm.toml")

  run      = "machine"
  database = "none"
  machine  = { binaries = var.binaries }

  alarms = { mail = ["builds@example.org"] }
  budget = 40
}

output "farm" {
  description = "Where everything is, and what is left to do."
  value       = module.farm
}
