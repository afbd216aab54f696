//! Trees that are half there, full disks, file modes (`buildlet.md` 18).

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::archives::tgz;
use crate::harness::Buildlet;
use crate::peer::sh;
use tar::EntryType::Regular;

/// Its work dir has a megabyte. `None`: this user may not mount.
async fn with_small_disk(folder: &tempfile::TempDir) -> Option<Buildlet> {
    let work = folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let mount = "mount -t tmpfs -o size=1m small \"$0\"";
    let path = work.to_str().unwrap();
    let tried = Command::new("unshare")
        .args(["-m", "sh", "-c", mount, path])
        .stderr(Stdio::null())
        .status();
    if !tried.is_ok_and(|status| status.success()) {
        return None;
    }
    let run = format!("{mount} && exec \"$@\"");
    Some(Buildlet::run_by("unshare", &["-m", "sh", "-c", &run, path], &work, &[]).await)
}

#[tokio::test]
async fn a_full_disk_is_a_500_and_leaves_no_half_files() {
    let folder = tempfile::tempdir().unwrap();
    let Some(b) = with_small_disk(&folder).await else {
        crate::skipped("a small disk cannot be mounted here");
        return;
    };
    let big = vec![7; 3 << 20];
    assert_eq!(
        b.put("/write?path=kept&mode=420", b"kept").await.status,
        200
    );
    let answer = b.put("/write?path=kept&mode=420", &big).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(answer.text().contains("No space left"), "{}", answer.text());
    let text = "x".repeat(3 << 20);
    let archive = tgz(&[
        (Regular, "first", "", "whole"),
        (Regular, "second", "", &text),
    ]);
    let answer = b.put("/writetgz?dir=d", &archive).await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    // Nothing but what was whole, and the disk is free again.
    let listed = b.get("/ls?recursive=true&skip=tmp&skip=gocache").await;
    let names: Vec<_> = listed
        .text()
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        .collect();
    assert_eq!(names, ["d/", "d/first", "kept"]);
    let half = vec![7; 1 << 19];
    assert_eq!(b.put("/write?path=half&mode=420", &half).await.status, 200);
    b.end().await;
}

#[tokio::test]
async fn an_archive_that_breaks_off_leaves_whole_files_alone() {
    let b = Buildlet::start().await;
    let noise: String = (0..200_000_u32)
        .map(|n| char::from(b' ' + (n.wrapping_mul(2_654_435_761) >> 25) as u8 % 90))
        .collect();
    let archive = tgz(&[
        (Regular, "first", "", "whole"),
        (Regular, "second", "", &noise),
    ]);
    let cut = &archive[..archive.len() / 2];
    std::fs::create_dir(b.work_dir().join("d")).unwrap();
    std::fs::write(b.work_dir().join("d/second"), "old").unwrap();
    let answer = b.put("/writetgz?dir=d", cut).await;
    assert_eq!(answer.said(), (400, "tar error: unexpected EOF\n"));
    let first = std::fs::read_to_string(b.work_dir().join("d/first"));
    assert_eq!(first.unwrap(), "whole");
    assert!(!b.work_dir().join("d/second").exists());
    b.end().await;
}

