# The coordinator's state. Its password is made by Secrets Manager, stored there, and read back from there to be set: should
# an apply end in between, the next one sets the password that is stored.

locals {
  has_database = var.database != "none"
  database     = "farm"
  database_host = local.has_database ? (
    var.database == "aurora" ? aws_rds_cluster.state[0].endpoint : aws_db_instance.state[0].address
  ) : null
}

resource "aws_secretsmanager_secret" "database" {
  for_each = local.has_database ? toset(["DATABASE_PASSWORD", local.state_url]) : toset([])

  name                    = "${var.prefix}/${each.key}"
  description             = "Farmhand: ${each.key}"
  kms_key_id              = var.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
  tags                    = var.tags
}

ephemeral "aws_secretsmanager_random_password" "database" {
  count = local.has_database ? 1 : 0

  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret_version" "password" {
  count = local.has_database ? 1 : 0

  secret_id                = aws_secretsmanager_secret.database["DATABASE_PASSWORD"].id
  secret_string_wo         = ephemeral.aws_secretsmanager_random_password.database[0].random_password
  secret_string_wo_version = var.secrets_version
}

ephemeral "aws_secretsmanager_secret_version" "password" {
  count = local.has_database ? 1 : 0

  secret_id = aws_secretsmanager_secret_version.password[0].secret_id
}

resource "aws_secretsmanager_secret_version" "state_url" {
  count = local.has_database ? 1 : 0

  secret_id = aws_secretsmanager_secret.database[local.state_url].id
  secret_string_wo = format(
    "postgres://%s:%s@%s:5432/%s?sslmode=verify-full&sslrootcert=/files/database-ca.pem",
    local.database,
    ephemeral.aws_secretsmanager_secret_version.password[0].secret_string,
    local.database_host,
    local.database,
  )
  secret_string_wo_version = var.secrets_version
}

resource "aws_db_subnet_group" "state" {
  count = local.has_database ? 1 : 0

  name       = "${var.prefix}-state"
  subnet_ids = local.private_subnet_ids
  tags       = var.tags
}

resource "aws_security_group" "database" {
  count = local.has_database ? 1 : 0

  name        = "${var.prefix}-database"
  description = "The state of the farm: its coordinators alone"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-database" })
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  count = local.has_database && local.on_fargate ? 1 : 0

  security_group_id            = aws_security_group.database[0].id
  description                  = "Coordinators"
  referenced_security_group_id = aws_security_group.coordinator[0].id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
  tags                         = var.tags
}

resource "aws_rds_cluster" "state" {
  count = var.database == "aurora" ? 1 : 0

  cluster_identifier           = "${var.prefix}-state"
  engine                       = "aurora-postgresql"
  engine_mode                  = "provisioned"
  engine_version               = var.database_size.engine_series
  database_name                = local.database
  master_username              = local.database
  master_password_wo           = ephemeral.aws_secretsmanager_secret_version.password[0].secret_string
  master_password_wo_version   = var.secrets_version
  db_subnet_group_name         = aws_db_subnet_group.state[0].name
  vpc_security_group_ids       = [aws_security_group.database[0].id]
  storage_encrypted            = true
  kms_key_id                   = var.kms_key_arn
  backup_retention_period      = var.database_size.backup_days
  preferred_backup_window      = "03:00-04:00"
  preferred_maintenance_window = "sun:04:30-sun:05:30"
  copy_tags_to_snapshot        = true
  deletion_protection          = var.database_size.is_protected
  skip_final_snapshot          = !var.database_size.final_backup
  final_snapshot_identifier    = var.database_size.final_backup ? "${var.prefix}-state-last" : null
  tags                         = var.tags

  serverlessv2_scaling_configuration {
    min_capacity = var.database_size.least_units
    max_capacity = var.database_size.most_units
  }
}

resource "aws_rds_cluster_instance" "state" {
  count = var.database == "aurora" ? var.database_size.copies : 0

  identifier          = "${var.prefix}-state-${count.index}"
  cluster_identifier  = aws_rds_cluster.state[0].id
  engine              = aws_rds_cluster.state[0].engine
  engine_version      = aws_rds_cluster.state[0].engine_version
  instance_class      = "db.serverless"
  publicly_accessible = false
  tags                = var.tags
}

resource "aws_db_instance" "state" {
  count = var.database == "rds" ? 1 : 0

  identifier                 = "${var.prefix}-state"
  engine                     = "postgres"
  engine_version             = var.database_size.engine_series
  instance_class             = var.database_size.class
  allocated_storage          = var.database_size.gib
  max_allocated_storage      = 4 * var.database_size.gib
  storage_type               = "gp3"
  db_name                    = local.database
  username                   = local.database
  password_wo                = ephemeral.aws_secretsmanager_secret_version.password[0].secret_string
  password_wo_version        = var.secrets_version
  db_subnet_group_name       = aws_db_subnet_group.state[0].name
  vpc_security_group_ids     = [aws_security_group.database[0].id]
  multi_az                   = var.database_size.copies > 1
  publicly_accessible        = false
  storage_encrypted          = true
  kms_key_id                 = var.kms_key_arn
  backup_retention_period    = var.database_size.backup_days
  backup_window              = "03:00-04:00"
  maintenance_window         = "sun:04:30-sun:05:30"
  auto_minor_version_upgrade = true
  copy_tags_to_snapshot      = true
  deletion_protection        = var.database_size.is_protected
  skip_final_snapshot        = !var.database_size.final_backup
  final_snapshot_identifier  = var.database_size.final_backup ? "${var.prefix}-state-last" : null
  tags                       = var.tags
}
