//! `[hosts]`: kinds of machines.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{BuilderName, PoolName};

/// A kind of machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    /// For people.
    pub description: String,
    /// For people: what is odd about it.
    pub notes: String,
    /// Whose the machines are; empty: the farm's own.
    pub owner: String,
    /// What happens to a machine between attempts.
    pub clean: Clean,
    /// Where its machines come from.
    pub machines: Machines,
    /// Environment of every command, under what builders say.
    pub env: BTreeMap<String, String>,
    /// How many jobs may run on such machines at the same time, whatever the builder.
    pub max_at_once: Option<u32>,
    /// A toolchain that the machine loads before `make`; none where it has one.
    pub bootstrap: Option<Bootstrap>,
    /// The login of people who are lent one; none: nobody is.
    pub ssh_user: Option<String>,
    /// What an unknown machine has to build before it is trusted.
    pub canary: Option<Canary>,
    /// Has its machines made when there is work for them; none: the farm makes none.
    pub pool: Option<HostPool>,
}

/// Who makes machines of a host type, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPool {
    /// The pool.
    pub name: PoolName,
    /// Never more of them.
    pub most: u32,
    /// Never fewer.
    pub fewest: u32,
    /// How long one must have had no work before it is given up, in seconds.
    pub idle_seconds: u64,
    /// How long after it was ordered one takes no new work, in seconds: it goes when it is idle.
    pub live_seconds: u64,
    /// How much later it goes whatever it does, in seconds.
    pub last_seconds: u64,
    /// Whether it may be one that the cloud takes back at any time.
    pub spot: bool,
    /// What each has beyond its host type: a builder that asks for other labels has none made.
    #[serde(default)]
    pub labels: BTreeSet<String>,
}

/// What happens to a machine between attempts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clean {
    /// It is told to halt and comes back fresh.
    Halt,
    /// Its work dir is emptied.
    #[default]
    Wipe,
    /// Only the source is replaced; what else lies in the work dir stays.
    None,
}

/// Where machines come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Machines {
    /// Whatever registers as one.
    #[default]
    Any,
    /// They dial in.
    Reverse(Reverse),
    /// They are made from an image when they are needed.
    Vm(Vm),
    /// They are containers, made when they are needed.
    Container(Container),
}

/// Machines that dial in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverse {
    /// How many there should be; 0: no expectation.
    pub expect: u32,
    /// Whether each connection has a fresh file system.
    pub hermetic: bool,
    /// Old names that a buildlet may register with instead.
    pub aliases: Vec<String>,
}

/// A virtual machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    /// The image's name.
    pub image: String,
    /// The cloud's name for its size.
    pub machine: String,
    /// The buildlet that it runs: `openbsd-amd64`.
    pub buildlet: String,
    /// The oldest processor that will do.
    pub min_cpu: Option<String>,
}

/// A container on a machine of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// The image's name and tag.
    pub image: String,
    /// The cloud's name for the size of its machine.
    pub machine: String,
    /// The buildlet that it runs: `linux-amd64`.
    pub buildlet: String,
    /// Whether it needs virtual machines of its own inside.
    pub nested: bool,
    /// The image of the machine it runs on, where `nested`.
    pub vm_image: Option<String>,
}

/// A toolchain to build the toolchain with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// A `.tar.gz`.
    pub url: String,
    /// Where it goes, below the work dir.
    pub dir: String,
}

/// A known job with a known outcome, before anything else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Whose job it is.
    pub builder: BuilderName,
    /// How long a good outcome holds, in seconds.
    pub valid_seconds: u64,
}

impl Host {
    /// Whether every attempt finds a fresh file system.
    #[must_use]
    pub fn is_hermetic(&self) -> bool {
        match &self.machines {
            Machines::Any => false,
            Machines::Reverse(reverse) => reverse.hermetic,
            Machines::Vm(_) | Machines::Container(_) => true,
        }
    }

    /// Whether its machines dial in.
    #[must_use]
    pub fn is_reverse(&self) -> bool {
        matches!(self.machines, Machines::Reverse(_))
    }

    /// The processors of one machine, as far as its type's name says so: `n1-highcpu-4` has 4.
    #[must_use]
    pub fn cpus(&self) -> Option<u32> {
        match &self.machines {
            Machines::Vm(vm) => cpus(&vm.machine),
            Machines::Container(container) => cpus(&container.machine),
            Machines::Any | Machines::Reverse(_) => None,
        }
    }
}

/// The number at the end of a machine type.
fn cpus(machine: &str) -> Option<u32> {
    let (_, number) = machine.rsplit_once('-')?;
    number.parse().ok().filter(|cpus| *cpus > 0)
}

/// Whether that is a machine type as clouds name them: `n1-highcpu-4`, or family and size, `m7i.2xlarge` (Amazon EC2 instance
/// types, naming conventions).
pub(super) fn names_size(machine: &str) -> bool {
    cpus(machine).is_some() || machine.split_once('.').is_some_and(is_ec2)
}

fn is_ec2((family, size): (&str, &str)) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let named = ["nano", "micro", "small", "medium", "large"].contains(&size);
    let many = size.strip_suffix("xlarge");
    let is_count = |count: &str| count.is_empty() || count.parse::<u8>().is_ok_and(|of| of > 0);
    let whole = size == "metal" || size.starts_with("metal-");
    !family.is_empty()
        && size.bytes().all(plain)
        && family.bytes().all(plain)
        && (named || whole || many.is_some_and(is_count))
}
