//! `:setIamPolicy`, `:getIamPolicy` and `:testIamPermissions` of every kind of resource.

use axum::http::Method;
use serde_json::Value;
use tonic::Status;

use super::asked::Asked;
use super::rules::{Body, Rule};
use crate::proto::iam_policy::IamPolicy;

#[derive(Clone, Copy, Debug)]
pub(super) enum Rpc {
    Set,
    Get,
    Test,
}

pub(super) const RULES: [Rule<Rpc>; 3] = [
    Rule::new(Method::POST, "{resource=projects/*/*/*}:setIamPolicy", Body::Whole, Rpc::Set),
    Rule::new(Method::GET, "{resource=projects/*/*/*}:getIamPolicy", Body::None, Rpc::Get),
    Rule::new(
        Method::POST,
        "{resource=projects/*/*/*}:testIamPermissions",
        Body::Whole,
        Rpc::Test,
    ),
];

const POLICY: &str = "google.iam.v1.Policy";

pub(super) async fn call(to: &impl IamPolicy, rpc: Rpc, asked: Asked) -> Result<Value, Status> {
    match rpc {
        Rpc::Set => {
            let call = |r| to.set_iam_policy(r);
            asked.call("google.iam.v1.SetIamPolicyRequest", POLICY, call).await
        }
        Rpc::Get => {
            let call = |r| to.get_iam_policy(r);
            asked.call("google.iam.v1.GetIamPolicyRequest", POLICY, call).await
        }
        Rpc::Test => {
            let (input, output) = (
                "google.iam.v1.TestIamPermissionsRequest",
                "google.iam.v1.TestIamPermissionsResponse",
            );
            asked.call(input, output, |r| to.test_iam_permissions(r)).await
        }
    }
}
