//! Any history against the plainest model of acknowledgements and deadlines.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

/// Of the subscriptions; the topic may retain for longer.
const RETENTION: u64 = 600;
/// Of a lease.
const LEASE: u64 = 10;
const SUBSCRIPTIONS: [&str; 2] = ["sub-0", "sub-1"];

#[derive(Clone, Debug)]
enum Step {
    Publish(usize),
    Pull {
        sub: usize,
        most: usize,
    },
    Ack {
        sub: usize,
        pick: usize,
    },
    /// 0 seconds gives the message back.
    Extend {
        sub: usize,
        pick: usize,
        seconds: u64,
    },
    Pass(u64),
    SeekTime {
        sub: usize,
        ago: u64,
    },
    Snapshot {
        sub: usize,
    },
    SeekSnapshot {
        sub: usize,
        pick: usize,
    },
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sub = || 0_usize..2;
    let pick = || 0_usize..64;
    let step = prop_oneof![
        5 => (1_usize..4).prop_map(Step::Publish),
        5 => (sub(), 1_usize..5).prop_map(|(sub, most)| Step::Pull { sub, most }),
        6 => (sub(), pick()).prop_map(|(sub, pick)| Step::Ack { sub, pick }),
        3 => (sub(), pick(), prop_oneof![Just(0), 1_u64..100])
            .prop_map(|(sub, pick, seconds)| Step::Extend { sub, pick, seconds }),
        4 => prop_oneof![1_u64..15, 100_u64..400].prop_map(Step::Pass),
        2 => (sub(), 0_u64..900).prop_map(|(sub, ago)| Step::SeekTime { sub, ago }),
        1 => sub().prop_map(|sub| Step::Snapshot { sub }),
        2 => (sub(), pick()).prop_map(|(sub, pick)| Step::SeekSnapshot { sub, pick }),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..50)
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    retain: [bool; 2],
    exactly_once: [bool; 2],
    topic_retention: Option<u64>,
}

fn settings() -> impl Strategy<Value = Settings> {
    let topic = prop_oneof![Just(None), Just(Some(1200))];
    let pairs = (any::<[bool; 2]>(), any::<[bool; 2]>(), topic);
    pairs.prop_map(|(retain, exactly_once, topic_retention)| Settings {
        retain,
        exactly_once,
        topic_retention,
    })
}

/// How a subscription has a message.
#[derive(Clone, Debug, PartialEq)]
enum Has {
    Ready,
    Leased { id: String, until: u64 },
    Acked,
}

/// What must be so.
struct Model {
    settings: Settings,
    now: u64,
    born: BTreeMap<u64, u64>,
    subs: [BTreeMap<u64, Has>; 2],
    /// What each snapshot has, and the first number after it.
    snapshots: Vec<(BTreeSet<u64>, u64)>,
}

impl Model {
    fn publish(&mut self, seqs: &[u64]) {
        for seq in seqs {
            self.born.insert(*seq, self.now);
            self.subs.iter_mut().for_each(|sub| {
                sub.insert(*seq, Has::Ready);
            });
            self.snapshots.iter_mut().for_each(|(has, _)| {
                has.insert(*seq);
            });
        }
    }

    /// The first messages that are ready.
    fn ready(&self, sub: usize, most: usize) -> Vec<u64> {
        let ready = self.subs[sub].iter().filter(|(_, has)| **has == Has::Ready);
        ready.map(|(seq, _)| *seq).take(most).collect()
    }

    fn lease(&mut self, sub: usize, seq: u64, id: String) {
        let until = self.now + LEASE;
        self.subs[sub].insert(seq, Has::Leased { id, until });
    }

    /// This id is that of a lease that lives.
    fn lives(&self, sub: usize, seq: u64, of: &str) -> bool {
        matches!(self.subs[sub].get(&seq), Some(Has::Leased { id, .. }) if id == of)
    }

    fn ack(&mut self, sub: usize, seq: u64, id: &str) -> bool {
        let open = self.subs[sub]
            .get(&seq)
            .is_some_and(|has| *has != Has::Acked);
        let late = !self.settings.exactly_once[sub];
        let counts = open && (late || self.lives(sub, seq, id));
        if counts {
            self.close(sub, seq);
        }
        counts
    }

    fn close(&mut self, sub: usize, seq: u64) {
        self.subs[sub].remove(&seq);
        if self.settings.retain[sub] {
            self.subs[sub].insert(seq, Has::Acked);
        }
    }

