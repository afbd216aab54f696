resource "aws_budgets_budget" "farm" {
  count = var.budget > 0 ? 1 : 0

  name         = var.prefix
  budget_type  = "COST"
  limit_amount = format("%.1f", var.budget)
  limit_unit   = "USD"
  time_unit    = "MONTHLY"
  tags         = var.tags

  dynamic "notification" {
    for_each = length(var.alarms.mail) > 0 ? { ACTUAL = 80, FORECASTED = 100 } : {}
    content {
      notification_type          = notification.key
      comparison_operator        = "GREATER_THAN"
      threshold                  = notification.value
      threshold_type             = "PERCENTAGE"
      subscriber_email_addresses = var.alarms.mail
    }
  }
}
