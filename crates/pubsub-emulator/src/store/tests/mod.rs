use std::collections::BTreeSet;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use bytes::Bytes;

use super::catalog::HolderId;
use super::*;
use crate::clock::Moment;
use crate::encoded::Draft;
use crate::proto::PubsubMessage;
use crate::seqs::Seq;

mod crash;

const SUBSCRIPTION: HolderId = HolderId(7);

fn open(path: &Path) -> (Log, Recovered) {
    let live = BTreeSet::from([SUBSCRIPTION]);
    let folder = Folder::open(path).unwrap();
    Log::open(folder, &live, 1 << 20, 4096).unwrap()
}

fn message(seq: u64) -> Entry {
    let message = PubsubMessage {
        data: Bytes::from(vec![b'x'; 100]),
        ..PubsubMessage::default()
    };
    let message = Draft::new(message).stamp(Seq(seq), Moment::default());
    Entry::message(Seq(seq), &[SUBSCRIPTION], &[], message)
}

/// Appends and waits until it is on disk.
fn append(log: &Log, entry: &Entry, next_seq: u64) -> Place {
    let (done, wait) = mpsc::channel();
    let tell = Box::new(move |result: Result<Vec<Place>, AppendError>| {
        done.send(result).unwrap();
    });
    log.append(Frames::one(entry), true, next_seq, Some(tell));
    wait.recv().unwrap().unwrap().remove(0)
}

fn write(path: &Path, seqs: std::ops::RangeInclusive<u64>) -> Vec<Place> {
    let (log, _) = open(path);
    let places = seqs
        .map(|seq| append(&log, &message(seq), seq + 1))
        .collect();
    log.stop();
    places
}

fn found(path: &Path) -> (Vec<u64>, u64) {
    let (log, recovered) = open(path);
    log.stop();
    let seqs = recovered.messages.seqs().map(|seq| seq.0);
    (seqs.collect(), recovered.damaged)
}

fn done(seqs: &[u64]) -> Frames {
    let mut frames = Frames::default();
    let seqs = seqs.iter().copied().map(Seq).collect();
    frames.push_done(SUBSCRIPTION, &seqs, false);
    frames
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path.join("log")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn what_was_appended_is_read_back_across_segments() {
    let folder = tempfile::tempdir().unwrap();
    let places = write(folder.path(), 1..=100);
    assert!(
        segments(folder.path()).len() > 3,
        "100 messages in segments of 4 KiB"
    );
    assert_eq!(found(folder.path()), ((1..=100).collect(), 0));
    let bytes = places[99]
        .segment
        .read(places[99].offset, places[99].length)
        .unwrap();
    let entry: Entry = prost::Message::decode(bytes.as_slice()).unwrap();
    assert_eq!(entry, message(100));
}

#[test]
fn what_was_acknowledged_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1..=3);
    let (log, _) = open(folder.path());
    log.append(done(&[1, 3]), false, 4, None);
    log.stop();
    assert_eq!(found(folder.path()).0, [2]);
}

#[test]
fn a_message_written_again_counts_once_with_its_later_targets() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    append(&log, &message(1), 2);
    append(&log, &message(1), 2);
    log.append(done(&[1]), false, 2, None);
    log.stop();
    assert_eq!(found(folder.path()).0, [0; 0]);
}

#[test]
fn a_torn_tail_is_cut_off_and_said() {
    for cut in [1, 50, 111] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 1..=3);
        let file = segments(folder.path()).remove(0);
        let length = std::fs::metadata(&file).unwrap().len();
        std::fs::File::options()
            .write(true)
            .open(&file)
            .unwrap()
            .set_len(length - cut)
            .unwrap();
        let (messages, damaged) = found(folder.path());
        assert_eq!(messages, [1, 2]);
        assert!(damaged > 0);
        assert_eq!(
            found(folder.path()),
            (vec![1, 2], 0),
            "the cut is made once"
        );
    }
}

#[test]
fn a_tail_of_nonsense_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1..=3);
    let file = segments(folder.path()).remove(0);
    std::fs::File::options()
        .append(true)
        .open(&file)
        .unwrap()
        .write_all(&[0; 500])
        .unwrap();
    assert_eq!(found(folder.path()), (vec![1, 2, 3], 500));
}

#[test]
fn a_damaged_record_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let places = write(folder.path(), 1..=3);
    let mut file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(places[1].segment.path())
        .unwrap();
    let at = SeekFrom::Start(u64::from(places[1].offset) + 40);
    let mut byte = [0];
    file.seek(at).unwrap();
    file.read_exact(&mut byte).unwrap();
    file.seek(at).unwrap();
    file.write_all(&[byte[0] ^ 0x40]).unwrap();
    let (messages, damaged) = found(folder.path());
    assert_eq!(messages, [1, 3]);
    assert!(damaged >= 100);
}

#[test]
fn numbers_are_never_used_again_even_when_all_segments_are_done() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1..=100);
    let (log, recovered) = open(folder.path());
    log.remove_before(recovered.active);
    log.stop();
    assert_eq!(segments(folder.path()).len(), 1);
    let (log, recovered) = open(folder.path());
    log.stop();
    assert_eq!(recovered.next_seq, 101);
    assert_eq!(recovered.messages.len(), 0);
}

#[test]
fn a_folder_has_one_emulator() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    let error = Folder::open(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }));
    assert!(error.to_string().contains(folder.path().to_str().unwrap()));
    log.stop();
    assert!(
        Folder::open(folder.path()).is_ok(),
        "a stopped log has released it"
    );
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Folder::open(&file.join("data")).unwrap_err();
    assert!(matches!(error, OpenError::Unwritable { .. }));
    assert!(error.to_string().contains(file.to_str().unwrap()));
}

#[test]
fn a_foreign_catalog_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("catalog"), "mine").unwrap();
    let error = catalog::Catalog::load(folder.path()).unwrap_err();
    assert!(matches!(error, OpenError::Unreadable { .. }));
}

#[test]
fn messages_beyond_the_memory_stay_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1..=10);
    let live = BTreeSet::from([SUBSCRIPTION]);
    // Room for two of about 110 bytes each.
    let keep = 2 * (MESSAGE_OVERHEAD + 150);
    let (log, recovered) =
        Log::open(Folder::open(folder.path()).unwrap(), &live, keep, 4096).unwrap();
    log.stop();
    let messages = recovered.messages.iter();
    let resident = messages.filter(|(_, m)| m.body.is_some()).count();
    assert_eq!((recovered.messages.len(), resident), (10, 2));
}

#[test]
fn a_stopped_log_calls_nobody_who_may_hold_a_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (log, _) = open(folder.path());
    log.stop();
    let (done, wait) = mpsc::channel::<()>();
    let tell = Box::new(move |_| done.send(()).unwrap());
    log.append(Frames::one(&message(1)), true, 2, Some(tell));
    assert_eq!(wait.recv(), Err(mpsc::RecvError), "dropped, not called");
}