    fn extend(&mut self, sub: usize, seq: u64, id: &str, seconds: u64) -> bool {
        let lives = self.lives(sub, seq, id);
        if lives {
            let (id, until) = (id.to_owned(), self.now + seconds);
            let has = match seconds {
                0 => Has::Ready,
                _ => Has::Leased { id, until },
            };
            self.subs[sub].insert(seq, has);
        }
        lives
    }

    /// `strange` are messages that others keep.
    fn seek(&mut self, sub: usize, open: impl Fn(u64, u64) -> bool, strange: impl Fn(u64) -> bool) {
        for (seq, born) in self.born.clone() {
            match self.subs[sub].get(&seq) {
                Some(Has::Acked) if open(seq, born) => {
                    self.subs[sub].insert(seq, Has::Ready);
                }
                Some(Has::Ready | Has::Leased { .. }) if !open(seq, born) => self.close(sub, seq),
                None if open(seq, born) && strange(seq) => {
                    self.subs[sub].insert(seq, Has::Ready);
                }
                _ => {}
            }
        }
        self.age();
    }

    fn age(&mut self) {
        let retention = RETENTION.max(self.settings.topic_retention.unwrap_or(0));
        for sub in &mut self.subs {
            sub.retain(|seq, _| self.born[seq] + retention > self.now);
            for has in sub.values_mut() {
                if matches!(has, Has::Leased { until, .. } if *until <= self.now) {
                    *has = Has::Ready;
                }
            }
        }
    }

    fn restart(&mut self) {
        for has in self.subs.iter_mut().flat_map(BTreeMap::values_mut) {
            if matches!(has, Has::Leased { .. }) {
                *has = Has::Ready;
            }
        }
    }

    /// The unacknowledged and the retained messages of a subscription.
    fn state(&self, sub: usize) -> (Vec<u64>, Vec<u64>) {
        let acked = |wanted: bool| {
            let has = self.subs[sub].iter();
            let has = has.filter(|(_, has)| (**has == Has::Acked) == wanted);
            has.map(|(seq, _)| *seq).collect()
        };
        (acked(false), acked(true))
    }
}

struct Run {
    farm: Farm,
    model: Model,
    /// Every delivery ever made.
    given: [Vec<(u64, String)>; 2],
}

impl Run {
    async fn begin(folder: &Path, settings: Settings) -> Self {
        let farm = Farm::open(Options {
            // So small that messages move and segments go.
            segment_bytes: 2048,
            memory_bytes: 2000,
            ..Options::durable(folder)
        });
        farm.topic(settings.topic_retention).await;
        for (n, id) in SUBSCRIPTIONS.into_iter().enumerate() {
            let config = Subscription {
                message_retention_duration: Some(duration(RETENTION)),
                retain_acked_messages: settings.retain[n],
                enable_exactly_once_delivery: settings.exactly_once[n],
                ..Subscription::default()
            };
            farm.subscribe(id, config).await;
        }
        let model = Model {
            settings,
            now: 0,
            born: BTreeMap::new(),
            subs: Default::default(),
            snapshots: Vec::new(),
        };
        let given = Default::default();
        Self { farm, model, given }
    }

    async fn step(&mut self, n: usize, step: &Step) {
        match step {
            Step::Publish(count) => {
                let seqs = self.farm.publish_some(*count).await;
                self.model.publish(&seqs);
            }
            Step::Pull { sub, most } => self.pull(*sub, *most).await,
            Step::Ack { sub, pick } => self.ack(*sub, *pick).await,
            Step::Extend { sub, pick, seconds } => self.extend(*sub, *pick, *seconds),
            Step::Pass(seconds) => {
                self.model.now += seconds;
                self.model.age();
                self.farm.pass(*seconds).await;
            }
            Step::SeekTime { sub, ago } => self.seek_time(*sub, *ago).await,
            Step::Snapshot { sub } => {
                let id = format!("snap-{n}");
                self.farm.snapshot(&id, SUBSCRIPTIONS[*sub]).await.unwrap();
                let (open, _) = self.model.state(*sub);
                let next = self.model.born.keys().last().map_or(0, |seq| seq + 1);
                self.model
                    .snapshots
                    .push((open.into_iter().collect(), next));
            }
            Step::SeekSnapshot { sub, pick } => self.seek_snapshot(*sub, *pick).await,
            Step::Restart => {
                self.farm.restart();
                self.model.now += 1;
                self.model.restart();
                self.model.age();
                self.farm.pass(0).await;
            }
        }
        while self.farm.broker.compact().await {}
        for (sub, id) in SUBSCRIPTIONS.into_iter().enumerate() {
            let found = self.farm.state(id);
            assert_eq!(found, self.model.state(sub), "{id} after {step:?}");
        }
    }

