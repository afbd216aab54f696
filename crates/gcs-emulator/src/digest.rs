//! The checksums that Cloud Storage gives: MD5, and CRC32C as of RFC 3720, both in base64.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// Both checksums of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// CRC32C.
    pub crc32c: u32,
    /// MD5.
    pub md5: [u8; 16],
}

impl Digest {
    /// As in `x-goog-hash: crc32c=…`: the big-endian bytes.
    pub fn crc32c_text(&self) -> String {
        BASE64_STANDARD.encode(self.crc32c.to_be_bytes())
    }

    /// As in `x-goog-hash: md5=…` and `Content-MD5`.
    pub fn md5_text(&self) -> String {
        BASE64_STANDARD.encode(self.md5)
    }
}

/// Checksums of what is still coming.
#[derive(Clone)]
pub struct Running {
    crc: u32,
    md5: Md5,
}

impl Running {
    /// Of nothing yet.
    pub fn new() -> Self {
        Self {
            crc: !0,
            md5: Md5::new(),
        }
    }

    /// Of these bytes too.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for byte in bytes {
            let index = (self.crc ^ u32::from(*byte)) & 0xff;
            self.crc = TABLE[index as usize] ^ (self.crc >> 8);
        }
    }

    /// Of all that came.
    pub fn finish(self) -> Digest {
        Digest {
            crc32c: !self.crc,
            md5: self.md5.finalize().into(),
        }
    }
}

/// Castagnoli's polynomial, bits reversed.
const POLYNOMIAL: u32 = 0x82f6_3b78;

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Digest {
        let mut running = Running::new();
        let (front, back) = bytes.split_at(bytes.len() / 3);
        running.update(front);
        running.update(back);
        running.finish()
    }

    /// RFC 3720, B.4, and the check value of CRC-32/ISCSI.
    #[test]
    fn crc32c_is_castagnolis() {
        assert_eq!(of(b"123456789").crc32c, 0xe306_9283);
        assert_eq!(of(&[0; 32]).crc32c, 0x8a91_36aa);
        assert_eq!(of(&[0xff; 32]).crc32c, 0x62a8_ab43);
        assert_eq!(of(b"").crc32c_text(), "AAAAAA==");
    }

    /// RFC 1321, A.5.
    #[test]
    fn md5_is_that_of_the_standard() {
        assert_eq!(
            hex::encode(of(b"abc").md5),
            "900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(of(b"").md5_text(), "1B2M2Y8AsgTpgAmY7PhCfg==");
    }
}
