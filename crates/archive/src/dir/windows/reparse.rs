//! Where links lead: symbolic links and junctions ([MS-FSCC] 2.1.2.4 and 2.1.2.5).

use windows_sys::Win32::System::SystemServices::{
    IO_REPARSE_TAG_MOUNT_POINT, IO_REPARSE_TAG_SYMLINK,
};

/// Tag, length of the data, and a reserved field.
const HEAD: usize = 8;
/// Four numbers of two bytes each: where both names stand.
const PLACES: usize = 8;
const FLAGS: usize = 4;

/// The target as it is shown to people, from a link's reparse data. `None`: it is none of these, or broken.
pub(super) fn target(data: &[u8]) -> Option<Vec<u16>> {
    let places = data.get(HEAD..)?;
    let names = match u32::from_le_bytes(*data.first_chunk()?) {
        IO_REPARSE_TAG_SYMLINK => places.get(PLACES + FLAGS..)?,
        IO_REPARSE_TAG_MOUNT_POINT => places.get(PLACES..)?,
        _ => return None,
    };
    let name = |at: usize| {
        let name = names.get(number(places, at)?..)?;
        Some(super::units(name.get(..number(places, at + 2)?)?))
    };
    // The other one is for the system, and may begin with `\??\`.
    match name(4)? {
        shown if shown.is_empty() => {
            let full = name(0)?;
            let system: Vec<u16> = r"\??\".encode_utf16().collect();
            Some(full.strip_prefix(&system[..]).unwrap_or(&full).to_vec())
        }
        shown => Some(shown),
    }
}

fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(tag: u32, full: &str, shown: &str) -> Vec<u8> {
        let bytes =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let (full, shown) = (bytes(full), bytes(shown));
        let mut data = [tag.to_le_bytes(), [0; 4]].concat();
        for number in [0, full.len(), full.len(), shown.len()] {
            data.extend(u16::try_from(number).unwrap().to_le_bytes());
        }
        if tag == IO_REPARSE_TAG_SYMLINK {
            data.extend([0; FLAGS]);
        }
        [data, full, shown].concat()
    }

    #[test]
    fn links_and_junctions_say_where_they_lead() {
        let text = |data: &[u8]| target(data).map(|units| String::from_utf16(&units).unwrap());
        for tag in [IO_REPARSE_TAG_SYMLINK, IO_REPARSE_TAG_MOUNT_POINT] {
            let whole = data(tag, r"\??\C:\a", r"C:\a");
            assert_eq!(text(&whole).unwrap(), r"C:\a");
            assert_eq!(text(&data(tag, r"\??\C:\a", "")).unwrap(), r"C:\a");
            for length in 0..whole.len() {
                assert_eq!(text(&whole[..length]), None, "cut at {length}");
            }
        }
        assert_eq!(text(&data(0x8000_0023, "socket", "socket")), None);
    }
}
