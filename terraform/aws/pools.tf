# Machines that functions make on EC2: subnets of their own, into which nothing comes, and rights on machines alone that carry
# the farm's tag. Nothing else of the account has it, so that no other instance can be ended.

locals {
  has_pools = length(var.pools) > 0

  # FARM_POOLS, as docs/machine-pools.md describes it.
  farm_pools = !local.has_pools ? {} : {
    FARM_POOLS = jsonencode({
      farm     = var.prefix
      hub      = local.hub_address
      ca       = var.buildlet.hub_ca
      buildlet = var.buildlet.url
      sha256   = var.buildlet.sha256
      pools = {
        for name, pool in var.pools : name => {
          kind            = "ec2"
          most            = pool.most
          region          = local.region
          subnets         = local.pool_subnets
          security_groups = [aws_security_group.pool[0].id]
          endpoint        = pool.endpoint
        }
      }
    })
  }

  # By zone, since a pool that is sold out is asked for in another.
  pool_subnets = { for subnet in data.aws_subnet.pool : subnet.availability_zone => subnet.id }

  # Functions that make machines know FARM_POOLS.
  makes_machines = {
    for name, function in module.names.functions : name =>
    local.has_pools && contains(try(function.optional_settings, []), "FARM_POOLS")
  }

  ec2      = "arn:${local.partition}:ec2:${local.region}:${local.account}"
  pool_tag = "farmhand-farm"
}

resource "aws_subnet" "pool" {
  count = local.has_pools && local.makes_network ? local.zones : 0

  vpc_id                  = aws_vpc.farm[0].id
  availability_zone       = data.aws_availability_zones.here.names[count.index]
  cidr_block              = cidrsubnet(var.cidr, 4, 4 + count.index)
  map_public_ip_on_launch = true
  tags                    = merge(var.tags, { Name = "${var.prefix}-machines-${count.index}" })
}

resource "aws_route_table_association" "pool" {
  count = local.has_pools && local.makes_network ? local.zones : 0

  subnet_id      = aws_subnet.pool[count.index].id
  route_table_id = aws_route_table.public[0].id
}

data "aws_subnet" "pool" {
  count = !local.has_pools ? 0 : local.makes_network ? local.zones : length(var.network.public_subnet_ids)

  id = local.makes_network ? aws_subnet.pool[count.index].id : var.network.public_subnet_ids[count.index]
}

resource "aws_security_group" "pool" {
  count = local.has_pools ? 1 : 0

  name        = "${var.prefix}-pool"
  description = "Machines of pools: nobody comes in"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-pool" })
}

resource "aws_vpc_security_group_egress_rule" "pool" {
  count = local.has_pools ? 1 : 0

  security_group_id = aws_security_group.pool[0].id
  description       = "Whatever builds fetch"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = var.tags
}

data "aws_iam_policy_document" "pool" {
  count = local.has_pools ? 1 : 0

  # A list is of everything or not at all: AWS knows no narrower resource.
  statement {
    sid       = "Look"
    actions   = ["ec2:DescribeInstances"]
    resources = ["*"] # tidy: allowed
  }

  # What is yet to be made has no id, so that only what it will be can be looked at.
  statement {
    sid       = "Make"
    actions   = ["ec2:RunInstances"]
    resources = ["${local.ec2}:instance/*"] # tidy: allowed

    condition {
      test     = "StringEquals"
      variable = "ec2:InstanceType"
      values   = setunion([for pool in var.pools : pool.instance_types]...)
    }
    condition {
      test     = "StringEquals"
      variable = "aws:RequestTag/${local.pool_tag}"
      values   = [var.prefix]
    }
    condition {
      test     = "StringEquals"
      variable = "ec2:MetadataHttpTokens"
      values   = ["required"]
    }
  }

  statement {
    sid     = "MakeOf"
    actions = ["ec2:RunInstances"]
    resources = concat(
      [for image in setunion([for pool in var.pools : pool.images]...) : "arn:${local.partition}:ec2:${local.region}::image/${image}"],
      [for subnet in values(local.pool_subnets) : "${local.ec2}:subnet/${subnet}"],
      [aws_security_group.pool[0].arn],
    )
  }

  statement {
    sid     = "MakeWith"
    actions = ["ec2:RunInstances"]
    resources = [
      for kind in ["network-interface", "spot-instances-request", "volume"] : "${local.ec2}:${kind}/*" # tidy: allowed
    ]
  }

  # Tags are given as a machine is made, and never to one that is there: it would be ours to end.
  statement {
    sid     = "Tag"
    actions = ["ec2:CreateTags"]
    resources = [
      for kind in ["instance", "volume"] : "${local.ec2}:${kind}/*" # tidy: allowed
    ]

    condition {
      test     = "StringEquals"
      variable = "ec2:CreateAction"
      values   = ["RunInstances"]
    }
  }

  statement {
    sid       = "End"
    actions   = ["ec2:TerminateInstances"]
    resources = ["${local.ec2}:instance/*"] # tidy: allowed

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/${local.pool_tag}"
      values   = [var.prefix]
    }
  }
}

resource "aws_iam_role_policy" "pool" {
  for_each = toset([for name, makes in local.makes_machines : name if makes])

  name   = "machines"
  role   = aws_iam_role.function[each.key].id
  policy = data.aws_iam_policy_document.pool[0].json
}
