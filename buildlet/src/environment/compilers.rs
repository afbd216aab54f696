//! Windows images have C compilers of both word sizes; `PATH` says which one a build gets (`buildlet.md` 9.7).

/// In the name of the folder of each, before its word size.
const MARK: &[u8] = b"TDM-GCC-";
const MARK_64: &[u8] = b"TDM-GCC-64";

/// A `PATH` without the compiler of the other word size, and with the second place where ours may be.
pub(super) fn choose(path: &[u8], separator: u8, is_64_bit: bool) -> Vec<u8> {
    let holds = |entry: &[u8], what: &[u8]| entry.windows(what.len()).any(|part| part == what);
    let is_other = |entry: &[u8]| holds(entry, MARK) && holds(entry, MARK_64) != is_64_bit;
    let ours: &[u8] = if is_64_bit {
        br"C:\godep\gcc64\bin"
    } else {
        br"C:\godep\gcc32\bin"
    };
    let entries = path
        .split(|&byte| byte == separator)
        .filter(|entry| !entry.is_empty() && !is_other(entry));
    entries.chain([ours]).collect::<Vec<_>>().join(&separator)
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn the_compiler_of_the_other_word_size_is_left_out() {
        let path = br"C:\Windows;C:\TDM-GCC-64\bin;C:\TDM-GCC-32\bin;C:\Git";
        assert_eq!(
            choose(path, b';', true),
            br"C:\Windows;C:\TDM-GCC-64\bin;C:\Git;C:\godep\gcc64\bin"
        );
        assert_eq!(
            choose(path, b';', false),
            br"C:\Windows;C:\TDM-GCC-32\bin;C:\Git;C:\godep\gcc32\bin"
        );
        assert_eq!(choose(b"", b';', true), br"C:\godep\gcc64\bin");
    }
}
