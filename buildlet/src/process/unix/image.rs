//! What `execve` is given, laid out before the fork: between fork and exec nothing may be allocated.
//!
//! Leaving it to the standard library would run what is no program as a shell script (`execvp` does), where it has to be
//! an `exec format error`.

use std::collections::HashMap;
use std::ffi::{CString, OsStr, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::libc;

use super::Program;

pub(super) struct Image {
    path: CString,
    argv: Strings,
    envp: Strings,
}

impl Image {
    /// # Errors
    /// Something holds a NUL.
    pub fn new(program: &Program) -> io::Result<Self> {
        let args = std::iter::once(&program.name).chain(&program.args);
        Ok(Self {
            path: string(program.path.as_os_str().as_bytes())?,
            argv: Strings::new(args.map(|arg| string(arg.as_bytes())))?,
            envp: Strings::new(environment(program).map(|entry| string(&entry)))?,
        })
    }

    /// Becomes the program; returns only if that fails. Allocates nothing and takes no lock.
    #[expect(unsafe_code, reason = "the safe wrapper allocates")]
    pub fn exec(&self) -> io::Error {
        let (argv, envp) = (self.argv.pointers.as_ptr(), self.envp.pointers.as_ptr());
        // SAFETY: the path ends in a NUL, and so does every string of the arrays, which end in a null pointer; all of it
        // is owned by `self` and not changed.
        unsafe { libc::execve(self.path.as_ptr(), argv, envp) };
        io::Error::last_os_error()
    }
}

/// `NAME=value`, one entry a name: the last value in the first one's place, as Go's `os/exec` has it. `PWD` is where the
/// program runs, as later versions of that have it.
fn environment(program: &Program) -> impl Iterator<Item = Vec<u8>> {
    let mut entries: Vec<(&OsStr, &OsStr)> = Vec::new();
    let mut places = HashMap::new();
    let here = (OsStr::new("PWD"), program.dir.as_os_str());
    let given = program
        .env
        .iter()
        .map(|(name, value)| (name.as_os_str(), value.as_os_str()));
    for (name, value) in given.chain([here]) {
        let place = *places.entry(name).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => entries.push((name, value)),
        }
    }
    let joined =
        |(name, value): (&OsStr, &OsStr)| [name.as_bytes(), b"=", value.as_bytes()].concat();
    entries.into_iter().map(joined)
}

/// Strings and an array of pointers to them, with a null pointer at its end.
struct Strings {
    pointers: Vec<*const c_char>,
    _owned: Vec<CString>,
}

impl Strings {
    fn new(strings: impl Iterator<Item = io::Result<CString>>) -> io::Result<Self> {
        let owned: Vec<CString> = strings.collect::<Result<_, _>>()?;
        let ends = std::iter::once(std::ptr::null());
        let pointers = owned.iter().map(|string| string.as_ptr()).chain(ends);
        Ok(Self {
            pointers: pointers.collect(),
            _owned: owned,
        })
    }
}

// SAFETY: the pointers lead into `_owned`, whose strings do not move with it and are never changed.
#[expect(unsafe_code, reason = "raw pointers are not Send by themselves")]
unsafe impl Send for Strings {}
// SAFETY: as above; nothing is changed through a shared reference.
#[expect(unsafe_code, reason = "raw pointers are not Sync by themselves")]
unsafe impl Sync for Strings {}

fn string(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_names_the_last_value_takes_the_first_place() {
        let env = [
            ("A", "1"),
            ("PWD", "/old"),
            ("B", "2"),
            ("A", "3"),
            ("C", ""),
            ("B", "4"),
        ];
        let mut program = Program {
            path: "/bin/x".into(),
            name: "x".into(),
            args: Vec::new(),
            dir: "/new".into(),
            env: env
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
        };
        let entries: Vec<_> = environment(&program).collect();
        assert_eq!(entries, [&b"A=3"[..], b"PWD=/new", b"B=4", b"C="]);
        let image = Image::new(&program).unwrap();
        assert_eq!(
            (image.argv.pointers.len(), image.envp.pointers.len()),
            (2, 5)
        );
        program.args.push("a\0b".into());
        let error = Image::new(&program).map(drop).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }
}
