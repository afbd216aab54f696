# One HTTP API in front of all functions, with exactly the routes of the manifest.

resource "aws_apigatewayv2_api" "farm" {
  name          = var.prefix
  description   = "Farmhand's functions"
  protocol_type = "HTTP"
  # With a name of one's own, the name of AWS would be a second door.
  disable_execute_api_endpoint = var.domain != null
  tags                         = var.tags
}

# The API acts as this role to call functions, so that no function needs a policy of its own for it.
data "aws_iam_policy_document" "by_api" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["apigateway.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "api" {
  statement {
    sid       = "Call"
    actions   = ["lambda:InvokeFunction"]
    resources = [for name in local.answering : aws_lambda_function.of[name].arn]
  }
}

resource "aws_iam_role" "api" {
  name               = "${var.prefix}-api"
  description        = "Farmhand's API calls functions"
  assume_role_policy = data.aws_iam_policy_document.by_api.json
  tags               = var.tags
}

resource "aws_iam_role_policy" "api" {
  name   = "call"
  role   = aws_iam_role.api.id
  policy = data.aws_iam_policy_document.api.json
}

locals {
  routes    = { for key, routes in module.names.routes : key => routes[0] }
  answering = toset([for route in local.routes : route.function])
}

resource "aws_apigatewayv2_integration" "of" {
  for_each = local.answering

  api_id                 = aws_apigatewayv2_api.farm.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.of[each.key].invoke_arn
  integration_method     = "POST"
  payload_format_version = "2.0"
  credentials_arn        = aws_iam_role.api.arn
  timeout_milliseconds   = 30000
}

resource "aws_apigatewayv2_route" "of" {
  for_each = local.routes

  api_id    = aws_apigatewayv2_api.farm.id
  route_key = each.key
  target    = "integrations/${aws_apigatewayv2_integration.of[each.value.function].id}"
}

resource "aws_cloudwatch_log_group" "api" {
  name              = "/aws/apigateway/${var.prefix}"
  retention_in_days = 30
  tags              = var.tags
}

resource "aws_apigatewayv2_stage" "farm" {
  api_id      = aws_apigatewayv2_api.farm.id
  name        = "$default"
  auto_deploy = true
  tags        = var.tags

  default_route_settings {
    throttling_rate_limit  = var.requests_per_second
    throttling_burst_limit = 2 * var.requests_per_second
  }

  # The route, not the path: a path may hold a webhook's secret.
  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api.arn
    format = jsonencode({
      time    = "$context.requestTime"
      id      = "$context.requestId"
      ip      = "$context.identity.sourceIp"
      route   = "$context.routeKey"
      status  = "$context.status"
      latency = "$context.responseLatency"
      error   = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_apigatewayv2_domain_name" "farm" {
  count = var.domain == null ? 0 : 1

  domain_name = var.domain.name
  tags        = var.tags

  domain_name_configuration {
    certificate_arn = var.domain.certificate_arn
    endpoint_type   = "REGIONAL"
    security_policy = "TLS_1_2"
  }
}

resource "aws_apigatewayv2_api_mapping" "farm" {
  count = var.domain == null ? 0 : 1

  api_id      = aws_apigatewayv2_api.farm.id
  domain_name = aws_apigatewayv2_domain_name.farm[0].id
  stage       = aws_apigatewayv2_stage.farm.id
}

locals {
  url = var.domain == null ? aws_apigatewayv2_api.farm.api_endpoint : "https://${var.domain.name}"
}
