//! Who is still there.

use std::path::Path;

use crate::http::until;

/// Command lines of the processes of a group.
pub fn of_group(group: i64) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        // The name may have blanks; what follows its closing parenthesis: state, parent, group.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = match stat.rsplit_once(')') {
            Some((_, rest)) => rest.split_whitespace().collect(),
            None => continue,
        };
        if fields[0] != "Z" && fields[2].parse() == Ok(group) {
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&line).replace('\0', " "));
        }
    }
    found
}

pub async fn gone(group: i64) {
    until("a process group to be gone", async || {
        match of_group(group) {
            left if left.is_empty() => Ok(()),
            left => Err(left),
        }
    })
    .await;
}

/// Waits for a machine to have written this file, and shows it.
pub async fn written(path: &Path) -> String {
    until(
        "a machine to write",
        async || match std::fs::read_to_string(path) {
            Ok(text) if !text.is_empty() => Ok(text),
            other => Err(format!("{}: {other:?}", path.display())),
        },
    )
    .await
}
