variable "project" {
  description = "The project's id. One farm a project: topics and subscriptions have the names that the farm gives them."
  type        = string
}

variable "region" {
  description = "The region of everything that has one."
  type        = string
  default     = "europe-west1"
}

variable "zone" {
  description = "The zone of the machine and of disks."
  type        = string
  default     = "europe-west1-b"
}

variable "prefix" {
  description = "What the names of everything but topics and subscriptions begin with; a letter, then at most 19 of a-z, 0-9 and '-'."
  type        = string
  default     = "farm"
}

variable "bucket" {
  description = "The bucket's name, which must be free in all of Google Cloud; \"<project>-<prefix>\" without it."
  type        = string
  default     = null
}

variable "bucket_destroyed_with_content" {
  description = "Whether `terraform destroy` may take the bucket away with everything in it: all history, all logs."
  type        = bool
  default     = false
}

variable "log_days" {
  description = "Days for which logs of builds are kept, and which tests passed; 0 keeps them for ever. The bucket's own rule and the coordinator both have it from here."
  type        = number
  default     = 180

  validation {
    condition     = (var.log_days == 0 || var.log_days >= 3) && floor(var.log_days) == var.log_days
    error_message = "Days are a whole number, 3 or more, or 0: a run may last for two days."
  }
}

variable "delivery_days" {
  description = "Days for which webhooks are kept as they came; 0 keeps them for ever. The bucket's own rule and the coordinator both have it from here."
  type        = number
  default     = 30

  validation {
    condition     = (var.delivery_days == 0 || var.delivery_days >= 2) && floor(var.delivery_days) == var.delivery_days
    error_message = "Days are a whole number, 2 or more, or 0: deliveries of the last hours are looked through."
  }
}

variable "images" {
  description = "Container images of functions, coordinator and hub, by digest if you can: see containers/."
  type = object({
    functions   = string
    coordinator = string
    hub         = string
  })
}

variable "environment" {
  description = "Settings that every function, the coordinator and the hubs get beside their own, such as OTEL_EXPORTER_OTLP_ENDPOINT."
  type        = map(string)
  default     = {}
}

variable "domain" {
  description = "A name of yours for the pages, to be pointed at the output address. Without it the balancer answers plain HTTP on its address: for a look only, since webhooks and tokens would travel in the clear."
  type        = string
  default     = null
}

variable "most_instances" {
  description = "The most instances of each function."
  type        = number
  default     = 20
}

variable "secrets" {
  description = "The values of the secrets that functions and hubs cannot do without, by name; written to Secret Manager and kept in no state. Those of functions/manifest.json, and FARM_MACHINE_KEY."
  type        = map(string)
  ephemeral   = true
}

variable "secrets_version" {
  description = "Counts up to have var.secrets written again."
  type        = number
  default     = 1
}

variable "settings" {
  description = "What switches something on in functions, by the name in functions/manifest.json (optional_settings), such as FARM_HOOKS, FARM_SMTP or FARM_OIDC_ISSUER. No secrets: these are optional_secrets. FARM_URL is the balancer's without it."
  type        = map(string)
  default     = {}
}

variable "optional_secrets" {
  description = "Secrets that switch something on, by the name in functions/manifest.json: the id of a secret in this project that you made."
  type        = map(string)
  default     = {}
}

variable "hubs" {
  description = "The names of the hubs: at most 40 of a-z, 0-9 and '-' each. A hub has a subscription of its own."
  type        = set(string)
  default     = ["h1"]

  validation {
    condition     = length(var.hubs) > 0
    error_message = "There is at least one hub."
  }

  validation {
    condition     = var.run != "machine" || length(var.hubs) == 1
    error_message = "One machine runs one hub."
  }
}

variable "run" {
  description = "Where coordinator and hubs run: \"groups\" (instance groups, hubs behind a passthrough balancer, needs a database) or \"machine\" (one instance with a disk, SQLite, one hub)."
  type        = string
  default     = "groups"

  validation {
    condition     = contains(["groups", "machine"], var.run)
    error_message = "run is groups or machine."
  }
}

