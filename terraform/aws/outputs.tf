output "url" {
  description = "The farm's pages and functions. With a domain, point its name at domain_target."
  value       = local.url
}

output "domain_target" {
  description = "What the domain's CNAME (or alias) names, if there is a domain."
  value       = var.domain == null ? null : aws_apigatewayv2_domain_name.farm[0].domain_name_configuration[0].target_domain_name
}

output "github_webhook" {
  description = "Where GitHub sends its webhooks: content type application/json, secret as in secrets.GITHUB_WEBHOOK_SECRET."
  value       = "${local.url}/github-webhook"
}

output "gerrit_webhook" {
  description = "Where Gerrit's webhooks plugin sends events; <secret> is what secrets.GERRIT_WEBHOOK_SECRET holds."
  value       = "${local.url}/gerrit-webhook/<secret>"
}

output "hub_address" {
  description = "Where machines dial the hubs, host:port; null where you run them elsewhere under no hub_name."
  value       = local.hub_address
}

output "hub_target" {
  description = "What hub_name must point at (a CNAME to the balancer, or an A record to the machine)."
  value       = local.on_fargate ? local.hub_dns : local.on_machine ? aws_eip.machine[0].public_ip : null
}

output "bus" {
  description = "FARM_BUS of this farm, for `farm` and for parts that run elsewhere."
  value       = local.bus
}

output "bucket" {
  description = "FARM_BUCKET of this farm."
  value       = local.bucket
}

output "secrets" {
  description = "The ARNs of the secrets, by name; their values are only in Secrets Manager."
  value       = local.secret_arns
}

output "queues" {
  description = "The URLs of the queues, by subscription."
  value       = { for name, queue in aws_sqs_queue.of : name => queue.url }
}

output "dead_letters" {
  description = "The URLs of the queues of dead letters, by subscription."
  value       = { for name, queue in aws_sqs_queue.dead : name => queue.url }
}

output "keep" {
  description = "For how long things are kept: settings of the coordinator, to be given to it where it runs elsewhere."
  value       = local.keep
}

output "roles" {
  description = "The roles of coordinator and hubs, to be taken on where they run elsewhere."
  value       = { for name, role in aws_iam_role.part : name => role.arn }
}

output "functions" {
  description = "The names of the Lambda functions, by their names in the manifest."
  value       = { for name, function in aws_lambda_function.of : name => function.function_name }
}

output "next" {
  description = "What is left to do."
  value       = <<-TEXT
    1. aws secretsmanager get-secret-value --query SecretString --output text --secret-id ${local.secret_arns["GITHUB_WEBHOOK_SECRET"]}
       GitHub, Settings, Webhooks: URL ${local.url}/github-webhook, application/json, that secret, pushes and pull requests.
    2. %{if var.domain != null}Point ${var.domain.name} at ${aws_apigatewayv2_domain_name.farm[0].domain_name_configuration[0].target_domain_name}. %{endif}Look at ${local.url}/
    3. FARM_BUCKET=${local.bucket} farm machine add --help: makes a key for each machine; its buildlet dials the output hub_address.
    4. Confirm the mails about alarms that ${length(var.alarms.mail)} address(es) got.
  TEXT
}
