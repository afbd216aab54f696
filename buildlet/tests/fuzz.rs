//! The fuzz targets over their corpus and changes of it: short, and the same each time. For longer there is `fuzz/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails where it unwraps an error"
)]

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::path::Path;

/// Changes of each file of a corpus.
const CHANGES: u32 = 400;

/// Numbers without a plan (Marsaglia's xorshift64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

fn change(sample: &[u8], others: &[Vec<u8>], numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(bytes.len() + 1);
        match numbers.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, numbers.below(256).to_le_bytes()[0]),
            2 => {
                let other = &others[numbers.below(others.len())];
                let from = numbers.below(other.len() + 1);
                bytes.splice(at..at, other[from..].iter().copied());
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << numbers.below(8),
            _ => {}
        }
    }
    bytes
}

fn run(target: &str, read: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut files: Vec<_> = std::fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{} has no corpus", corpus.display());
    let samples: Vec<Vec<u8>> = files
        .iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect();
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    read(b"");
    for sample in &samples {
        read(sample);
        for _ in 0..CHANGES {
            read(&change(sample, &samples, &mut numbers));
        }
    }
}

#[test]
fn lines_of_a_control_connection() {
    run("revdial_line", targets::revdial_line);
}

#[test]
fn frames_of_version_1() {
    run("v1_frames", targets::v1_frames);
}

#[test]
fn archives() {
    run("untar", targets::untar);
}

#[test]
fn parameters_of_exec() {
    run("exec_form", targets::exec_form);
}

#[test]
fn requests() {
    run("request", targets::request);
}
