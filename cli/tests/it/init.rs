use std::collections::BTreeMap;
use std::path::Path;

use farm_model::config::{FarmConfig, Recipe};
use tempfile::TempDir;

use crate::typed::farm;

const TESTED: &str = r#"{"scripts":{"test":"node --test"}}"#;

/// A folder `my project` with these files.
fn project(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let top = dir.path().join("my project");
    std::fs::create_dir_all(top.join(".git")).unwrap();
    for (name, text) in files {
        std::fs::write(top.join(name), text).unwrap();
    }
    dir
}

fn top(dir: &TempDir) -> String {
    dir.path().join("my project").to_str().unwrap().to_owned()
}

async fn suggested(files: &[(&str, &str)]) -> String {
    let dir = project(files);
    farm(&["init", &top(&dir)]).await.printed()
}

/// The lines for the shell of each builder.
fn steps(text: &str) -> BTreeMap<String, Vec<String>> {
    let config = FarmConfig::parse("farm.toml", text).unwrap();
    let builders = config.builders.into_iter();
    builders
        .map(|(name, builder)| {
            let Recipe::Steps { steps, .. } = builder.recipe else {
                panic!("{name} is no recipe of steps")
            };
            let lines = steps.into_iter().map(|step| step.spec.argv[2].clone());
            (name.to_string(), lines.collect())
        })
        .collect()
}

async fn expect(files: &[(&str, &str)], builder: &str, lines: &[&str]) {
    let text = suggested(files).await;
    let steps = steps(&text);
    assert_eq!(steps.keys().collect::<Vec<_>>(), [builder], "{text}");
    assert_eq!(steps[builder], lines, "{text}");
}

#[tokio::test]
async fn rust_is_tested_with_the_committed_versions() {
    let manifest = ("Cargo.toml", "[package]\n");
    let lock = ("Cargo.lock", "");
    expect(&[manifest], "cargo", &["cargo test"]).await;
    expect(&[manifest, lock], "cargo", &["cargo test --locked"]).await;
    let ignored = (".gitignore", "/Cargo.lock\n");
    expect(&[manifest, lock, ignored], "cargo", &["cargo test"]).await;
    let workspace = ("Cargo.toml", "[workspace]\n");
    let all = &["cargo test --workspace --locked"];
    expect(&[workspace, lock], "cargo", all).await;
}

#[tokio::test]
async fn go_is_vetted_and_tested() {
    let lines = &["go vet ./...", "go test ./..."];
    expect(&[("go.mod", "module m\n")], "go", lines).await;
}

#[tokio::test]
async fn node_is_installed_by_its_lock_and_tested_by_its_script() {
    let (tested, bare) = (("package.json", TESTED), ("package.json", "{}"));
    expect(&[bare], "node", &["npm install"]).await;
    expect(&[tested], "node", &["npm install", "npm test"]).await;
    let lock = ("package-lock.json", "{}");
    expect(&[bare, lock], "node", &["npm ci"]).await;
    expect(&[tested, lock], "node", &["npm ci", "npm test"]).await;
    let yarn = &["yarn install --frozen-lockfile", "yarn test"];
    expect(&[tested, ("yarn.lock", "")], "node", yarn).await;
}

#[tokio::test]
async fn make_makes_what_the_makefile_tests() {
    let makefile = |text| [("Makefile", text)];
    expect(&makefile("test:\n\techo\ncheck:\n"), "make", &["make test"]).await;
    expect(&makefile("all:\ncheck: all\n"), "make", &["make check"]).await;
    expect(&makefile("all:\n\techo test:\n"), "make", &["make"]).await;
}

#[tokio::test]
async fn python_is_tested_in_its_own_environment() {
    let (venv, pytest) = ("python3 -m venv .venv", ".venv/bin/pip install pytest");
    let run = ".venv/bin/python -m pytest";
    let install = ".venv/bin/pip install .";
    let requirements = ".venv/bin/pip install -r requirements.txt";
    let project = ("pyproject.toml", "[project]\nname = \"a\"\n");
    expect(&[project], "python", &[venv, install]).await;
    let listed = ("requirements.txt", "pytest\n");
    expect(&[listed], "python", &[venv, requirements, pytest, run]).await;
}