/// In 2019 a half-made toolchain was skipped for ever.
#[tokio::test]
async fn only_a_toolchain_that_was_unpacked_to_its_end_is_skipped() {
    let b = Buildlet::start().await;
    let is_skipped = async || {
        let url = [("url", "http://127.0.0.1:1/boot.tar.gz")];
        let answer = b.post("/writetgz?dir=go1.4", &url).await;
        (answer.status, answer.text()) == (200, "SKIP")
    };
    let archive = tgz(&[
        (Regular, "bin/go", "", "go"),
        (Regular, "VERSION", "", "go1.4"),
    ]);
    let target = "/writetgz?dir=go1.4";
    assert_eq!(
        b.put(target, &archive[..archive.len() - 30]).await.status,
        400
    );
    assert!(b.work_dir().join("go1.4/bin/go").exists());
    assert!(!is_skipped().await);
    assert_eq!(b.put(target, &archive).await.said(), (200, "OK"));
    assert!(is_skipped().await);
    // Nothing of this is in the tree.
    let listed = b.get("/ls?dir=go1.4&recursive=true").await;
    assert_eq!(listed.text().lines().count(), 3, "{}", listed.text());
    // Half overwritten it is half made again, however the folder is spelt.
    let spelt = "/writetgz?dir=./go1.4/";
    assert_eq!(
        b.put(spelt, &archive[..archive.len() - 30]).await.status,
        400
    );
    assert!(!is_skipped().await);
    assert_eq!(b.put(spelt, &archive).await.said(), (200, "OK"));
    assert!(is_skipped().await);
    // Removed it is gone, though something else lies there now.
    assert_eq!(b.post("/removeall", &[("path", "go1.4")]).await.status, 200);
    assert!(!is_skipped().await);
    assert_eq!(
        b.ask(sh("mkdir -p go1.4; echo > go1.4/x")).await.state(),
        "ok"
    );
    assert!(!is_skipped().await);
    b.end().await;
}

/// Module caches are read-only.
#[tokio::test]
async fn read_only_trees_are_removed_by_ordinary_users_too() {
    let Some(b) = Buildlet::of_ordinary_user().await else {
        crate::skipped("an ordinary user cannot run the program under test");
        return;
    };
    let made = "mkdir -p mod/a/b closed/in; touch mod/a/b/f mod/a/f closed/in/f; chmod -R a-w mod; chmod 0 closed";
    assert_eq!(b.ask(sh(made)).await.state(), "ok");
    let refused = b.ask(sh("rm -rf mod 2> /dev/null")).await;
    assert_eq!(refused.state(), "exit status 1");
    let answer = b
        .post("/removeall", &[("path", "mod"), ("path", "closed")])
        .await;
    assert_eq!(answer.said(), (200, ""));
    assert!(!b.work_dir().join("mod").exists() && !b.work_dir().join("closed").exists());
    // The work dir itself, read-only too.
    assert_eq!(
        b.ask(sh("mkdir -p d/e; chmod 500 d/e d .")).await.state(),
        "ok"
    );
    assert_eq!(
        b.post("/removeall", &[("path", ".")]).await.said(),
        (200, "")
    );
    assert!(!b.work_dir().exists());
    // What cannot be removed is a 500, and what comes after it stays.
    let folder = b.work_dir();
    let folder = folder.parent().unwrap();
    assert_eq!(b.ask(sh("mkdir one two")).await.state(), "ok");
    if nix::unistd::geteuid().is_root() {
        let theirs = b.work_dir().join("one/theirs");
        std::fs::create_dir(&theirs).unwrap();
        std::fs::write(theirs.join("f"), "").unwrap();
        std::os::unix::fs::chown(b.work_dir().join("one"), Some(0), Some(0)).unwrap();
        std::fs::set_permissions(b.work_dir().join("one"), PermissionsExt::from_mode(0o755))
            .unwrap();
        let answer = b
            .post("/removeall", &[("path", "one"), ("path", "two")])
            .await;
        assert_eq!(answer.status, 500, "{}", answer.text());
        assert!(
            answer.text().starts_with("remove one: "),
            "{}",
            answer.text()
        );
        assert!(theirs.join("f").exists() && b.work_dir().join("two").exists());
    }
    assert!(folder.exists());
    b.end().await;
}

#[tokio::test]
async fn a_work_dir_that_is_a_mount_point_is_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let Some(b) = with_small_disk(&folder).await else {
        crate::skipped("a small disk cannot be mounted here");
        return;
    };
    assert_eq!(b.put("/write?path=d/f&mode=420", b"x").await.status, 200);
    assert_eq!(
        b.post("/removeall", &[("path", ".")]).await.said(),
        (200, "")
    );
    assert_eq!(b.get("/ls").await.said(), (200, ""));
    // Still the small disk.
    assert_eq!(
        b.put("/write?path=f&mode=420", &vec![7; 3 << 20])
            .await
            .status,
        500
    );
    b.end().await;
}
