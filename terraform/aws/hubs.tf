# The hubs on Fargate, behind one address that passes TCP through: a hub ends TLS itself, since keys of machines, reverse
# dialing and what hubs prove to each other are bound to the connection. Each is a service of its own, as each has a name, a
# queue and machines of its own.

locals {
  fargate_hubs = local.on_fargate ? var.hubs : toset([])

  hub_port   = 8119
  peer_port  = 8120
  dial_port  = 443
  hub_domain = "${var.prefix}.internal"

  hub_dns  = local.on_fargate ? aws_lb.hubs[0].dns_name : null
  hub_host = var.hub_name != null ? var.hub_name : local.hub_dns

  # Where machines dial; hubs elsewhere are found only by a name of theirs.
  dialed      = local.on_machine ? coalesce(var.hub_name, aws_eip.machine[0].public_ip) : local.hub_host
  hub_address = local.dialed == null ? null : "${local.dialed}:${local.dial_port}"

  hub_files = merge(
    { MACHINE_KEY = { file = "/files/machine-key", from = aws_secretsmanager_secret.made[local.machine_key].arn } },
    var.hub_certificate_arn == null ? {} : {
      CERTIFICATE     = { file = "/files/hub-cert.pem", from = "${var.hub_certificate_arn}:certificate::" }
      CERTIFICATE_KEY = { file = "/files/hub-key.pem", from = "${var.hub_certificate_arn}:key::" }
    },
  )

  hub_environment = merge(
    local.task_environment,
    {
      FARM_HUB_LISTEN       = "0.0.0.0:${local.hub_port}"
      FARM_MACHINE_KEY_FILE = "/files/machine-key"
      FARM_DRAIN            = "100"
    },
    length(var.hubs) < 2 ? {} : {
      FARM_HUB_PEER_LISTEN = "0.0.0.0:${local.peer_port}"
      FARM_HUB_PEERS       = join(",", [for hub in sort(var.hubs) : "${hub}=${hub}.${local.hub_domain}:${local.peer_port}"])
    },
    var.hub_certificate_arn == null ? { FARM_TLS_NAMES = coalesce(local.hub_host, "localhost") } : {
      FARM_TLS_CERT                                    = "/files/hub-cert.pem"
      FARM_TLS_KEY                                     = "/files/hub-key.pem"
    },
  )
}

resource "aws_security_group" "balancer" {
  count = local.on_fargate ? 1 : 0

  name        = "${var.prefix}-balancer"
  description = "Machines dial the hubs"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-balancer" })
}

