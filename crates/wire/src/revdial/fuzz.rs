//! What arrives from the other side, for fuzz targets: reading must end, without a panic, whatever the bytes.
#![doc(hidden)]

use bytes::BytesMut;
use futures::FutureExt;

use super::line::{Line, LineReader};
use super::v1::frame::Frame;

/// Lines of a control connection, as a session reads them; what was read can be written, and is the same again.
///
/// # Panics
/// It is not the same.
pub fn fuzz_line(data: &[u8]) {
    // A slice is always ready.
    let read = async {
        let mut reader = LineReader::new(data);
        while let Ok(Some(line)) = reader.next().await {
            written_again(&line);
        }
    };
    assert!(read.now_or_never().is_some(), "reading waits");
}

fn written_again(line: &Line) {
    let Ok(bytes) = line.encode() else { return };
    let again = Line::decode(bytes.trim_ascii_end());
    let again = again.unwrap_or_else(|error| panic!("our own line is not read: {error}"));
    let cut = line.err.starts_with(&again.err);
    assert!(
        cut && (&line.command, &line.conn_path, &line.key)
            == (&again.command, &again.conn_path, &again.key)
    );
}

/// Frames of version 1: whatever comes is written again as it came, up to a frame that is not complete.
///
/// # Panics
/// It is not.
pub fn fuzz_v1_frames(data: &[u8]) {
    let mut buffer = BytesMut::from(data);
    let mut again = Vec::new();
    while let Some(frame) = Frame::take(&mut buffer) {
        again.extend(frame.encode());
    }
    again.extend_from_slice(&buffer);
    assert_eq!(again, data);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_pass() {
        for data in [
            &b"{\"command\":\"renew-key\",\"key\":\"x\"}\n{\"err\":\"<\\u0000>\"}\nnot json"[..],
            b"N\0\0\0\x01\0\0W\0\0\0\x01\0\x04pingC\0",
            b"",
        ] {
            fuzz_line(data);
            fuzz_v1_frames(data);
        }
    }
}
