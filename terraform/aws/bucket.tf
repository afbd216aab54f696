resource "aws_s3_bucket" "farm" {
  bucket        = coalesce(var.bucket, "${var.prefix}-${local.account}-${local.region}")
  force_destroy = var.bucket_destroyed_with_content
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "farm" {
  bucket = aws_s3_bucket.farm.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "farm" {
  bucket = aws_s3_bucket.farm.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "farm" {
  bucket = aws_s3_bucket.farm.id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

# What is told by its prefix and its age alone goes by the bucket's own rules, which cost nothing. The coordinator removes the
# same after the same days (local.keep), and what hangs on more than that.
resource "aws_s3_bucket_lifecycle_configuration" "farm" {
  bucket = aws_s3_bucket.farm.id

  rule {
    id     = "deliveries"
    status = var.delivery_days > 0 ? "Enabled" : "Disabled"

    filter {
      prefix = "deliveries/"
    }
    expiration {
      days = max(var.delivery_days, 1)
    }
  }

  rule {
    id     = "logs"
    status = var.log_days > 0 ? "Enabled" : "Disabled"

    filter {
      prefix = "logs/"
    }
    expiration {
      days = max(var.log_days, 1)
    }
  }

  rule {
    id     = "uploads-that-never-ended"
    status = "Enabled"

    filter {
      prefix = ""
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 2
    }
  }
}