#[tokio::test]
async fn an_unknown_project_gets_an_example() {
    let text = suggested(&[("README", "hello")]).await;
    assert_eq!(steps(&text)["test"], ["echo nothing is tested yet"]);
    assert!(
        text.contains("# { name = \"test\", run = \"./run-tests"),
        "{text}"
    );
}

#[tokio::test]
async fn every_combination_is_valid_and_so_are_its_examples() {
    const FILES: [(&str, &str, &str); 9] = [
        ("Cargo.toml", "[workspace]\n", "cargo"),
        ("Cargo.lock", "", ""),
        ("go.mod", "", "go"),
        ("package.json", TESTED, "node"),
        ("package-lock.json", "{}", ""),
        ("requirements.txt", "", "python"),
        ("pyproject.toml", "[project]\n[tool.pytest]\n", "python"),
        ("GNUmakefile", "check:\n", "make"),
        ("Makefile", "test:\n", "make"),
    ];
    for mask in 0..1_usize << FILES.len() {
        let chosen = (0..FILES.len()).filter(|bit| mask & (1 << bit) != 0);
        let chosen: Vec<_> = chosen.map(|bit| FILES[bit]).collect();
        let files: Vec<_> = chosen
            .iter()
            .map(|(name, text, _)| (*name, *text))
            .collect();
        let text = suggested(&files).await;
        let mut want: Vec<&str> = chosen.iter().map(|(_, _, builder)| *builder).collect();
        want.retain(|builder| !builder.is_empty());
        want.sort_unstable();
        want.dedup();
        if want.is_empty() {
            want.push("test");
        }
        let found = steps(&text);
        assert_eq!(found.keys().collect::<Vec<_>>(), want, "{text}");
        let config = FarmConfig::parse("farm.toml", &text).unwrap();
        let (name, repository) = config.repositories.first_key_value().unwrap();
        assert_eq!(name.as_str(), "my-project");
        assert_eq!(repository.builders.len(), want.len());
        // What stands there to be uncommented is as valid; only names may then come twice.
        let uncommented = text
            .replace("    # {", "    {")
            .replace("{ name = \"test\", run = \"./run", "{ run = \"./run");
        if let Err(error) = FarmConfig::parse("farm.toml", &uncommented) {
            panic!("{error}\n{uncommented}");
        }
    }
}

#[tokio::test]
async fn nothing_is_overwritten_unless_that_is_said() {
    let dir = project(&[("go.mod", "")]);
    let top = top(&dir);
    let file = Path::new(&top).join("farm.toml");
    let said = farm(&["init", &top, "--write"]).await.printed();
    assert!(said.contains("1 builder: go"), "{said}");
    assert!(said.contains(&format!("farm up --repo '{top}'")), "{said}");
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text, farm(&["init", &top]).await.printed());

    std::fs::write(&file, "mine").unwrap();
    let error = farm(&["init", &top, "--write"]).await.failure();
    assert!(error.contains("--force"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    farm(&["init", &top, "--write", "--force"]).await.printed();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    assert!(farm(&["init", &top, "--force"]).await.code.is_err());
}

#[tokio::test]
async fn a_folder_must_be_there_and_should_be_a_repository() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let error = farm(&["init", &path("missing")]).await.failure();
    assert!(
        error.contains("there is no folder") && error.contains("missing"),
        "{error}"
    );
    std::fs::write(path("file"), "").unwrap();
    let error = farm(&["init", &path("file")]).await.failure();
    assert!(error.contains("not a folder"), "{error}");
    let ran = farm(&["init", &path("")]).await;
    assert!(ran.err.contains("git init"), "{}", ran.err);
    std::fs::create_dir_all(path("repo/.git")).unwrap();
    std::fs::create_dir_all(path("repo/inside")).unwrap();
    let ran = farm(&["init", &path("repo/inside")]).await;
    assert!(
        ran.err.contains("at the top of the repository"),
        "{}",
        ran.err
    );
}
