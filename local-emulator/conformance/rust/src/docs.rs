//! Where the service's documentation says what the cases hold it to.

macro_rules! pages {
    ($($name:ident = $path:literal;)*) => {
        $(pub(crate) const $name: &str = concat!("https://cloud.google.com/pubsub/docs/", $path);)*
    };
}

pages! {
    ATTRIBUTES = "publisher#using-attributes";
    DEAD_LETTERS = "handling-failures#dead_letter_topic";
    ERRORS = "reference/error-codes";
    EXACTLY_ONCE = "exactly-once-delivery";
    FILTERS = "subscription-message-filter";
    FLOW_CONTROL = "flow-control-messages";
    LEASES = "lease-management";
    ORDERING = "ordering";
    PULL = "pull#streamingpull_api";
    REPLAY = "replay-overview";
    RESOURCES = "reference/rest";
    SCHEMAS = "schemas";
}
