# Coordinator and hubs have addresses of their own in public subnets, since they fetch sources and speak to AWS; nothing
# comes in but machines, through the balancer. That saves the price of NAT. The database is in private subnets.

locals {
  has_network   = var.run != "elsewhere" || var.database != "none" || local.has_pools
  makes_network = local.has_network && var.network == null
  zones         = 2

  vpc_id             = local.makes_network ? aws_vpc.farm[0].id : try(var.network.vpc_id, null)
  public_subnet_ids  = local.makes_network ? aws_subnet.public[*].id : try(var.network.public_subnet_ids, [])
  private_subnet_ids = local.makes_network ? aws_subnet.private[*].id : try(var.network.private_subnet_ids, [])
}

data "aws_availability_zones" "here" {
  state = "available"
}

resource "aws_vpc" "farm" {
  count = local.makes_network ? 1 : 0

  cidr_block           = var.cidr
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = var.prefix })
}

resource "aws_internet_gateway" "farm" {
  count = local.makes_network ? 1 : 0

  vpc_id = aws_vpc.farm[0].id
  tags   = merge(var.tags, { Name = var.prefix })
}

resource "aws_subnet" "public" {
  count = local.makes_network ? local.zones : 0

  vpc_id            = aws_vpc.farm[0].id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(var.cidr, 4, count.index)
  tags              = merge(var.tags, { Name = "${var.prefix}-public-${count.index}" })
}

resource "aws_subnet" "private" {
  count = local.makes_network ? local.zones : 0

  vpc_id            = aws_vpc.farm[0].id
  availability_zone = data.aws_availability_zones.here.names[count.index]
  cidr_block        = cidrsubnet(var.cidr, 4, 8 + count.index)
  tags              = merge(var.tags, { Name = "${var.prefix}-private-${count.index}" })
}

resource "aws_route_table" "public" {
  count = local.makes_network ? 1 : 0

  vpc_id = aws_vpc.farm[0].id
  tags   = merge(var.tags, { Name = "${var.prefix}-public" })

  route {
    cidr_block = "0.0.0.0/0"
    gateway_id = aws_internet_gateway.farm[0].id
  }
}

resource "aws_route_table_association" "public" {
  count = local.makes_network ? local.zones : 0

  subnet_id      = aws_subnet.public[count.index].id
  route_table_id = aws_route_table.public[0].id
}

# Buckets are reached without leaving AWS, and without paying for it.
resource "aws_vpc_endpoint" "bucket" {
  count = local.makes_network ? 1 : 0

  vpc_id            = aws_vpc.farm[0].id
  service_name      = "com.amazonaws.${local.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.public[0].id]
  tags              = merge(var.tags, { Name = var.prefix })
}
