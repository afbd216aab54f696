//! However the bytes are cut, and whatever they are.

use farm_model::message::work::TestFormat;
use farm_testlog::{Ended, Found, Limits, Reader};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const FORMATS: [TestFormat; 5] = [
    TestFormat::GoJson,
    TestFormat::Go,
    TestFormat::Junit,
    TestFormat::Libtest,
    TestFormat::Exit,
];

const SAMPLES: [&[u8]; 7] = [
    include_bytes!("../data/go-json.txt"),
    include_bytes!("../data/go-text.txt"),
    include_bytes!("../data/go-text-v.txt"),
    include_bytes!("../data/dist-test.txt"),
    include_bytes!("../data/pytest.xml"),
    include_bytes!("../data/surefire.xml"),
    include_bytes!("../data/cargo-test.txt"),
];

/// Small, so that they are met.
fn limits() -> Limits {
    Limits {
        line: 300,
        output: 200,
        memory: 8_000,
    }
}

fn read(format: TestFormat, pieces: &[&[u8]]) -> Found {
    let mut reader = Reader::new(format, limits());
    for piece in pieces {
        reader.push(piece);
    }
    reader.finish(Ended::Badly)
}

/// `bytes`, cut at `cuts`.
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|ends| &bytes[ends[0]..ends[1]])
        .collect()
}

/// Pieces of samples one behind the other, with other bytes between them.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    let sample =
        (select(&SAMPLES[..]), any::<(usize, usize)>()).prop_map(|(sample, (from, to))| {
            let (from, to) = (from % sample.len(), to % sample.len());
            sample[from.min(to)..from.max(to)].to_vec()
        });
    let part = prop_oneof![
        sample,
        vec(any::<u8>(), 0..50),
        vec(select(&b"<>/![]-\"'& \n"[..]), 0..50)
    ];
    vec(part, 1..4).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_cut_of_a_sample_gives_the_same(
        sample in select(&SAMPLES[..]),
        format in select(&FORMATS[..]),
        cuts in vec(any::<usize>(), 0..40),
    ) {
        prop_assert_eq!(read(format, &cut(sample, &cuts)), read(format, &[sample]));
    }

    #[test]
    fn any_bytes_give_the_same_within_the_limits(
        bytes in mixed(),
        format in select(&FORMATS[..]),
        cuts in vec(any::<usize>(), 0..40),
    ) {
        let found = read(format, &[&bytes]);
        prop_assert_eq!(&read(format, &cut(&bytes, &cuts)), &found);
        let size: usize = found.tests.iter().map(|test| test.unit.len() + test.name.len() + test.output.len()).sum();
        prop_assert!(size <= limits().memory);
    }
}

#[test]
fn one_byte_at_a_time_is_the_same() {
    for (sample, format) in SAMPLES
        .iter()
        .flat_map(|sample| FORMATS.map(|format| (sample, format)))
    {
        let pieces: Vec<&[u8]> = sample.chunks(1).collect();
        assert_eq!(read(format, &pieces), read(format, &[sample]));
    }
}
