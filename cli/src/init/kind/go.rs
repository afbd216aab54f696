//! Go: `go.mod`.

use super::{Plan, Top};

/// `go vet` and `go test`.
pub fn plan(top: &Top) -> Option<Plan> {
    top.has("go.mod").then(|| Plan {
        builder: "go",
        description: "the Go tests",
        because: "There is a go.mod.",
        steps: vec![("vet", "go vet ./..."), ("test", "go test ./...")],
        notes: vec![r#"{ name = "race", run = "go test -race ./..." },"#],
    })
}
