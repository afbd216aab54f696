//! What topics and queues are called.

use crate::subscription::SubscriptionSpec;
use crate::url;

/// What names begin with where nothing else is said.
const PREFIX: &str = "farm";

/// The names in one account and region.
#[derive(Debug)]
pub(super) struct Names {
    prefix: String,
    region: String,
}

impl Names {
    pub(super) fn new(place: &url::Aws) -> Self {
        Self {
            prefix: place.prefix.as_deref().unwrap_or(PREFIX).to_owned(),
            region: place.region.clone(),
        }
    }

    pub(super) fn topic(&self, topic: &str) -> String {
        format!("{}-{topic}", self.prefix)
    }

    /// The queue of `subscription`. That of its dead letters, which this crate calls `dead-<subscription>`, stands beside it
    /// in lists.
    pub(super) fn queue(&self, subscription: &str) -> String {
        let prefix = &self.prefix;
        match subscription.strip_prefix(&SubscriptionSpec::dead("")) {
            Some(of) => format!("{prefix}-{of}-dead"),
            None => format!("{prefix}-{subscription}"),
        }
    }

    /// <https://docs.aws.amazon.com/sns/latest/dg/sns-create-topic.html>
    pub(super) fn topic_arn(&self, account: &str, topic: &str) -> String {
        let (region, topic) = (&self.region, self.topic(topic));
        format!("arn:{}:sns:{region}:{account}:{topic}", partition(region))
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>
fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::url::{BusUrl, Place};

    fn names(url: &str) -> Names {
        match url.parse::<BusUrl>().unwrap().0 {
            Place::Aws(aws) => Names::new(&aws),
            Place::PubSub { .. } => panic!("{url}"),
        }
    }

    #[test]
    fn names_are_what_terraform_makes() {
        let names = names("aws://eu-west-1");
        assert_eq!(names.queue("work-h1"), "farm-work-h1");
        assert_eq!(
            names.queue(&SubscriptionSpec::dead("work-h1")),
            "farm-work-h1-dead"
        );
        let arn = "arn:aws:sns:eu-west-1:123456789012:farm-results";
        assert_eq!(names.topic_arn("123456789012", "results"), arn);
    }

    #[test]
    fn prefix_and_partition_are_the_accounts() {
        let names = names("aws://cn-north-1?prefix=ours");
        let arn = "arn:aws-cn:sns:cn-north-1:1:ours-results";
        assert_eq!(names.topic_arn("1", "results"), arn);
        assert_eq!(partition("us-gov-west-1"), "aws-us-gov");
    }
}
