//! Names as bytes: UTF-8, and for the half characters that Windows lets stand in a name what UTF-8 would make of them
//! (WTF-8). So every name that is found can be told and removed.

use std::io;

/// The bytes of a name.
pub(super) fn bytes(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(unit) => bytes.extend_from_slice(unit.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(half) => bytes.extend_from_slice(&half_bytes(half.unpaired_surrogate())),
        }
    }
    bytes
}

fn half_bytes(half: u16) -> [u8; 3] {
    let [high, low] = half.to_be_bytes();
    [
        0xe0 | high >> 4,
        0x80 | (high & 0xf) << 2 | low >> 6,
        0x80 | low & 0x3f,
    ]
}

/// The name of these bytes.
///
/// # Errors
/// No name has these bytes.
pub(super) fn units(mut bytes: &[u8]) -> io::Result<Vec<u16>> {
    let mut units = Vec::with_capacity(bytes.len());
    loop {
        let (text, rest) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (text, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(text).unwrap_or_default(), rest)
            }
        };
        units.extend(text.encode_utf16());
        match rest {
            [] => return Ok(units),
            &[0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf, ..] => {
                units.push(0xd000 | u16::from(second & 0x3f) << 6 | u16::from(third & 0x3f));
                bytes = &rest[3..];
            }
            _ => {
                let kind = io::ErrorKind::InvalidFilename;
                return Err(io::Error::new(kind, "the name is not in UTF-8"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back() {
        for name in [
            &[0x61, 0x62][..],
            &[0xe4, 0x20ac, 0xd83d, 0xde00],
            &[0xd83d],
            &[0x61, 0xdfff, 0xd800, 0x62],
            &[0xde00, 0xd83d],
        ] {
            assert_eq!(units(&bytes(name)).unwrap(), name, "{name:x?}");
        }
        assert_eq!(bytes(&[0xe4, 0x20ac, 0xd83d, 0xde00]), "ä€😀".as_bytes());
        for bad in [&b"\xff"[..], b"a\xc3", b"\xed\xa0", b"\xc0\x80"] {
            assert!(units(bad).is_err(), "{bad:x?}");
        }
    }
}