resource "aws_vpc_security_group_ingress_rule" "machines" {
  for_each = local.on_fargate ? toset(var.machines_from) : toset([])

  security_group_id = aws_security_group.balancer[0].id
  description       = "Machines"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = local.dial_port
  to_port           = local.dial_port
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "balancer" {
  count = local.on_fargate ? 1 : 0

  security_group_id            = aws_security_group.balancer[0].id
  description                  = "Hubs"
  referenced_security_group_id = aws_security_group.hub[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.hub_port
  to_port                      = local.hub_port
  tags                         = var.tags
}

resource "aws_security_group" "hub" {
  count = local.on_fargate ? 1 : 0

  name        = "${var.prefix}-hub"
  description = "What the balancer passes on, and other hubs"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-hub" })
}

resource "aws_vpc_security_group_ingress_rule" "hub" {
  count = local.on_fargate ? 1 : 0

  security_group_id            = aws_security_group.hub[0].id
  description                  = "The balancer"
  referenced_security_group_id = aws_security_group.balancer[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.hub_port
  to_port                      = local.hub_port
  tags                         = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "peers" {
  count = local.on_fargate ? 1 : 0

  security_group_id            = aws_security_group.hub[0].id
  description                  = "Other hubs"
  referenced_security_group_id = aws_security_group.hub[0].id
  ip_protocol                  = "tcp"
  from_port                    = local.peer_port
  to_port                      = local.peer_port
  tags                         = var.tags
}

resource "aws_vpc_security_group_egress_rule" "hub" {
  count = local.on_fargate ? 1 : 0

  security_group_id = aws_security_group.hub[0].id
  description       = "Sources, queues, bucket, machines that are dialed"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = var.tags
}

resource "aws_lb" "hubs" {
  count = local.on_fargate ? 1 : 0

  name                             = "${var.prefix}-hubs"
  load_balancer_type               = "network"
  internal                         = false
  subnets                          = local.public_subnet_ids
  security_groups                  = [aws_security_group.balancer[0].id]
  enable_cross_zone_load_balancing = true
  tags                             = var.tags
}

resource "aws_lb_target_group" "hubs" {
  count = local.on_fargate ? 1 : 0

  name        = "${var.prefix}-hubs"
  target_type = "ip"
  protocol    = "TCP"
  port        = local.hub_port
  vpc_id      = local.vpc_id
  # Connections of machines last: they end when the hub drains.
  deregistration_delay = 120
  tags                 = var.tags

  health_check {
    protocol            = "HTTPS"
    path                = "/healthz"
    port                = "traffic-port"
    interval            = 10
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "hubs" {
  count = local.on_fargate ? 1 : 0

  load_balancer_arn = aws_lb.hubs[0].arn
  protocol          = "TCP"
  port              = local.dial_port
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.hubs[0].arn
  }
}

# Where hubs find each other.
resource "aws_service_discovery_private_dns_namespace" "hubs" {
  count = local.on_fargate ? 1 : 0

  name = local.hub_domain
  vpc  = local.vpc_id
  tags = var.tags
}

resource "aws_service_discovery_service" "hub" {
  for_each = local.fargate_hubs

  name = each.key
  tags = var.tags

  dns_config {
    namespace_id = aws_service_discovery_private_dns_namespace.hubs[0].id

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_ecs_task_definition" "hub" {
  for_each = local.fargate_hubs

  family                   = "${var.prefix}-hub-${each.key}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.sizes.hub_cpu
  memory                   = var.sizes.hub_memory
  execution_role_arn       = aws_iam_role.start["hub"].arn
  task_role_arn            = aws_iam_role.part["hub-${each.key}"].arn
  tags                     = var.tags

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  ephemeral_storage {
    size_in_gib = var.sizes.hub_disk_gib
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
        ["umask 077"],
        [for name, file in local.hub_files : "printf '%s\\n' \"$${${name}}\" >${file.file}"],
        ["chown -R ${local.user}:${local.user} /files /data"],
      ))]
      secrets = [for name, file in local.hub_files : { name = name, valueFrom = file.from }]
      mountPoints = [
        { sourceVolume = "files", containerPath = "/files", readOnly = false },
        { sourceVolume = "data", containerPath = "/data", readOnly = false },
      ]
      logConfiguration = local.task_logs["hub"]
    },
    {
      name                   = "hub"
      image                  = var.images.hub
      essential              = true
      user                   = local.user
      readonlyRootFilesystem = true
      stopTimeout            = 120
      dependsOn              = [{ containerName = "files", condition = "SUCCESS" }]
      portMappings           = [{ containerPort = local.hub_port, protocol = "tcp" }]
      environment = [
        for name, value in merge(local.hub_environment, { FARM_HUB_ID = each.key }) : { name = name, value = value }
      ]
      mountPoints = [
        { sourceVolume = "files", containerPath = "/files", readOnly = true },
        { sourceVolume = "data", containerPath = "/data", readOnly = false },
      ]
      logConfiguration = local.task_logs["hub"]
    },
  ])
}

# One of each name, never two at a time: the old one ends first.
resource "aws_ecs_service" "hub" {
  for_each = local.fargate_hubs

  name                               = "hub-${each.key}"
  cluster                            = aws_ecs_cluster.farm[0].id
  task_definition                    = aws_ecs_task_definition.hub[each.key].arn
  desired_count                      = 1
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  health_check_grace_period_seconds  = 60
  tags                               = var.tags

  network_configuration {
    subnets          = local.public_subnet_ids
    security_groups  = [aws_security_group.hub[0].id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.hubs[0].arn
    container_name   = "hub"
    container_port   = local.hub_port
  }

  service_registries {
    registry_arn = aws_service_discovery_service.hub[each.key].arn
  }

  depends_on = [aws_iam_role_policy.start, aws_iam_role_policy_attachment.part, aws_lb_listener.hubs]
}
