output "functions" {
  description = "The functions of the manifest, by name, as they stand there."
  value       = local.functions
}

output "topics" {
  description = "All topics."
  value       = toset(local.parts.topics)
}

output "limits" {
  description = "Of every subscription: seconds for an answer, and tries before an event goes to the dead letters."
  value       = local.parts.limits
}

output "coordinator" {
  description = "What the coordinator receives (subscription to topic), publishes to, and may read, write and remove in the bucket."
  value       = local.parts.coordinator
}

output "hub" {
  description = "What a hub publishes to, and may read, write and remove in the bucket."
  value       = local.parts.hub
}

output "hub_subscriptions" {
  description = "The subscription of each hub, by the hub's name."
  value       = { for hub in var.hubs : hub => replace(keys(local.parts.hub.receive)[0], "{hub}", hub) }
}

output "pushes" {
  description = "Subscriptions that push, by name: the topic, the function, and the path that takes its events."
  value       = local.pushes
}

output "ticks" {
  description = "Calls that the time makes, by name: the function, the path, and how often."
  value       = local.ticks
}

output "routes" {
  description = "What strangers may call, by \"METHOD /path\": the function, the method and the path."
  value       = { for route in local.public : "${route.method} ${route.path}" => route... }

  precondition {
    condition = alltrue([
      for routes in values({ for route in local.public : "${route.method} ${route.path}" => route.function... }) :
      length(toset(routes)) == 1
    ])
    error_message = "Two functions of the manifest answer the same path."
  }
}

output "secrets" {
  description = "The secrets without which a function does not start."
  value       = local.secrets
}

output "secrets_of" {
  description = "The secrets that each function is given."
  value       = local.secrets_of

  precondition {
    condition     = length(setsubtract(var.optional_secrets, local.known_optional)) == 0
    error_message = "No function of the manifest knows an optional secret of that name: ${join(", ", setsubtract(var.optional_secrets, local.known_optional))}."
  }
}

output "settings_of" {
  description = "The optional settings that each function is given, by name."
  value       = local.settings_of

  precondition {
    condition     = length(setsubtract(keys(var.settings), local.known_settings)) == 0
    error_message = "No function of the manifest knows an optional setting of that name: ${join(", ", setsubtract(keys(var.settings), local.known_settings))}."
  }
}
