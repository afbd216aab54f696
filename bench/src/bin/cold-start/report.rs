//! What was found.

use std::collections::BTreeMap;

use bench::figures::Spread;
use serde::Serialize;

/// Milliseconds from a start.
pub struct Started {
    /// Until it asked for an invocation.
    pub ready: f64,
    /// Until it had answered one.
    pub answered: f64,
}

#[derive(Serialize)]
pub struct Report {
    mode: &'static str,
    machine: (String, String),
    binary_bytes: u64,
    functions: BTreeMap<String, Function>,
    /// The function whose first answer takes longest.
    worst: Function,
    peers: BTreeMap<String, Other>,
}

/// Milliseconds.
#[derive(Serialize)]
struct Function {
    ready: Spread,
    answered: Spread,
}

#[derive(Serialize)]
struct Other {
    answered: Spread,
    /// Its median against that of our slowest function.
    ratio: f64,
}

impl Function {
    fn of<'a>(starts: impl IntoIterator<Item = &'a Started>) -> Self {
        let (ready, answered): (Vec<f64>, Vec<f64>) = starts
            .into_iter()
            .map(|started| (started.ready, started.answered))
            .unzip();
        Self {
            ready: Spread::of(&ready),
            answered: Spread::of(&answered),
        }
    }
}

impl Report {
    pub fn new(
        machine: (String, String),
        binary_bytes: u64,
        ours: &BTreeMap<String, Vec<Started>>,
        theirs: &BTreeMap<String, Vec<f64>>,
    ) -> Self {
        let functions: BTreeMap<_, _> = ours
            .iter()
            .map(|(name, starts)| (name.clone(), Function::of(starts)))
            .collect();
        let slowest = |starts: &&Vec<Started>| Function::of(*starts).answered.median;
        let worst = ours
            .values()
            .max_by(|a, b| slowest(a).total_cmp(&slowest(b)));
        let worst = Function::of(worst.unwrap());
        let other = |(name, starts): (&String, &Vec<f64>)| {
            let answered = Spread::of(starts);
            let ratio = answered.median / worst.answered.median;
            (name.clone(), Other { answered, ratio })
        };
        Self {
            mode: "process start until an invocation is asked for, and until the first answer; runtime API and \
                   Secrets Manager on loopback, without TLS, each secret fetched; peers on a port, without secrets",
            machine,
            binary_bytes,
            peers: theirs.iter().map(other).collect(),
            functions,
            worst,
        }
    }

    pub fn print(&self, json: bool) {
        if json {
            return println!("{}", serde_json::to_string_pretty(self).unwrap());
        }
        println!("cold start, milliseconds; {}", self.mode);
        println!("before: {}; after: {}", self.machine.0, self.machine.1);
        println!("binary: {:.1} MiB", self.binary_bytes as f64 / 1_048_576.0);
        for (name, Function { ready, answered }) in &self.functions {
            println!("{name}: ready {ready}, first answer {answered}");
        }
        let Function { ready, answered } = &self.worst;
        println!("the slowest: ready {ready}, first answer {answered}");
        for (name, Other { answered, ratio }) in &self.peers {
            println!("{name}: first answer {answered}; {ratio:.0}× ours");
        }
    }
}
