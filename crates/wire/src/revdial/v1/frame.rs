//! Frames (`revdial.md` 5): a type, a connection id of four bytes and a length of two, big endian, then the payload.

use bytes::{Buf, Bytes, BytesMut};

/// Type, id, length.
const HEADER: usize = 7;
/// The longest payload of a frame.
pub const MAX_PAYLOAD: usize = u16::MAX as usize;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Opens a connection.
    New,
    /// Its sender is done with the connection.
    Close,
    /// Bytes of a connection.
    Write,
    /// Of no meaning: ignored.
    Unknown(u8),
}

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it says.
    pub kind: Kind,
    /// Of which connection.
    pub id: u32,
    /// Bytes; without meaning but for [`Kind::Write`].
    pub payload: Bytes,
}

impl Frame {
    /// A frame without payload.
    pub fn bare(kind: Kind, id: u32) -> Self {
        Self {
            kind,
            id,
            payload: Bytes::new(),
        }
    }

    /// Takes the first frame off `buffer`, if all of it is there. Every sequence of bytes is a sequence of frames.
    pub fn take(buffer: &mut BytesMut) -> Option<Self> {
        let header = buffer.first_chunk::<HEADER>()?;
        let [kind, a, b, c, d, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if buffer.len() < HEADER + length {
            return None;
        }
        buffer.advance(HEADER);
        Some(Self {
            kind: Kind::of(kind),
            id: u32::from_be_bytes([a, b, c, d]),
            payload: buffer.split_to(length).freeze(),
        })
    }

    /// The bytes of the frame. A payload longer than [`MAX_PAYLOAD`] is the caller's to split.
    pub fn encode(&self) -> Vec<u8> {
        let payload = &self.payload[..self.payload.len().min(MAX_PAYLOAD)];
        let [.., high, low] = payload.len().to_be_bytes();
        let mut bytes = Vec::with_capacity(HEADER + payload.len());
        bytes.push(self.kind.byte());
        bytes.extend_from_slice(&self.id.to_be_bytes());
        bytes.extend_from_slice(&[high, low]);
        bytes.extend_from_slice(payload);
        bytes
    }
}

impl Kind {
    fn of(byte: u8) -> Self {
        match byte {
            b'N' => Self::New,
            b'C' => Self::Close,
            b'W' => Self::Write,
            other => Self::Unknown(other),
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::New => b'N',
            Self::Close => b'C',
            Self::Write => b'W',
            Self::Unknown(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frames() -> impl Strategy<Value = Vec<Frame>> {
        let kind = any::<u8>().prop_map(Kind::of);
        let payload = proptest::collection::vec(any::<u8>(), 0..300).prop_map(Bytes::from);
        let frame = (kind, any::<u32>(), payload).prop_map(|(kind, id, payload)| Frame {
            kind,
            id,
            payload,
        });
        proptest::collection::vec(frame, 0..12)
    }

    proptest! {
        /// However they are cut on the way, the same frames come out, and none too early.
        #[test]
        fn frames_survive_any_cuts(frames in frames(), cuts in proptest::collection::vec(1..64_usize, 1..200)) {
            let bytes: Vec<u8> = frames.iter().flat_map(Frame::encode).collect();
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            let mut rest = &bytes[..];
            let mut cuts = cuts.iter().cycle();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                buffer.extend_from_slice(piece);
                rest = behind;
                read.extend(std::iter::from_fn(|| Frame::take(&mut buffer)));
            }
            prop_assert_eq!(read, frames);
            prop_assert!(buffer.is_empty());
        }

        /// What comes is written again as it came, up to a frame that was cut.
        #[test]
        fn any_bytes_are_frames(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let mut again: Vec<u8> = std::iter::from_fn(|| Frame::take(&mut buffer))
                .flat_map(|frame| frame.encode())
                .collect();
            again.extend_from_slice(&buffer);
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn the_longest_frame_has_65535_bytes_of_payload() {
        let payload = Bytes::from(vec![7; MAX_PAYLOAD]);
        let (kind, id) = (Kind::Write, 1);
        let bytes = Frame { kind, id, payload }.encode();
        assert_eq!(bytes[..7], [0x57, 0, 0, 0, 1, 0xff, 0xff]);
        let mut buffer = BytesMut::from(&bytes[..bytes.len() - 1]);
        assert_eq!(Frame::take(&mut buffer), None);
        buffer.extend_from_slice(&[7]);
        assert_eq!(Frame::take(&mut buffer).unwrap().payload.len(), MAX_PAYLOAD);
    }
}
