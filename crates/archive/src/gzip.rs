//! Where packed blocks go: one gzip member, or many that are compressed on all CPUs.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::Scope;

use flate2::Compression;
use flate2::write::GzEncoder;

/// How much goes into one member (`buildlet.md` 12).
const MEMBER: usize = 1 << 20;
/// More CPUs than a disk can feed are of no use.
const MAX_WORKERS: usize = 16;
/// Trees go over fast networks to disks as fast: the light compression is the quick way. Of the source of the Go
/// toolchain, level 2 makes a fifth less for a quarter more time, level 6 a third less for two and a half times as much.
const LEVEL: Compression = Compression::fast();

/// A piece of input, always of the same capacity.
pub(crate) struct Block {
    bytes: Box<[u8]>,
    used: usize,
}

impl Block {
    pub fn new() -> Self {
        Self {
            bytes: vec![0; MEMBER].into(),
            used: 0,
        }
    }

    /// What can still be filled; empty when it is full.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.used..]
    }

    /// So much of [`Block::room`] was filled.
    pub fn filled(&mut self, length: usize) {
        self.used += length;
    }

    fn content(&self) -> &[u8] {
        &self.bytes[..self.used]
    }
}

/// Takes blocks in order.
pub(crate) trait Output {
    /// What the output is written to.
    type Written;

    /// Takes what is in the block, which is empty afterwards.
    fn take(&mut self, block: &mut Block) -> io::Result<()>;

    /// Nothing more comes, but not because it is complete: what was taken is still written, however many CPUs there are.
    fn break_off(&mut self) {}

    /// Everything is written.
    fn finish(self) -> io::Result<Self::Written>;
}

/// One member, compressed where it is called.
pub(crate) struct Single<W: Write>(GzEncoder<W>);

impl<W: Write> Single<W> {
    pub fn new(out: W) -> Self {
        Self(GzEncoder::new(out, LEVEL))
    }
}

impl<W: Write> Output for Single<W> {
    type Written = W;

    fn take(&mut self, block: &mut Block) -> io::Result<()> {
        self.0.write_all(block.content())?;
        block.used = 0;
        Ok(())
    }

    fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

/// A member a block. The caller's thread reads and writes, others compress; at most two blocks a worker are under way.
pub(crate) struct Members<W> {
    out: W,
    jobs: Sender<Job>,
    pending: VecDeque<Receiver<Done>>,
    most: usize,
    spare: Vec<Block>,
}

struct Job {
    block: Block,
    done: SyncSender<Done>,
}

type Done = (Block, io::Result<Vec<u8>>);

impl<W: Write> Members<W> {
    /// Workers live as long as what is returned.
    pub fn start<'scope>(scope: &'scope Scope<'scope, '_>, out: W) -> io::Result<Self> {
        let cpus = std::thread::available_parallelism().map_or(1, NonZero::get);
        let workers = cpus.min(MAX_WORKERS);
        let (jobs, queue) = channel();
        let queue = std::sync::Arc::new(Mutex::new(queue));
        for _ in 0..workers {
            let queue = queue.clone();
            std::thread::Builder::new().spawn_scoped(scope, move || work(&queue))?;
        }
        Ok(Self {
            out,
            jobs,
            pending: VecDeque::new(),
            most: 2 * workers,
            spare: Vec::new(),
        })
    }

    /// Writes the oldest member.
    fn write_one(&mut self) -> io::Result<()> {
        let Some(oldest) = self.pending.pop_front() else {
            return Ok(());
        };
        let (mut block, member) = oldest.recv().map_err(io::Error::other)?;
        self.out.write_all(&member?)?;
        block.used = 0;
        self.spare.push(block);
        Ok(())
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    loop {
        // Whoever holds the lock waits for the next job.
        let job = queue.lock().ok().and_then(|queue| queue.recv().ok());
        let Some(Job { block, done }) = job else {
            return;
        };
        let member = member_of(block.content());
        // Nobody waits any more: the packing failed.
        let _ = done.send((block, member));
    }
}

fn member_of(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(content.len() / 2), LEVEL);
    encoder.write_all(content)?;
    encoder.finish()
}

impl<W: Write> Output for Members<W> {
    type Written = W;

    fn take(&mut self, block: &mut Block) -> io::Result<()> {
        if block.used == 0 {
            return Ok(());
        }
        if self.pending.len() == self.most {
            self.write_one()?;
        }
        let (done, result) = sync_channel(1);
        let next = self.spare.pop().unwrap_or_else(Block::new);
        let block = std::mem::replace(block, next);
        self.jobs
            .send(Job { block, done })
            .map_err(|_| io::Error::other("no thread compresses any more"))?;
        self.pending.push_back(result);
        Ok(())
    }

    fn break_off(&mut self) {
        while !self.pending.is_empty() && self.write_one().is_ok() {}
    }

    fn finish(mut self) -> io::Result<W> {
        while !self.pending.is_empty() {
            self.write_one()?;
        }
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::{GzDecoder, MultiGzDecoder};

    use super::*;

    fn packed(content: &[u8]) -> Vec<u8> {
        std::thread::scope(|scope| {
            let mut members = Members::start(scope, Vec::new()).unwrap();
            let mut block = Block::new();
            let mut rest = content;
            while !rest.is_empty() {
                let room = block.room();
                let length = room.len().min(rest.len());
                room[..length].copy_from_slice(&rest[..length]);
                block.filled(length);
                rest = &rest[length..];
                members.take(&mut block).unwrap();
            }
            members.finish().unwrap()
        })
    }

    #[test]
    fn twenty_mebibytes_survive_and_come_in_members_of_one() {
        let content: Vec<u8> = (0..20_u32 << 18)
            .flat_map(|n| (n / 7).to_le_bytes())
            .collect();
        let gz = packed(&content);
        let mut back = Vec::new();
        MultiGzDecoder::new(&gz[..]).read_to_end(&mut back).unwrap();
        assert!(back == content);
        let mut first = Vec::new();
        GzDecoder::new(&gz[..]).read_to_end(&mut first).unwrap();
        assert!(first == content[..MEMBER]);
    }

    #[test]
    fn nothing_is_no_member() {
        assert_eq!(packed(b""), b"");
    }

    #[test]
    fn a_failing_output_ends_the_packing() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let failed = std::thread::scope(|scope| {
            let mut members = Members::start(scope, Full).unwrap();
            let mut block = Block::new();
            loop {
                block.filled(1);
                if let Err(error) = members.take(&mut block) {
                    return error;
                }
            }
        });
        assert_eq!(failed.kind(), io::ErrorKind::StorageFull);
    }
}
