# The coordinators on Fargate: one leads, the others stand by. A new one starts before an old one ends.

locals {
  coordinator_files = {
    FARM_TOML   = { file = "/files/farm.toml", text = base64encode(var.farm_toml) }
    DATABASE_CA = { file = "/files/database-ca.pem", text = base64encode(coalesce(var.database_ca, " ")) }
  }
}

resource "aws_security_group" "coordinator" {
  count = local.on_fargate ? 1 : 0

  name        = "${var.prefix}-coordinator"
  description = "Nobody comes in"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-coordinator" })
}

resource "aws_vpc_security_group_egress_rule" "coordinator" {
  count = local.on_fargate ? 1 : 0

  security_group_id = aws_security_group.coordinator[0].id
  description       = "Sources, queues, bucket, database"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = var.tags
}

resource "aws_ecs_task_definition" "coordinator" {
  count = local.on_fargate ? 1 : 0

  family                   = "${var.prefix}-coordinator"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.sizes.coordinator_cpu
  memory                   = var.sizes.coordinator_memory
  execution_role_arn       = aws_iam_role.start["coordinator"].arn
  task_role_arn            = aws_iam_role.part["coordinator"].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  volume {
    name = "files"
  }
  volume {
    name = "data"
  }

  container_definitions = jsonencode([
    {
      name      = "files"
      image     = var.images.files
      essential = false
      command = ["sh", "-ec", join("\n", concat(
        [for name, file in local.coordinator_files : "echo \"$${${name}}\" | base64 -d >${file.file}"],
        ["chown -R ${local.user}:${local.user} /files /data"],
      ))]
      environment = [for name, file in local.coordinator_files : { name = name, value = file.text }]
      mountPoints = [
        { sourceVolume = "files", containerPath = "/files", readOnly = false },
        { sourceVolume = "data", containerPath = "/data", readOnly = false },
      ]
      logConfiguration = local.task_logs["coordinator"]
    },
    {
      name                   = "coordinator"
      image                  = var.images.coordinator
      essential              = true
      user                   = local.user
      readonlyRootFilesystem = true
      stopTimeout            = 30
      dependsOn              = [{ containerName = "files", condition = "SUCCESS" }]
      environment = [
        for name, value in merge(local.task_environment, local.keep, { FARM_CONFIG = "/files/farm.toml" }) : { name = name, value = value }
      ]
      secrets = [{ name = "FARM_STATE", valueFrom = aws_secretsmanager_secret.database[local.state_url].arn }]
      mountPoints = [
        { sourceVolume = "files", containerPath = "/files", readOnly = true },
        { sourceVolume = "data", containerPath = "/data", readOnly = false },
      ]
      logConfiguration = local.task_logs["coordinator"]
    },
  ])

  # Which version of the state's URL a task was given is not in its definition.
  lifecycle {
    replace_triggered_by = [aws_secretsmanager_secret_version.state_url]
  }
}

locals {
  task_logs = {
    for name, group in aws_cloudwatch_log_group.task : name => {
      logDriver = "awslogs"
      options = {
        "awslogs-group"         = group.name
        "awslogs-region"        = local.region
        "awslogs-stream-prefix" = name
      }
    }
  }
}

resource "aws_ecs_service" "coordinator" {
  count = local.on_fargate ? 1 : 0

  name                               = "coordinator"
  cluster                            = aws_ecs_cluster.farm[0].id
  task_definition                    = aws_ecs_task_definition.coordinator[0].arn
  desired_count                      = var.sizes.coordinators
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  tags                               = var.tags

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.public_subnet_ids
    security_groups  = [aws_security_group.coordinator[0].id]
    assign_public_ip = true
  }

  depends_on = [
    aws_iam_role_policy.start, aws_iam_role_policy_attachment.part, aws_rds_cluster_instance.state,
    aws_vpc_security_group_ingress_rule.database,
  ]
}