variable "database" {
  description = "Where the coordinator's state is: \"postgres\" (Cloud SQL) or \"none\" (SQLite on the machine's disk)."
  type        = string
  default     = "postgres"

  validation {
    condition     = contains(["postgres", "none"], var.database)
    error_message = "database is postgres or none."
  }

  validation {
    condition     = (var.run == "groups") == (var.database == "postgres")
    error_message = "Instance groups need a database; the machine keeps its state on its own disk: database = \"none\"."
  }
}

variable "database_password" {
  description = "The password of the farm's database, written and kept in no state: 32 letters and digits at least."
  type        = string
  default     = null
  ephemeral   = true
}

variable "database_size" {
  description = "Tier of the database, its disk (GiB), whether it has a standby in another zone, and whether `terraform destroy` is refused."
  type = object({
    tier         = optional(string, "db-custom-1-3840")
    gib          = optional(number, 20)
    has_standby  = optional(bool, false)
    is_protected = optional(bool, true)
  })
  default = {}
}

variable "sizes" {
  description = "Machine types of coordinators and hubs (or of the one machine, the hub's), disks (GiB), and how many coordinators run (one leads)."
  type = object({
    coordinator  = optional(string, "e2-small")
    coordinators = optional(number, 2)
    hub          = optional(string, "e2-medium")
    gib          = optional(number, 50)
  })
  default = {}
}

variable "farm_toml" {
  description = "The operator's farm.toml, as text: file(\"farm.toml\")."
  type        = string

  validation {
    condition     = length(var.farm_toml) > 0 && length(var.farm_toml) <= 131072
    error_message = "farm.toml is at most 128 KiB here: it travels in an instance's metadata."
  }
}

variable "pools" {
  description = "Pools of virtual machines that the farm makes for hosts of farm.toml that name them: the zones, and never more machines than `most`. A pool elsewhere (a cluster, another cloud) is said in settings.FARM_POOLS, which then says all: docs/machine-pools.md."
  type = map(object({
    most  = number
    zones = set(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for pool in values(var.pools) : length(pool.zones) > 0 && alltrue([for zone in pool.zones : startswith(zone, "${var.region}-")])])
    error_message = "A pool has one zone at least, and all zones are of var.region: their network is there."
  }

  validation {
    condition     = length(var.pools) == 0 || var.buildlet != null
    error_message = "Machines that are made load a buildlet: say where from, in var.buildlet."
  }
}

variable "buildlet" {
  description = "What machines of pools start with: where the buildlet is loaded from, with {buildlet} for what the host runs (linux-amd64), its SHA-256 by that name, and the certificate (PEM) of the hubs where no public authority signed it."
  type = object({
    url    = string
    sha256 = optional(map(string), {})
    hub_ca = optional(string, "")
  })
  default = null
}

variable "hub_name" {
  description = "The name that machines dial, in the hubs' certificate; point it at the output hub_address. Without it machines dial that address."
  type        = string
  default     = null
}

variable "hub_certificate_secret" {
  description = "Id of a secret that holds the PEM of the certificate and its key that all hubs show, one after the other; needed by two hubs or more."
  type        = string
  default     = null

  validation {
    condition     = length(var.hubs) < 2 || var.hub_certificate_secret != null
    error_message = "Hubs behind one address show one certificate: give hub_certificate_secret."
  }
}

variable "machines_from" {
  description = "Networks from which machines may dial the hubs."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "alarms" {
  description = "Whom alarms are told to, and when: mail addresses, seconds that the oldest message may be old, hours without any result."
  type = object({
    mail             = optional(set(string), [])
    oldest_seconds   = optional(number, 600)
    no_results_hours = optional(number, 23)
  })
  default = {}

  validation {
    condition     = var.alarms.no_results_hours >= 1 && var.alarms.no_results_hours <= 23
    error_message = "Monitoring waits for at most 23.5 hours without data: 1 to 23."
  }
}

variable "budget" {
  description = "A month's limit of this project in the billing account's currency, and that account; told at 80 % and when the forecast is above. Without it there is none."
  type = object({
    billing_account = string
    amount          = number
  })
  default = null
}

variable "labels" {
  description = "Labels of everything that can have some."
  type        = map(string)
  default     = {}
}
