# What both clouds need to know of the farm: who listens to what, who may touch what. It makes nothing. The functions are
# those of functions/manifest.json, which the functions themselves are tested against; parts.json says the same of the
# coordinator and of a hub, and functions/tests/it/terraform.rs compares it with what they do.

locals {
  parts     = jsondecode(file("${path.module}/parts.json"))
  functions = jsondecode(file("${path.module}/../../../functions/manifest.json"))

  # The subscriptions that push: "<topic>-<function>", as the emulator names them.
  pushes = merge([
    for name, function in local.functions : {
      for push in try(function.pushes, []) : "${push.topic}-${name}" => {
        function = name
        topic    = push.topic
        path     = push.path
      }
    }
  ]...)

  # The calls that the time makes: "<function><path>", with '-' for what no name may have.
  ticks = merge([
    for name, function in local.functions : {
      for tick in try(function.ticks, []) : replace("${name}${tick.path}", "/[^a-z0-9-]+/", "-") => {
        function      = name
        path          = tick.path
        every_seconds = tick.every_seconds
      }
    }
  ]...)

  # What the queue and the time call is nobody else's to call.
  private = toset(concat(
    [for push in local.pushes : "${push.function} ${push.path}"],
    [for tick in local.ticks : "${tick.function} ${tick.path}"],
  ))

  # A gateway's parameter is a whole segment: "/badge/{builder}.svg" is "/badge/{builder}" to it, and the function looks closer.
  public = flatten([
    for name, function in local.functions : [
      for route in function.routes : {
        function = name
        method   = route.method
        path     = replace(route.path, "/\\{([a-z_]+)\\}[^/{}]+/", "{$1}")
      } if !contains(local.private, "${name} ${route.path}")
    ]
  ])

  # What one function cannot do without is there for those, too, that would do without: pages know who has signed in.
  secrets = toset(flatten([for function in values(local.functions) : function.secrets]))
  secrets_of = {
    for name, function in local.functions : name => toset(concat(
      function.secrets,
      [for secret in function.optional_secrets : secret if contains(setunion(var.optional_secrets, local.secrets), secret)],
    ))
  }

  known_optional = toset(flatten([for function in values(local.functions) : function.optional_secrets]))

  settings_of = {
    for name, function in local.functions : name => {
      for setting in try(function.optional_settings, []) : setting => var.settings[setting]
      if contains(keys(var.settings), setting)
    }
  }

  known_settings = toset(flatten([for function in values(local.functions) : try(function.optional_settings, [])]))
}
