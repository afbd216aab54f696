//! Whatever the log is cut at, what is read back is what the whole records before say.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::lease::Hold;
use crate::seqs::SeqSet;

/// These exist; 9 does not.
const LIVE: [u64; 3] = [1, 2, 3];

#[derive(Clone, Debug)]
enum Record {
    Message {
        seq: u64,
        open: Vec<u64>,
        acked: Vec<u64>,
    },
    Done {
        holder: u64,
        seqs: Vec<u64>,
        kept: bool,
    },
    Failed {
        holder: u64,
        seq: u64,
        failures: u32,
    },
    Set {
        holder: u64,
        done: Vec<u64>,
        kept: bool,
        open: Vec<u64>,
    },
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let holder = || prop_oneof![1_u64..4, Just(9)];
    let holders = move || prop::collection::vec(holder(), 0..3);
    let seqs = || prop::collection::btree_set(1_u64..12, 0..5).prop_map(Vec::from_iter);
    let record = prop_oneof![
        3 => (1_u64..12, holders(), holders())
            .prop_map(|(seq, open, mut acked)| {
                acked.retain(|holder| !open.contains(holder));
                Record::Message { seq, open, acked }
            }),
        2 => (holder(), seqs(), any::<bool>())
            .prop_map(|(holder, seqs, kept)| Record::Done { holder, seqs, kept }),
        1 => (holder(), 1_u64..12, 1_u32..5)
            .prop_map(|(holder, seq, failures)| Record::Failed { holder, seq, failures }),
        1 => (holder(), seqs(), any::<bool>(), seqs())
            .prop_map(|(holder, done, kept, open)| Record::Set { holder, done, kept, open }),
    ];
    prop::collection::vec(record, 1..40)
}

fn ids(holders: &[u64]) -> Vec<HolderId> {
    holders.iter().copied().map(HolderId).collect()
}

fn set(seqs: &[u64]) -> SeqSet {
    seqs.iter().copied().map(Seq).collect()
}

impl Record {
    fn frames(&self) -> Frames {
        let mut frames = Frames::default();
        match self {
            Self::Message { seq, open, acked } => {
                let body = PubsubMessage {
                    data: Bytes::from(format!("message {seq}")),
                    ..PubsubMessage::default()
                };
                let body = Draft::new(body).stamp(Seq(*seq), Moment::default());
                frames.push(&Entry::message(Seq(*seq), &ids(open), &ids(acked), body));
            }
            Self::Done { holder, seqs, kept } => {
                frames.push_done(HolderId(*holder), &set(seqs), *kept);
            }
            Self::Failed {
                holder,
                seq,
                failures,
            } => frames.push(&Entry::failed(HolderId(*holder), Seq(*seq), *failures)),
            Self::Set {
                holder,
                done,
                kept,
                open,
            } => frames.push_set(HolderId(*holder), &set(done), *kept, &set(open)),
        }
        frames
    }
}

/// Who has which message, and whether acknowledged: all that is durable.
#[derive(Clone, Debug, Default, PartialEq)]
struct Model(BTreeMap<(u64, u64), bool>);

impl Model {
    fn apply(&mut self, record: &Record) {
        match record {
            Record::Message { seq, open, acked } => {
                self.0.retain(|(_, other), _| other != seq);
                for (holders, acked) in [(open, false), (acked, true)] {
                    for holder in holders.iter().filter(|holder| LIVE.contains(holder)) {
                        self.0.insert((*holder, *seq), acked);
                    }
                }
            }
            Record::Done { holder, seqs, kept } => self.done(*holder, seqs, *kept),
            Record::Failed { .. } => {}
            Record::Set {
                holder,
                done,
                kept,
                open,
            } => {
                self.done(*holder, done, *kept);
                for seq in open.iter().filter(|_| LIVE.contains(holder)) {
                    if self.0.keys().any(|(_, other)| other == seq) {
                        self.0.insert((*holder, *seq), false);
                    }
                }
            }
        }
    }

    fn done(&mut self, holder: u64, seqs: &[u64], kept: bool) {
        for seq in seqs {
            if self.0.remove(&(holder, *seq)).is_some() && kept {
                self.0.insert((holder, *seq), true);
            }
        }
    }

    fn read(recovered: &Recovered) -> Self {
        let mut model = Self::default();
        for (id, held) in &recovered.holders {
            for seq in held.seqs().iter() {
                let acked = held.hold(seq) == Some(Hold::Acked);
                model.0.insert((id.0, seq.0), acked);
            }
        }
        for (seq, message) in recovered.messages.iter() {
            let holders = model.0.keys().filter(|(_, other)| *other == seq.0);
            assert_eq!(message.holders as usize, holders.count(), "{seq:?}");
        }
        model
    }
}

fn start(path: &Path, segment_bytes: u64) -> (Log, Recovered) {
    let live = LIVE.into_iter().map(HolderId).collect();
    let folder = Folder::open(path).unwrap();
    Log::open(folder, &live, 1 << 20, segment_bytes).unwrap()
}

/// Writes one record; tells the segment and where in it the record ends.
fn write_one(log: &Log, record: &Record) -> Option<(u32, u64)> {
    let frames = record.frames();
    if frames.len() == 0 {
        return None;
    }
    let (done, wait) = mpsc::channel();
    let tell = Box::new(move |result: Result<Vec<Place>, AppendError>| {
        done.send(result).unwrap();
    });
    log.append(frames, false, 100, Some(tell));
    let place = wait.recv().unwrap().unwrap().pop().unwrap();
    let end = u64::from(place.offset) + u64::from(place.length);
    Some((place.segment.number, end))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_log_that_is_cut_anywhere_reads_back_as_far_as_it_goes(
        records in records(),
        segment_bytes in prop_oneof![Just(120_u64), Just(400), Just(1 << 20)],
        cut in 0.0..=1.0_f64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (log, _) = start(folder.path(), segment_bytes);
        let mut model = Model::default();
        let mut history = vec![((0, 0), model.clone())];
        for record in &records {
            model.apply(record);
            if let Some(end) = write_one(&log, record) {
                history.push((end, model.clone()));
            }
        }
        log.stop();
        let last = segments(folder.path()).pop().unwrap();
        let length = std::fs::metadata(&last).unwrap().len();
        // The last segment is torn; those before it were synced when it was begun.
        let kept = (cut * length as f64) as u64;
        let file = std::fs::File::options().write(true).open(&last).unwrap();
        file.set_len(kept).unwrap();
        let number: u32 = last.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let before = history.iter().rev().find(|(end, _)| *end <= (number, kept));
        let (log, recovered) = start(folder.path(), segment_bytes);
        log.stop();
        prop_assert_eq!(&Model::read(&recovered), &before.unwrap().1);
        let (log, again) = start(folder.path(), segment_bytes);
        log.stop();
        prop_assert_eq!(&Model::read(&again), &before.unwrap().1);
    }
}
