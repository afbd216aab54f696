//! Measures packing and unpacking of one tree: medians of several rounds, in MB of files per second.
//!
//! `cargo run --release -p farm-archive --example speed -- DIR [ROUNDS] [SCRATCH]`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement ends where it cannot go on, and prints what it found"
)]

use std::path::Path;
use std::time::{Instant, SystemTime};

use farm_archive::{Dir, Limits, create, create_members, extract};

fn main() {
    let mut args = std::env::args().skip(1);
    let tree = args.next().unwrap();
    let rounds: usize = args.next().map_or(5, |text| text.parse().unwrap());
    let scratch = args
        .next()
        .unwrap_or_else(|| std::env::temp_dir().display().to_string());
    let place = Path::new(&scratch).join(format!("farm-archive-speed-{}", std::process::id()));
    let (mut single, mut packed, mut unpacked) = (Vec::new(), Vec::new(), Vec::new());
    let (mut compressed, mut bytes) = (0, 0);
    for _ in 0..rounds {
        let began = Instant::now();
        create(&Dir::open(Path::new(&tree)).unwrap(), Vec::new()).unwrap();
        single.push(began.elapsed().as_secs_f64());
        let began = Instant::now();
        let archive = create_members(&Dir::open(Path::new(&tree)).unwrap(), Vec::new()).unwrap();
        packed.push(began.elapsed().as_secs_f64());
        compressed = archive.len() as u64;
        std::fs::create_dir_all(&place).unwrap();
        let began = Instant::now();
        let dir = Dir::open(&place).unwrap();
        let done = extract(&archive[..], &dir, &Limits::default(), SystemTime::now()).unwrap();
        unpacked.push(began.elapsed().as_secs_f64());
        bytes = done.bytes;
        std::fs::remove_dir_all(&place).unwrap();
    }
    let mb = bytes as f64 / 1e6;
    println!(
        "{mb:.1} MB of files, {:.1} MB as an archive",
        compressed as f64 / 1e6
    );
    for (what, mut seconds) in [
        ("create, one member", single),
        ("create, many members", packed),
        ("extract", unpacked),
    ] {
        seconds.sort_by(f64::total_cmp);
        let median = seconds[seconds.len() / 2];
        println!(
            "{what}: median {:.0} MB/s ({median:.3} s), {:.0} to {:.0} MB/s",
            mb / median,
            mb / seconds[seconds.len() - 1],
            mb / seconds[0]
        );
    }
}
