# Each secret is an entry of its own, so that a right names exactly one. Values are made by Secrets Manager and written
# without passing through Terraform's state. Who must know one (GitHub, for example) reads it there: see the output `next`.

locals {
  machine_key = "FARM_MACHINE_KEY"
  state_url   = "FARM_STATE"

  made = setunion(module.names.secrets, [local.machine_key])

  # Every secret's ARN by its name in the manifest, whoever made it.
  secret_arns = merge({ for name, secret in aws_secretsmanager_secret.made : name => secret.arn }, var.optional_secrets)
}

resource "aws_secretsmanager_secret" "made" {
  for_each = local.made

  name                    = "${var.prefix}/${each.key}"
  description             = "Farmhand: ${each.key}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
  tags                    = var.tags
}

ephemeral "aws_secretsmanager_random_password" "made" {
  for_each = local.made

  password_length     = 48
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "made" {
  for_each = local.made

  secret_id                = aws_secretsmanager_secret.made[each.key].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.made[each.key].random_password
  secret_string_wo_version = var.secrets_version
}
