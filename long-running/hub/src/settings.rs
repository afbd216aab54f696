//! What the hub is told at its start.

mod pages;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use farm_bus::BusUrl;
use farm_model::id::HubId;
use farm_wire::keys::MasterKey;

use crate::acceptor::KeyLives;
use crate::acceptor::tls::self_signed;
use crate::direct::{DirectMachine, read_direct};
use crate::ledger::LedgerSettings;
use crate::machines::Checks;
use crate::peers::PeerSettings;

pub use self::pages::{Pages, PagesArgs};

/// Command line and environment.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  hub --bus pubsub://my-project --bucket gs://my-bucket --machine-key-file /etc/farm/machine-key --tls-name hub.example.org
  hub --bus 'pubsub://farm?endpoint=http://127.0.0.1:8085' --bucket file:///tmp/bucket --machine-key-file key
  hub --hub-id h1 --peer-listen 10.0.0.1:8120 --peer h2=10.0.0.2:8120 …    one of two hubs behind one address")]
pub struct Args {
    /// Where machines connect
    #[arg(long, env = "FARM_HUB_LISTEN", default_value = "127.0.0.1:8119")]
    pub listen: String,
    /// This hub's name: stable over restarts, different from every other hub's
    #[arg(long, env = "FARM_HUB_ID", default_value = "h1")]
    pub hub_id: HubId,
    /// The queues: pubsub://PROJECT, with ?endpoint=http://HOST:PORT for an emulator
    #[arg(long, env = "FARM_BUS")]
    pub bus: BusUrl,
    /// The bucket: file:///DIR, gs://NAME or s3://NAME
    #[arg(long, env = "FARM_BUCKET")]
    pub bucket: String,
    /// Folder of git mirrors and of the certificate
    #[arg(long, env = "FARM_DATA", default_value = ".farm/hub")]
    pub data: PathBuf,
    /// Certificate chain (PEM); without it one is made in the data folder, hub-cert.pem
    #[arg(long, env = "FARM_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate (PEM)
    #[arg(long, env = "FARM_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// A name or address in the certificate that is made; may be repeated
    #[arg(long = "tls-name", env = "FARM_TLS_NAMES", value_delimiter = ',', default_values = ["localhost", "127.0.0.1"])]
    pub tls_names: Vec<String>,
    /// File of the master key, of which machines' keys are made
    #[arg(long, env = "FARM_MACHINE_KEY_FILE")]
    pub machine_key_file: PathBuf,
    /// A host type whose machines may register with the shared, everlasting key of 2019; may be repeated
    #[arg(
        long = "key-2019",
        env = "FARM_KEYS_2019",
        value_delimiter = ',',
        value_name = "HOST_TYPE"
    )]
    pub keys_2019: Vec<String>,
    /// Takes machines with buildlets before version 23, which speak version 1 of reverse dialing; at most 10 at once
    #[arg(long, env = "FARM_REVDIAL_V1", value_parser = clap::builder::FalseyValueParser::new())]
    pub revdial_v1: bool,
    /// Days for which a machine's key is taken after its end, to be renewed at once: the machine may have been switched off
    #[arg(long, env = "FARM_KEY_GRACE_DAYS", default_value_t = 30, value_parser = clap::value_parser!(i64).range(0..=3650))]
    pub key_grace_days: i64,
    /// Days for which a renewed key is good; 0 renews none. A key is renewed while its machine is connected, if that speaks version 3 of reverse dialing
    #[arg(long, env = "FARM_KEY_DAYS", default_value_t = 365, value_parser = clap::value_parser!(i64).range(0..=3650))]
    pub key_days: i64,
    /// Where the other hubs behind the same address reach this one: a private address
    #[arg(long, env = "FARM_HUB_PEER_LISTEN", value_name = "HOST:PORT")]
    pub peer_listen: Option<String>,
    /// Another hub behind the same address, and its --peer-listen; may be repeated. All hubs have one master key
    #[arg(
        long = "peer",
        env = "FARM_HUB_PEERS",
        value_delimiter = ',',
        value_name = "HUB_ID=HOST:PORT"
    )]
    pub peers: Vec<String>,
    /// A machine that is dialed rather than dials in; may be repeated
    #[arg(
        long,
        env = "FARM_DIRECT",
        value_delimiter = ',',
        value_name = "NAME=HOST_TYPE@HOST:PORT"
    )]
    pub direct: Vec<String>,
    /// More of them (TOML): [[machine]] with name, host-type, address, password-file, certificate; read at start
    #[arg(long, env = "FARM_DIRECT_FILE", value_name = "FILE")]
    pub direct_file: Option<PathBuf>,
    /// Refuse machines that dial in and that `farm machine add` has not recorded, whatever their key
    #[arg(long, env = "FARM_REQUIRE_RECORDED_MACHINES", value_parser = clap::builder::FalseyValueParser::new())]
    pub require_recorded_machines: bool,
    /// Where machines reach this hub to load snapshots themselves; without it the hub sends them on machines' own connections
    #[arg(long, env = "FARM_BLOB_ADDRESS", value_name = "HOST:PORT")]
    pub blob_address: Option<String>,
    /// The most that a snapshot may have, in MiB
    #[arg(long, env = "FARM_SNAPSHOT_LIMIT", value_name = "MIB", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    pub snapshot_limit: u64,
    /// Seconds between heartbeats
    #[arg(long, env = "FARM_HEARTBEAT", default_value_t = 2.0)]
    pub heartbeat: f64,
    /// Seconds that running attempts have to end in when the hub is asked to
    #[arg(long, env = "FARM_DRAIN", default_value_t = 20.0)]
    pub drain: f64,
    /// Pages.
    #[command(flatten)]
    pub pages: PagesArgs,
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// This hub's name: at most 40 of `a-z`, `0-9` and `-`.
    pub hub: HubId,
    /// The queues.
    pub bus: BusUrl,
    /// The bucket's URL.
    pub bucket: String,
    /// Folder of git mirrors and of the certificate.
    pub data: PathBuf,
    /// The certificate.
    pub certificate: Certificate,
    /// What machines' keys are made of.
    pub machine_key: MasterKey,
    /// Host types for which the keys of 2019 are good.
    pub keys_2019: BTreeSet<String>,
    /// Whether version 1 of reverse dialing is spoken.
    pub revdial_v1: bool,
    /// How machines' keys are renewed.
    pub key_lives: KeyLives,
    /// Between heartbeats.
    pub heartbeat: Duration,
    /// For running attempts to end in at shutdown.
    pub drain: Duration,
    /// How idle machines are looked after.
    pub checks: Checks,
    /// Pages.
    pub pages: Pages,
    /// Other hubs behind the same address.
    pub peers: PeerSettings,
    /// How records of machines are kept to.
    pub ledger: LedgerSettings,
    /// Machines that are dialed.
    pub direct: Vec<DirectMachine>,
    /// How snapshots come and go.
    pub snapshots: SnapshotSettings,
}