    async fn pull(&mut self, sub: usize, most: usize) {
        let name = name(SUBSCRIPTIONS[sub]);
        let pulled = self.farm.broker.pull(&name, most, Duration::ZERO);
        let pulled = pulled.await.unwrap();
        assert_eq!(numbers(&pulled), self.model.ready(sub, most));
        for (seq, one) in numbers(&pulled).into_iter().zip(pulled) {
            assert_eq!(opened(&one).data, "x");
            self.model.lease(sub, seq, one.ack_id.clone());
            self.given[sub].push((seq, one.ack_id));
        }
    }

    fn pick(&self, sub: usize, pick: usize) -> Option<(u64, String)> {
        let given = &self.given[sub];
        // Mostly a recent one.
        let back = pick.min(given.len().checked_sub(1)?);
        given.get(given.len() - 1 - back).cloned()
    }

    async fn ack(&mut self, sub: usize, pick: usize) {
        let Some((seq, id)) = self.pick(sub, pick) else {
            return;
        };
        let counts = self.model.ack(sub, seq, &id);
        let (name, ids) = (name(SUBSCRIPTIONS[sub]), [id]);
        let settled = self.farm.broker.acknowledge(&name, &ids).await.unwrap();
        self.check(sub, counts, &settled);
    }

    fn extend(&mut self, sub: usize, pick: usize, seconds: u64) {
        let Some((seq, id)) = self.pick(sub, pick) else {
            return;
        };
        let counts = self.model.extend(sub, seq, &id, seconds);
        let (name, ids) = (
            name(SUBSCRIPTIONS[sub]),
            [(id, i32::try_from(seconds).unwrap())],
        );
        let settled = self.farm.broker.modify_deadlines(&name, &ids).unwrap();
        self.check(sub, counts, &settled);
    }

    fn check(&self, sub: usize, counts: bool, settled: &Settled) {
        let once = self.model.settings.exactly_once[sub];
        let failed = usize::from(once && !counts);
        assert_eq!(
            (
                settled.exactly_once,
                settled.done.len(),
                settled.failed.len()
            ),
            (once, usize::from(counts), failed)
        );
    }

    async fn seek_time(&mut self, sub: usize, ago: u64) {
        self.farm.seek_back(SUBSCRIPTIONS[sub], ago).await;
        let time = self.model.now.saturating_sub(ago);
        let (born, now) = (self.model.born.clone(), self.model.now);
        let topic = self.model.settings.topic_retention;
        let kept = |seq| topic.is_some_and(|retention| born[&seq] + retention > now);
        self.model.seek(sub, |_, born| born >= time, kept);
    }

    async fn seek_snapshot(&mut self, sub: usize, pick: usize) {
        let page = self.farm.broker.snapshots("projects/test", page());
        let mut snapshots = page.unwrap().0;
        if snapshots.is_empty() {
            return;
        }
        // In the order of their making.
        snapshots.sort_by_key(|s| s.name.rsplit('-').next().unwrap().parse::<usize>().unwrap());
        let pick = pick % snapshots.len();
        let id = snapshots[pick].name.rsplit('/').next().unwrap();
        self.farm.seek_to(SUBSCRIPTIONS[sub], id).await.unwrap();
        let (has, cut) = self.model.snapshots[pick].clone();
        let open = |seq: u64, _| seq >= cut || has.contains(&seq);
        self.model.seek(sub, open, |seq| has.contains(&seq));
        self.farm.pass(0).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_history_is_as_the_model_says(settings in settings(), steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        runtime.block_on(async {
            let mut run = Run::begin(folder.path(), settings).await;
            for (n, step) in steps.iter().enumerate() {
                run.step(n, step).await;
            }
            run.step(steps.len(), &Step::Restart).await;
            for sub in 0..2 {
                run.pull(sub, 1000).await;
            }
            run.farm.broker.stop();
        });
    }
}
