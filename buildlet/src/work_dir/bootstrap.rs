//! The bootstrap toolchain, which clients send without asking whether it is there (`buildlet.md` 4.2).

use farm_archive::Dir;
use parking_lot::Mutex;

/// Whether the toolchain was unpacked to its end, by this process. The mark is a handle on its directory: that is in
/// nobody's way, no listing shows it, and another directory in its place is another one, since a directory that is held
/// open does not lend its number.
#[derive(Debug, Default)]
pub struct Bootstrap(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    whole: Option<Dir>,
    /// Unpackings that began: of several at once none can say that all is well.
    begun: u64,
}

/// An unpacking into it.
#[derive(Debug)]
pub struct Unfinished(u64);

impl Bootstrap {
    /// Its name in the work dir.
    pub const DIR: &str = "go1.4";
    const NAME: &[u8] = Self::DIR.as_bytes();

    /// Whether what lies in the work dir now is whole.
    #[must_use]
    pub fn is_whole(&self, work_dir: &Dir) -> bool {
        let state = self.0.lock();
        state
            .whole
            .as_ref()
            .is_some_and(|whole| is_at(work_dir, whole))
    }

    /// Something is about to be unpacked into `base`; `None` if that is another place.
    #[must_use]
    pub fn begin(&self, work_dir: &Dir, base: &Dir) -> Option<Unfinished> {
        if !is_at(work_dir, base) {
            return None;
        }
        let mut state = self.0.lock();
        state.whole = None;
        state.begun += 1;
        Some(Unfinished(state.begun))
    }

    /// These are about to be removed: a handle would keep the directory from that on Windows.
    pub fn let_go(&self, paths: &[Vec<u8>]) {
        let covers = |path: &[u8]| {
            let mut parts = path
                .split(|&byte| byte == b'/')
                .filter(|part| !matches!(*part, b"" | b"."));
            matches!(
                (parts.next(), parts.next()),
                (None, _) | (Some(Self::NAME), None)
            )
        };
        if paths.iter().any(|path| covers(path)) {
            self.0.lock().whole = None;
        }
    }

    /// It was unpacked to its end.
    pub fn done(&self, unfinished: Unfinished, base: Dir) {
        let mut state = self.0.lock();
        if state.begun == unfinished.0 {
            state.whole = Some(base);
        }
    }
}

fn is_at(work_dir: &Dir, dir: &Dir) -> bool {
    let there = work_dir.below(Bootstrap::DIR.as_bytes(), false);
    matches!(there, Ok(Some(there)) if there.is_same(dir).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directory_that_was_finished_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let root = Dir::open(folder.path()).unwrap();
        let base = || root.below(b"go1.4", true).unwrap().unwrap();
        let bootstrap = Bootstrap::default();
        assert!(bootstrap.begin(&root, &root).is_none());
        let first = bootstrap.begin(&root, &base()).unwrap();
        assert!(!bootstrap.is_whole(&root));
        bootstrap.done(first, base());
        assert!(bootstrap.is_whole(&root));
        // Begun again, and overtaken meanwhile.
        let (second, third) = (
            bootstrap.begin(&root, &base()).unwrap(),
            bootstrap.begin(&root, &base()).unwrap(),
        );
        bootstrap.done(second, base());
        assert!(!bootstrap.is_whole(&root));
        bootstrap.done(third, base());
        assert!(bootstrap.is_whole(&root));
        bootstrap.let_go(&[b"go1.4/bin".to_vec()]);
        assert!(bootstrap.is_whole(&root));
        for path in ["go1.4", "./go1.4/", "."] {
            let again = bootstrap.begin(&root, &base()).unwrap();
            bootstrap.done(again, base());
            bootstrap.let_go(&[b"other".to_vec(), path.into()]);
            assert!(!bootstrap.is_whole(&root), "{path}");
        }
    }

    /// Not asked of Windows: what stands in for it where this is tested gives numbers away again.
    #[cfg(unix)]
    #[test]
    fn a_directory_in_its_place_is_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Bootstrap::DIR);
        let root = Dir::open(folder.path()).unwrap();
        let base = || root.below(b"go1.4", true).unwrap().unwrap();
        let bootstrap = Bootstrap::default();
        let begun = bootstrap.begin(&root, &base()).unwrap();
        bootstrap.done(begun, base());
        // Removed and made again by somebody else, however often.
        for _ in 0..20 {
            std::fs::remove_dir(&path).unwrap();
            assert!(!bootstrap.is_whole(&root));
            std::fs::create_dir(&path).unwrap();
            assert!(!bootstrap.is_whole(&root));
        }
    }
}
