//! A name for the farm and its repository, from the folder's.

use std::path::Path;

/// When the folder's name holds nothing that a name may.
const OTHERWISE: &str = "repository";
/// In bytes.
const LONGEST: usize = 100;

/// Letters, digits, '_' and '-': valid as the name of a repository and, unlike with dots, as a bare key in TOML. `farm
/// up` makes the same of the same folder.
pub fn of_folder(dir: &Path) -> String {
    let folder = dir.file_name().unwrap_or_default().to_string_lossy();
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' {
            c
        } else {
            '-'
        }
    };
    let name: String = folder.chars().map(plain).collect();
    let name = name.trim_matches('-');
    // All of it is ASCII by now.
    let name = name.get(..LONGEST).unwrap_or(name).trim_end_matches('-');
    match name {
        "" => OTHERWISE.to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use farm_model::id::RepoName;

    #[test]
    fn any_folder_gives_a_valid_name() {
        let long = "x".repeat(300);
        for (folder, name) in [
            ("/src/sample", "sample"),
            ("/src/My Project.rs", "My-Project-rs"),
            ("/src/.config", "config"),
            ("/src/größe", "gr--e"),
            ("/src/日本", "repository"),
            ("/", "repository"),
            (&format!("/{long}"), &long[..LONGEST]),
        ] {
            assert_eq!(of_folder(Path::new(folder)), name, "{folder}");
            assert!(name.parse::<RepoName>().is_ok());
        }
    }
}
