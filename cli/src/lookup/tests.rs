use super::*;

const MAIN: &str = "3f2a0000000000000000000000000000";
const RELEASE: &str = "3f2b0000000000000000000000000000";
const TRY: &str = "77770000000000000000000000000000";

fn commit(first: &str) -> String {
    format!("{first:0<40}")
}

fn grid(branch: &str, build: &str) -> GridView {
    let json = format!(
        r#"{{"made":"2026-01-01T00:00:00Z","repo":"sample","branch":"{branch}","builders":["lint","test"],"rows":[
        {{"commit":{{"id":"{}","parents":[],"author":"a","email":"","time":"2026-01-01T00:00:00Z","subject":"s"}},
        "cells":[{{"build":"{build}","run":1,"status":"ok"}},null]}}]}}"#,
        commit("5b0c")
    );
    serde_json::from_str(&json).unwrap()
}

fn pages() -> Pages {
    let farm = format!(
        r#"{{"made":"2026-01-01T00:00:00Z","name":"f","repositories":[{{"name":"sample","branches":["main","release"]}},
        {{"name":"other","branches":["trunk"]}}],"machines":[],"open":[{{"build":"{TRY}","run":1,"builder":"test",
        "repo":"sample","commit":"{}","status":"queued","why":"","since":"2026-01-01T00:00:00Z"}}],"open_count":1,
        "troubles":[]}}"#,
        commit("5bff")
    );
    Pages {
        farm: serde_json::from_str(&farm).unwrap(),
        grids: vec![grid("main", MAIN), grid("release", RELEASE)],
    }
}

fn build(text: &str) -> Result<String, String> {
    let wanted: Wanted = text.parse()?;
    let found = pages().build(&wanted);
    found
        .map(|id| id.to_string())
        .map_err(|error| error.to_string())
}

#[test]
fn a_build_is_named_by_its_first_digits() {
    assert_eq!(build("3f2a").as_deref(), Ok(MAIN));
    assert_eq!(build("3F2A").as_deref(), Ok(MAIN));
    assert_eq!(build("7777").as_deref(), Ok(TRY), "open and in no grid");
    assert!(build("abcd").unwrap_err().contains("farm builds"));
}

#[test]
fn a_build_is_named_by_builder_and_commit() {
    assert_eq!(build("test@5bff").as_deref(), Ok(TRY));
    let error = build("lint@5b0c").unwrap_err();
    assert!(error.contains(MAIN) && error.contains(RELEASE), "{error}");
    assert!(build("test@5b0c").is_err(), "there is no such cell");
}

#[test]
fn what_names_no_build_is_refused_before_anything_is_asked() {
    let long = "a".repeat(33);
    for bad in [
        "",
        "3f2",
        "main",
        "lint@",
        "lint@5b",
        "l int@5b0c",
        "a/b",
        &long,
    ] {
        assert!(bad.parse::<Wanted>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_commit_is_named_by_its_first_digits() {
    let find = |builder: &str, text: &str| {
        let found = pages().commit(&builder.parse().unwrap(), &text.parse().unwrap());
        found
            .map(|id| id.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(find("lint", "5b0c"), Ok(commit("5b0c")), "on two branches");
    assert_eq!(
        find("test", "5bff"),
        Ok(commit("5bff")),
        "open and in no grid"
    );
    let error = find("test", "5b0c").unwrap_err();
    assert!(error.contains("all of its digits"), "{error}");
    let error = find("lnt", "5b0c").unwrap_err();
    assert!(
        error.contains("no builder lnt; there are: lint, test"),
        "{error}"
    );
    assert!("5b0".parse::<CommitPrefix>().is_err());
}

#[test]
fn several_candidates_are_named_up_to_a_limit() {
    let candidates: Vec<String> = (0..7).map(|number| number.to_string()).collect();
    assert_eq!(several(&candidates), "0, 1, 2, 3, 4, or 2 more: say which");
}

#[test]
fn the_default_branch_is_the_first() {
    let repositories = pages().farm.repositories;
    let choose = |repo: Option<&str>, branch: Option<&str>| {
        let repo = repo.map(|name| name.parse().unwrap());
        let chosen = choose(&repositories, repo.as_ref(), branch);
        let line = |(repo, branch)| format!("{repo} {branch}");
        let lines = chosen.map(|chosen| chosen.into_iter().map(line).collect::<Vec<_>>());
        lines.map_err(|error| error.to_string())
    };
    assert_eq!(choose(None, None).unwrap(), ["sample main", "other trunk"]);
    assert_eq!(choose(None, Some("release")).unwrap(), ["sample release"]);
    let error = choose(Some("simple"), None).unwrap_err();
    assert!(error.contains("sample, other"), "{error}");
    let error = choose(Some("sample"), Some("trunk")).unwrap_err();
    assert!(error.contains("main, release"), "{error}");
}