/// How snapshots come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSettings {
    /// Where machines reach this hub's blobs, `host:port`; none: the hub sends them.
    pub address: Option<String>,
    /// The most that one may have, in bytes.
    pub limit: u64,
}

impl Default for SnapshotSettings {
    fn default() -> Self {
        Self {
            address: None,
            limit: 8 << 30,
        }
    }
}

/// Where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// PEM files.
    Files {
        /// The chain.
        certificate: PathBuf,
        /// Its key.
        key: PathBuf,
    },
    /// Made by ourselves in the data folder (`hub-cert.pem`), for these names and addresses.
    SelfSigned {
        /// In the certificate.
        names: Vec<String>,
    },
}

impl Certificate {
    /// Makes the certificate at once, if it is ours to make and not there yet: whoever is told of the hub finds it.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn prepare(&self, data: &Path) -> anyhow::Result<()> {
        if let Self::SelfSigned { names } = self {
            self_signed(names, data)?;
        }
        Ok(())
    }
}

impl Args {
    /// Checks them and reads the master key.
    ///
    /// # Errors
    /// Names what is wrong and what to do.
    pub fn settings(self) -> anyhow::Result<Settings> {
        let machine_key = read_master_key(&self.machine_key_file)?;
        let certificate = match (self.tls_cert, self.tls_key) {
            (Some(certificate), Some(key)) => Certificate::Files { certificate, key },
            _ => Certificate::SelfSigned {
                names: self.tls_names,
            },
        };
        Ok(Settings {
            hub: self.hub_id,
            bus: self.bus,
            bucket: self.bucket,
            data: self.data,
            certificate,
            machine_key,
            keys_2019: self.keys_2019.into_iter().collect(),
            revdial_v1: self.revdial_v1,
            key_lives: KeyLives::days(self.key_grace_days, self.key_days),
            heartbeat: seconds("--heartbeat", self.heartbeat, 0.01)?,
            drain: seconds("--drain", self.drain, 0.0)?,
            checks: Checks::default(),
            pages: self.pages.settings()?,
            peers: PeerSettings::parse(self.peer_listen, &self.peers)?,
            ledger: LedgerSettings {
                required: self.require_recorded_machines,
                ..LedgerSettings::default()
            },
            direct: read_direct(&self.direct, self.direct_file.as_deref())?,
            snapshots: SnapshotSettings {
                address: self.blob_address,
                limit: self.snapshot_limit << 20,
            },
        })
    }
}

/// The master key in `file`.
pub(crate) fn read_master_key(file: &Path) -> anyhow::Result<MasterKey> {
    let secret = std::fs::read(file).with_context(|| {
        format!(
            "cannot read the master key, --machine-key-file {}",
            file.display()
        )
    })?;
    MasterKey::new(&secret).with_context(|| {
        format!(
            "{} must hold the master key: some 32 random bytes as text",
            file.display()
        )
    })
}

fn seconds(name: &str, value: f64, least: f64) -> anyhow::Result<Duration> {
    if !(least..=86_400.0).contains(&value) {
        bail!("{name} is seconds between {least} and 86400, not {value}");
    }
    Ok(Duration::from_secs_f64(value))
}
