//! Python: `pyproject.toml` or `requirements.txt`.

use super::{Plan, Top};

/// Where pytest is spoken of by projects that use it.
const SPEAK_OF_PYTEST: [&str; 6] = [
    "pytest.ini",
    "tox.ini",
    "setup.cfg",
    "pyproject.toml",
    "requirements.txt",
    "requirements-dev.txt",
];

/// Install into an environment inside the source, and test if there seem to be tests.
pub fn plan(top: &Top) -> Option<Plan> {
    let requirements = top.has("requirements.txt");
    let package = top
        .read("pyproject.toml")
        .is_some_and(|text| is_package(&text));
    if !requirements && !top.has("pyproject.toml") {
        return None;
    }
    let mut steps = vec![("venv", "python3 -m venv .venv")];
    if requirements {
        steps.push(("requirements", ".venv/bin/pip install -r requirements.txt"));
    }
    if package {
        steps.push(("install", ".venv/bin/pip install ."));
    }
    let mut notes = vec![];
    if has_tests(top) {
        steps.push(("pytest", ".venv/bin/pip install pytest"));
        steps.push(("test", ".venv/bin/python -m pytest"));
    } else {
        notes.push(r#"No tests were found; for example: { name = "test", run = ".venv/bin/python -m unittest" },"#);
    }
    Some(Plan {
        builder: "python",
        description: "the Python tests",
        because: "There is a pyproject.toml or requirements.txt.",
        steps,
        notes,
    })
}

/// Without one of these tables the file only holds settings of tools.
fn is_package(pyproject: &str) -> bool {
    let mut lines = pyproject.lines().map(str::trim_start);
    lines.any(|line| {
        line.starts_with("[project]")
            || line.starts_with("[build-system]")
            || line.starts_with("[tool.poetry]")
    })
}

fn has_tests(top: &Top) -> bool {
    let speaks = |name: &&str| top.read(name).is_some_and(|text| text.contains("pytest"));
    top.has_folder("tests") || SPEAK_OF_PYTEST.iter().any(speaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_tools_make_no_package() {
        assert!(is_package("[build-system]\nrequires = []\n"));
        assert!(!is_package("[tool.ruff]\nline-length = 100\n"));
    }
}
