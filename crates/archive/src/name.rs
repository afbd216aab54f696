//! Names that come from outside (`buildlet.md` 3.3). They use `/` and are bytes: not all are UTF-8. On Windows all are, and
//! those that stand there for something else than a file of this name are bad.

mod windows;

/// "Relative dir": empty, or a path that stays inside after cleaning (`a/../b` does).
#[must_use]
pub fn is_relative_dir(name: &[u8]) -> bool {
    clean(name).is_some()
}

/// "Relative path": not empty, no backslash, not absolute, no `..` anywhere. `a/..` and `..` count as bad here, which
/// 2019 let through.
#[must_use]
pub fn is_relative_path(name: &[u8]) -> bool {
    let mut parts = name.split(|&byte| byte == b'/');
    !name.is_empty() && plain(name) && parts.all(|part| idle(part) || is_file_name(part))
}

/// The components of a name; empty for the tree itself. `None` if it is none that stays inside.
pub(crate) fn components(name: &[u8]) -> Option<Vec<&[u8]>> {
    is_relative_path(name).then(|| {
        name.split(|&byte| byte == b'/')
            .filter(|part| !idle(part))
            .collect()
    })
}

/// The components of a relative dir, with `..` resolved by name. `None` if it leads out.
pub(crate) fn clean(name: &[u8]) -> Option<Vec<&[u8]>> {
    if !plain(name) {
        return None;
    }
    let mut parts = Vec::new();
    for part in name.split(|&byte| byte == b'/').filter(|part| !idle(part)) {
        match part {
            b".." => drop(parts.pop()?),
            part if is_file_name(part) => parts.push(part),
            _ => return None,
        }
    }
    Some(parts)
}

fn plain(name: &[u8]) -> bool {
    !name.starts_with(b"/") && !name.contains(&b'\\') && !name.contains(&0)
}

/// Whether a component names something in its directory, here on this system.
fn is_file_name(part: &[u8]) -> bool {
    part != b".." && (cfg!(unix) || windows::is_file_name(part))
}

fn idle(part: &[u8]) -> bool {
    part.is_empty() || part == b"."
}

/// Whether a symbolic link in a directory `depth` levels below the tree's top stays inside: relative, and `..` only in
/// front and no more often than there are levels. `..` behind a name could climb out of another link.
pub(crate) fn link_stays_inside(target: &[u8], depth: usize) -> bool {
    if target.is_empty() || !plain(target) {
        return false;
    }
    let mut parts = target
        .split(|&byte| byte == b'/')
        .filter(|part| !idle(part))
        .peekable();
    let mut climbs = 0;
    while parts.next_if(|part| *part == b"..").is_some() {
        climbs += 1;
    }
    climbs <= depth && !parts.any(|part| part == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_never_climb() {
        for good in ["a", "./a", "a/b/", ".", "..a"] {
            assert!(is_relative_path(good.as_bytes()), "{good:?}");
        }
        // On Windows no name ends in a dot.
        assert_eq!(is_relative_path(b"a../b"), cfg!(unix));
        for bad in ["", "/a", "..", "../a", "a/..", "a/../b", "a\\b", "a\0"] {
            assert!(!is_relative_path(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn relative_dirs_may_climb_inside() {
        for good in ["", ".", "a/../b", "a"] {
            assert!(is_relative_dir(good.as_bytes()), "{good:?}");
        }
        for bad in ["..", "../a", "a/../..", "a/../../b", "/a", "a\\b"] {
            assert!(!is_relative_dir(bad.as_bytes()), "{bad:?}");
        }
        assert_eq!(clean(b"a/./b//../c").unwrap(), [b"a", b"c"]);
    }

    #[test]
    fn links_climb_only_in_front_and_not_out() {
        for (good, depth) in [("a", 0), ("../a", 1), ("../../a/b", 2), (".", 0), ("..", 1)] {
            assert!(link_stays_inside(good.as_bytes(), depth), "{good:?}");
        }
        for (bad, depth) in [
            ("", 0),
            ("/etc", 3),
            ("..", 0),
            ("../../a", 1),
            ("a/..", 3),
            ("../a/../b", 3),
        ] {
            assert!(!link_stays_inside(bad.as_bytes(), depth), "{bad:?}");
        }
    }
}
