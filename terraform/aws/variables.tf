variable "prefix" {
  description = "What the names of everything begin with; a letter, then at most 19 of a-z, 0-9 and '-'."
  type        = string
  default     = "farm"
}

variable "bucket" {
  description = "The bucket's name, which must be free in all of AWS; \"<prefix>-<account>-<region>\" without it."
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

variable "kms_key_arn" {
  description = "A KMS key of yours for the bucket, topics, queues and secrets; AWS's own keys without it."
  type        = string
  default     = null
}

variable "package" {
  description = "The zip that scripts/package-functions.sh made."
  type        = string
}

variable "architecture" {
  description = "The processor that the package was made for: x86_64 or arm64."
  type        = string
  default     = "x86_64"

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "environment" {
  description = "Settings that every function, the coordinator and the hubs get beside their own, such as OTEL_EXPORTER_OTLP_ENDPOINT."
  type        = map(string)
  default     = {}
}

variable "reserve_concurrency" {
  description = "Whether webhooks get the concurrency that the manifest reserves. A new account has too little to reserve any: raise its quota first."
  type        = bool
  default     = true
}

variable "domain" {
  description = "A name of yours for the API, and an ACM certificate for it in this region; AWS's name without it."
  type = object({
    name            = string
    certificate_arn = string
  })
  default = null
}

variable "requests_per_second" {
  description = "What the API lets through, over all callers; bursts may be twice that."
  type        = number
  default     = 200
}

variable "settings" {
  description = "What switches something on in functions, by the name in functions/manifest.json (optional_settings), such as FARM_HOOKS, FARM_SMTP or FARM_OIDC_ISSUER. No secrets: these are optional_secrets. FARM_URL is the API's without it."
  type        = map(string)
  default     = {}
}

variable "optional_secrets" {
  description = "Secrets that switch something on, by the name in functions/manifest.json: the ARN of a secret that you made."
  type        = map(string)
  default     = {}
}

variable "secrets_version" {
  description = "Counts up to have new values made of all secrets that Terraform makes. Machines' keys are made of one of them: see README.md."
  type        = number
  default     = 1
}

variable "secret_recovery_days" {
  description = "Days for which a secret can be had back after `terraform destroy`; 0 or 7 to 30."
  type        = number
  default     = 7

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "AWS takes 0, or 7 to 30 days."
  }
}

variable "hubs" {
  description = "The names of the hubs: at most 40 of a-z, 0-9 and '-' each. A hub has a queue of its own."
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
  description = "Where coordinator and hubs run: \"fargate\" (ECS, hubs behind a network balancer, needs a database), \"machine\" (one EC2 instance with a disk, SQLite, one hub), or \"elsewhere\" (you run them, as one of trusted_arns)."
  type        = string
  default     = "fargate"

  validation {
    condition     = contains(["fargate", "machine", "elsewhere"], var.run)
    error_message = "run is fargate, machine or elsewhere."
  }
}

variable "trusted_arns" {
  description = "With run = \"elsewhere\": who may act as the coordinator and as a hub."
  type        = list(string)
  default     = []

  validation {
    condition     = var.run != "elsewhere" || length(var.trusted_arns) > 0
    error_message = "Somebody must be trusted to run coordinator and hubs elsewhere: name a role or user in trusted_arns."
  }
}

variable "database" {
  description = "Where the coordinator's state is: \"aurora\" (Serverless v2), \"rds\" (one PostgreSQL instance), or \"none\" (SQLite on the machine's disk)."
  type        = string
  default     = "aurora"

  validation {
    condition     = contains(["aurora", "rds", "none"], var.database)
    error_message = "database is aurora, rds or none."
  }

  validation {
    condition     = var.run != "fargate" || var.database != "none"
    error_message = "On Fargate nothing keeps a disk: the state needs a database."
  }

  validation {
    condition     = var.run != "machine" || var.database == "none"
    error_message = "The machine keeps its state on its own disk: database = \"none\"."
  }
}

variable "database_size" {
  description = "Of the database: the class and disk (GiB) of an RDS instance, or least and most units of Aurora (0 pauses it when idle)."
  type = object({
    class         = optional(string, "db.t4g.small")
    gib           = optional(number, 20)
    least_units   = optional(number, 0.5)
    most_units    = optional(number, 4)
    copies        = optional(number, 1)
    backup_days   = optional(number, 14)
    is_protected  = optional(bool, true)
    final_backup  = optional(bool, true)
    engine_series = optional(string, "16")
  })
  default = {}

  validation {
    condition     = var.database_size.copies >= 1 && var.database_size.copies <= 15
    error_message = "Aurora runs 1 to 15 copies."
  }
}

variable "database_ca" {
  description = "The certificates (PEM) that sign the database's: https://truststore.pki.rds.amazonaws.com/<region>/<region>-bundle.pem."
  type        = string
  default     = null

  validation {
    condition     = var.run != "fargate" || var.database_ca != null
    error_message = "The coordinator verifies its database: give database_ca, the bundle of your region."
  }
}

variable "network" {
  description = "A VPC of yours with public and private subnets, in two zones at least; one is made without it. Machines of pools are in the public ones, which have to give them addresses of the internet."
  type = object({
    vpc_id             = string
    public_subnet_ids  = list(string)
    private_subnet_ids = list(string)
  })
  default = null

  validation {
    condition     = var.network == null || try(length(var.network.private_subnet_ids) >= 2, false)
    error_message = "A database wants private subnets in two zones at least."
  }
}

variable "cidr" {
  description = "Addresses of the VPC that is made: a /16."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr, 8, 255))
    error_message = "The addresses are a network of at least /24, such as 10.42.0.0/16."
  }
}

