//! Which bytes of which chunks make up a piece of a log.

use std::ops::Range;

use super::LogChunk;

/// Bytes of one chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The chunk, by its offset in the log.
    pub chunk: u64,
    /// Which of its bytes.
    pub range: Range<u64>,
}

/// The parts of a piece without a gap that has at most `max` bytes, and where it begins: at `from`, or behind the gap
/// that `from` lies in, or at `from` with no parts where nothing follows. `chunks` are sorted by offset; they may
/// overlap, as they do when a hub sent bytes again in other portions, and be empty, as a power failure may leave them.
pub fn stitch(chunks: &[LogChunk], from: u64, max: u64) -> (u64, Vec<Part>) {
    let ends_behind = |chunk: &&LogChunk| chunk.len > 0 && end(chunk) > from;
    let first = chunks.iter().find(ends_behind);
    let start = first.map_or(from, |chunk| chunk.offset.max(from));
    let stop = start.saturating_add(max);
    let mut at = start;
    let mut parts = Vec::new();
    for chunk in chunks {
        if chunk.offset > at || at >= stop {
            break;
        }
        if end(chunk) > at {
            let until = end(chunk).min(stop);
            parts.push(Part {
                chunk: chunk.offset,
                range: at - chunk.offset..until - chunk.offset,
            });
            at = until;
        }
    }
    (start, parts)
}

fn end(chunk: &LogChunk) -> u64 {
    chunk.offset.saturating_add(chunk.len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, byte by byte: is byte `at` of the log in a chunk?
    fn has(chunks: &[LogChunk], at: u64) -> bool {
        chunks
            .iter()
            .any(|chunk| chunk.offset <= at && at < end(chunk))
    }

    fn chunks() -> impl Strategy<Value = Vec<LogChunk>> {
        proptest::collection::btree_map(0..60u64, 0..15u64, 0..12).prop_map(|chunks| {
            let chunk = |(offset, len)| LogChunk { offset, len };
            chunks.into_iter().map(chunk).collect()
        })
    }

    proptest! {
        #[test]
        fn a_piece_is_the_longest_run_of_bytes_from_there(
            chunks in chunks(), from in 0..90u64, max in 0..40u64,
        ) {
            let (start, parts) = stitch(&chunks, from, max);
            let mut at = start;
            for part in &parts {
                let chunk = chunks.iter().find(|chunk| chunk.offset == part.chunk).unwrap();
                prop_assert_eq!(part.chunk + part.range.start, at, "no gap, no repeat");
                prop_assert!(!part.range.is_empty() && part.range.end <= chunk.len);
                at = part.chunk + part.range.end;
            }
            let first = (from..200).find(|at| has(&chunks, *at));
            prop_assert_eq!(start, first.unwrap_or(from));
            let wanted = (start..start + max).take_while(|at| has(&chunks, *at)).count();
            prop_assert_eq!(at - start, wanted as u64);
        }
    }

    #[test]
    fn the_end_of_all_numbers_is_no_trouble() {
        let chunk = LogChunk {
            offset: u64::MAX - 1,
            len: 10,
        };
        let (start, parts) = stitch(&[chunk], 0, u64::MAX);
        assert_eq!((start, parts.len()), (u64::MAX - 1, 1));
    }
}
