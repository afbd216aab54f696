# The small farm: one instance with a disk of its own for coordinator and hub, SQLite, and nothing in front. The disk
# outlives the instance: a new one goes on where the old one stopped.

locals {
  machine_units = {
    coordinator = concat(["FARM_CONFIG=/etc/farm/farm.toml"], [for name, value in local.keep : "${name}=${value}"])
    hub = [
      "FARM_HUB_ID=${sort(var.hubs)[0]}",
      "FARM_HUB_LISTEN=0.0.0.0:${local.dial_port}",
      "FARM_MACHINE_KEY_FILE=/run/farm/machine-key",
      "FARM_DRAIN=60",
    ]
  }
}

# The image of Amazon Linux 2023 as it was when the instance was made: a newer one does not replace it.
data "aws_ssm_parameter" "image" {
  count = local.on_machine ? 1 : 0

  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-${var.architecture}"
}

resource "aws_s3_object" "binary" {
  for_each = local.on_machine ? toset(keys(local.machine_units)) : toset([])

  bucket      = aws_s3_bucket.farm.bucket
  key         = "releases/${each.key}-${filesha256("${var.machine.binaries}/${each.key}")}"
  source      = "${var.machine.binaries}/${each.key}"
  source_hash = filesha256("${var.machine.binaries}/${each.key}")
  tags        = var.tags

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.farm, aws_s3_bucket_ownership_controls.farm]
}

data "aws_iam_policy_document" "machine" {
  count = local.on_machine ? 1 : 0

  statement {
    sid       = "Secrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.made[local.machine_key].arn]
  }

  statement {
    sid       = "Binaries"
    actions   = ["s3:GetObject"]
    resources = [for binary in aws_s3_object.binary : "${aws_s3_bucket.farm.arn}/${binary.key}"]
  }
}

resource "aws_iam_role_policy" "machine" {
  count = local.on_machine ? 1 : 0

  name   = "start"
  role   = aws_iam_role.part["machine"].id
  policy = data.aws_iam_policy_document.machine[0].json
}

resource "aws_iam_instance_profile" "machine" {
  count = local.on_machine ? 1 : 0

  name = "${var.prefix}-machine"
  role = aws_iam_role.part["machine"].name
  tags = var.tags
}

resource "aws_security_group" "machine" {
  count = local.on_machine ? 1 : 0

  name        = "${var.prefix}-machine"
  description = "Machines dial the hub"
  vpc_id      = local.vpc_id
  tags        = merge(var.tags, { Name = "${var.prefix}-machine" })
}

resource "aws_vpc_security_group_ingress_rule" "machine" {
  for_each = local.on_machine ? toset(var.machines_from) : toset([])

  security_group_id = aws_security_group.machine[0].id
  description       = "Machines"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = local.dial_port
  to_port           = local.dial_port
  tags              = var.tags
}

resource "aws_vpc_security_group_egress_rule" "machine" {
  count = local.on_machine ? 1 : 0

  security_group_id = aws_security_group.machine[0].id
  description       = "Sources, queues, bucket"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "-1"
  tags              = var.tags
}

data "aws_subnet" "machine" {
  count = local.on_machine ? 1 : 0

  id = local.public_subnet_ids[0]
}

resource "aws_ebs_volume" "machine" {
  count = local.on_machine ? 1 : 0

  availability_zone = data.aws_subnet.machine[0].availability_zone
  type              = "gp3"
  size              = var.machine.gib
  encrypted         = true
  kms_key_id        = var.kms_key_arn
  final_snapshot    = var.database_size.final_backup
  tags              = merge(var.tags, { Name = "${var.prefix}-data" })
}

resource "aws_eip" "machine" {
  count = local.on_machine ? 1 : 0

  domain = "vpc"
  tags   = merge(var.tags, { Name = "${var.prefix}-machine" })
}

resource "aws_instance" "machine" {
  count = local.on_machine ? 1 : 0

  ami                         = data.aws_ssm_parameter.image[0].value
  instance_type               = var.machine.type
  subnet_id                   = local.public_subnet_ids[0]
  vpc_security_group_ids      = [aws_security_group.machine[0].id]
  iam_instance_profile        = aws_iam_instance_profile.machine[0].name
  user_data_replace_on_change = true
  user_data = templatefile("${path.module}/machine.sh.tftpl", {
    bucket   = aws_s3_bucket.farm.bucket
    binaries = { for name, binary in aws_s3_object.binary : name => binary.key }
    region   = local.region
    key      = aws_secretsmanager_secret.made[local.machine_key].arn
    names    = join(",", compact([var.hub_name, aws_eip.machine[0].public_ip]))
    volume   = replace(aws_ebs_volume.machine[0].id, "-", "")
    toml     = base64encode(var.farm_toml)
    units    = local.machine_units
    environment = merge(var.environment, {
      FARM_BUS    = local.bus
      FARM_BUCKET = local.bucket
      AWS_REGION  = local.region
    })
  })
  tags = merge(var.tags, { Name = var.prefix })

  metadata_options {
    http_tokens = "required"
  }
  root_block_device {
    encrypted = true
  }

  lifecycle {
    ignore_changes = [ami]
  }
  depends_on = [aws_iam_role_policy.machine, aws_iam_role_policy_attachment.part, aws_secretsmanager_secret_version.made]
}

resource "aws_volume_attachment" "machine" {
  count = local.on_machine ? 1 : 0

  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.machine[0].id
  instance_id                    = aws_instance.machine[0].id
  stop_instance_before_detaching = true
}

resource "aws_eip_association" "machine" {
  count = local.on_machine ? 1 : 0

  allocation_id = aws_eip.machine[0].id
  instance_id   = aws_instance.machine[0].id
}
