variable "prefix" {
  description = "What the names of everything begin with; a letter, then at most 19 of a-z, 0-9 and '-'."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.prefix))
    error_message = "The prefix is a letter, then letters, digits and '-', at most 20 in all, and ends with no '-'."
  }
}

variable "hubs" {
  description = "The names of the hubs. Each has a queue of its own, and keeps its name for ever."
  type        = set(string)

  validation {
    condition     = alltrue([for hub in var.hubs : can(regex("^[a-z0-9][a-z0-9-]{0,39}$", hub))])
    error_message = "The name of a hub is at most 40 of a-z, 0-9 and '-'."
  }
}

variable "optional_secrets" {
  description = "Optional secrets of functions/manifest.json that are to be given to the functions that know them."
  type        = set(string)
  default     = []
}

variable "settings" {
  description = "Optional settings of functions/manifest.json, by name, for the functions that know them."
  type        = map(string)
  default     = {}
}
