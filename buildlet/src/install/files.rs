//! Files that the options of a service name.

use std::ffi::OsString;
use std::io;

use crate::native;

/// Options behind `--` whose values are files.
const FILES: [&[u8]; 2] = [b"key-file", b"ca"];

/// The options with files named from the top: a service runs in another folder than who installs it.
///
/// # Errors
/// The folder we are in is gone.
pub(super) fn absolute(options: &[OsString]) -> io::Result<Vec<OsString>> {
    let mut is_file = false;
    let one = |option: &OsString| {
        let bytes = option.as_encoded_bytes();
        if std::mem::take(&mut is_file) {
            return Ok(std::path::absolute(option)?.into());
        }
        let name = bytes.strip_prefix(b"-").unwrap_or_default();
        let name = name.strip_prefix(b"-").unwrap_or(name);
        is_file = FILES.contains(&name);
        let Some(at) = name.iter().position(|&byte| byte == b'=') else {
            return Ok(option.clone());
        };
        if !FILES.contains(&&name[..at]) || at + 1 == name.len() {
            return Ok(option.clone());
        }
        let (front, value) = bytes.split_at(bytes.len() - name.len() + at + 1);
        let value = std::path::absolute(native::os(value))?;
        let joined = [front, value.as_os_str().as_encoded_bytes()].concat();
        Ok(native::os(joined))
    };
    options.iter().map(one).collect()
}