variable "images" {
  description = "Container images of coordinator and hub, by digest if you can, and one with a shell that hands them their files; the ECR repositories of yours that they come from."
  type = object({
    coordinator     = optional(string, "")
    hub             = optional(string, "")
    files           = optional(string, "public.ecr.aws/docker/library/busybox:1.37")
    repository_arns = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = var.run != "fargate" || (var.images.coordinator != "" && var.images.hub != "")
    error_message = "On Fargate both images.coordinator and images.hub are needed: see containers/."
  }
}

variable "sizes" {
  description = "Processor (1024 is one) and memory (MiB) of coordinator and hub on Fargate, the hub's disk (GiB), and how many coordinators run (one leads)."
  type = object({
    coordinator_cpu    = optional(number, 512)
    coordinator_memory = optional(number, 1024)
    coordinators       = optional(number, 2)
    hub_cpu            = optional(number, 1024)
    hub_memory         = optional(number, 2048)
    hub_disk_gib       = optional(number, 50)
  })
  default = {}
}

variable "machine" {
  description = "With run = \"machine\": the kind of instance, its disk (GiB), and the folder of the binaries coordinator and hub, built with feature aws. Other binaries make another instance, which goes on with the disk."
  type = object({
    type     = optional(string, "t3.small")
    gib      = optional(number, 50)
    binaries = optional(string, "")
  })
  default = {}

  validation {
    condition     = var.run != "machine" || var.machine.binaries != ""
    error_message = "machine.binaries names the folder that holds the binaries coordinator and hub."
  }
}

variable "farm_toml" {
  description = "The operator's farm.toml, as text: file(\"farm.toml\")."
  type        = string

  validation {
    condition     = length(var.farm_toml) > 0 && length(var.farm_toml) <= 24576
    error_message = "farm.toml is at most 24 KiB here: a task's definition has 64 KiB for everything."
  }
}

variable "pools" {
  description = "Pools of EC2 instances that the farm makes for hosts of farm.toml that name them: never more than `most` at once, and of no other images (ami-...) and instance types than these; endpoint is another address of EC2's API than Amazon's. A pool elsewhere (a cluster, another cloud) is said in settings.FARM_POOLS, which then says all: docs/machine-pools.md."
  type = map(object({
    most           = number
    images         = set(string)
    instance_types = set(string)
    endpoint       = optional(string)
  }))
  default = {}

  validation {
    condition = alltrue([
      for pool in values(var.pools) :
      length(pool.images) > 0 && length(pool.instance_types) > 0 && alltrue([for image in pool.images : can(regex("^ami-[0-9a-f]+$", image))])
    ])
    error_message = "A pool has one image (ami-...) and one instance type at least."
  }

  validation {
    condition     = length(var.pools) == 0 || var.buildlet != null
    error_message = "Machines that are made load a buildlet: say where from, in var.buildlet."
  }

  validation {
    condition     = length(var.pools) == 0 || var.run != "elsewhere" || var.hub_name != null
    error_message = "Machines that are made dial a hub: say under which name, in hub_name, where you run it elsewhere."
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

variable "hub_certificate_arn" {
  description = "ARN of a secret {\"certificate\": PEM, \"key\": PEM} that all hubs show; needed by two hubs or more. One hub makes its own without it."
  type        = string
  default     = null

  validation {
    condition     = length(var.hubs) < 2 || var.hub_certificate_arn != null || var.run == "elsewhere"
    error_message = "Hubs behind one address show one certificate: give hub_certificate_arn."
  }
}

variable "machines_from" {
  description = "Networks from which machines may dial the hubs."
  type        = list(string)
  default     = ["0.0.0.0/0"]
}

variable "alarms" {
  description = "Whom alarms are told to, and when: mail addresses (each must confirm), seconds that the oldest message may be old, hours without any result."
  type = object({
    mail               = optional(set(string), [])
    oldest_seconds     = optional(number, 600)
    no_results_hours   = optional(number, 24)
    is_no_result_wrong = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.alarms.no_results_hours >= 1 && var.alarms.no_results_hours <= 24
    error_message = "CloudWatch looks back for at most a day: 1 to 24 hours."
  }
}

variable "budget" {
  description = "US dollars a month; who of alarms.mail is told at 80 % and when the forecast is above. 0 makes no budget."
  type        = number
  default     = 0
}

variable "tags" {
  description = "Tags of everything that can have some."
  type        = map(string)
  default     = {}
}
