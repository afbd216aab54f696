//! `:setIamPolicy`, `:getIamPolicy` and `:testIamPermissions` of every kind of resource: known, so
//! that their callers hear that there is no IAM. Google's emulator gives the same code.

use axum::http::Method;

use super::rules::{Body, Rule};

pub(super) const RULES: [Rule<()>; 3] = [
    Rule::new(
        Method::POST,
        "{resource=projects/*/*/*}:setIamPolicy",
        Body::None,
        (),
    ),
    Rule::new(
        Method::GET,
        "{resource=projects/*/*/*}:getIamPolicy",
        Body::None,
        (),
    ),
    Rule::new(
        Method::POST,
        "{resource=projects/*/*/*}:testIamPermissions",
        Body::None,
        (),
    ),
];
