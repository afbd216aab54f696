//! What the coordinator is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use jiff::SignedDuration;

use farm_bus::BusUrl;
use farm_model::id::RepoName;
use farm_model::keep::{KeepDays, TooFew};
use farm_store::{BadStateUrl, StateUrl};

/// Command line and environment.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  coordinator --bus pubsub://my-project --bucket gs://my-bucket --config /etc/farm/farm.toml --listen 127.0.0.1:8086
  coordinator --bus 'pubsub://farm?endpoint=http://127.0.0.1:8085' --bucket file:///tmp/bucket --repo app=/src/app")]
pub struct Args {
    /// The queues: pubsub://PROJECT, with ?endpoint=http://HOST:PORT for an emulator
    #[arg(long, env = "FARM_BUS")]
    bus: BusUrl,
    /// The bucket: file:///DIR, gs://NAME or s3://NAME
    #[arg(long, env = "FARM_BUCKET")]
    bucket: String,
    /// Folder of git mirrors, and of the database unless --state says otherwise
    #[arg(long, env = "FARM_DATA", default_value = ".farm/coordinator")]
    data: PathBuf,
    /// The farm's state: sqlite:FILE or postgres://USER:PASSWORD@HOST/DATABASE; state.db in --data without it. A password
    /// belongs into the environment: everybody on a machine sees its command lines
    #[arg(long, env = "FARM_STATE", hide_env_values = true)]
    state: Option<StateArg>,
    /// The operator's farm.toml; without it, the default branch of --repo holds one
    #[arg(long, env = "FARM_CONFIG")]
    config: Option<PathBuf>,
    /// A repository and where git reads it, NAME=URL; needed where farm.toml names no url
    #[arg(long = "repo", value_name = "NAME=URL")]
    repositories: Vec<String>,
    /// How many commits from each head to build, over what farm.toml says
    #[arg(long)]
    history: Option<u32>,
    /// Silence of a hub that counts as its loss, in seconds
    #[arg(long, env = "FARM_GRACE", default_value_t = 20.0)]
    grace: f64,
    /// How often each source is read without being asked, in seconds
    #[arg(long, env = "FARM_POLL", default_value_t = 60.0)]
    poll: f64,
    /// How long a machine that has an owner is away before the owner is told, in seconds
    #[arg(long, env = "FARM_MISSING_AFTER", default_value_t = 3600.0)]
    missing_after: f64,
    /// How long what a commit breaks is gathered before it is told together, in seconds
    #[arg(long, env = "FARM_GATHER", default_value_t = 60.0)]
    gather: f64,
    #[command(flatten)]
    keep: KeepArgs,
    /// How often the bucket is looked through for what is old, in seconds; 0: never
    #[arg(long, env = "FARM_SWEEP", default_value_t = 3600)]
    sweep: u64,
    /// Where /status, /status.json, /healthz and /metrics are served, over plain HTTP and without a password; not at all
    /// without it
    #[arg(long, env = "FARM_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

/// For how long things are kept in the bucket.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct KeepArgs {
    #[command(flatten)]
    ages: AgeArgs,
    /// Days for which snapshots are kept that are neither of a branch's head nor their builder's newest; 0: for ever
    #[arg(long, env = "FARM_KEEP_SNAPSHOTS", value_name = "DAYS", default_value_t = KeepDays::default().snapshots)]
    keep_snapshots: u32,
}

/// How old things become that go by their age.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct AgeArgs {
    #[arg(long, env = "FARM_KEEP_LOGS", value_name = "DAYS", help = age("Days for which logs are kept, and which tests passed; 0: for ever", KeepDays::default().logs))]
    keep_logs: Option<u32>,
    #[arg(long, env = "FARM_KEEP_DELIVERIES", value_name = "DAYS", help = age("Days for which webhooks are kept as they came; 0: for ever", KeepDays::default().deliveries))]
    keep_deliveries: Option<u32>,
    #[arg(long, env = "FARM_KEEP_HISTORY", value_name = "DAYS", help = age("How many days back pages show the past; 0: from the beginning", KeepDays::default().history))]
    keep_history: Option<u32>,
    #[arg(long, env = "FARM_KEEP_SAID", value_name = "DAYS", help = age("Days for which it is known who has been told what; 0: for ever", KeepDays::default().said))]
    keep_said: Option<u32>,
}

/// What a setting means, and how many days it is where nobody sets it.
fn age(what: &str, unset: u32) -> String {
    format!("{what} [unless set: {unset}]")
}

impl KeepArgs {
    /// Checks them.
    ///
    /// # Errors
    /// So short that what goes is still needed.
    pub fn days(self) -> Result<KeepDays, TooFew> {
        self.ages.over(KeepDays {
            snapshots: self.keep_snapshots,
            ..KeepDays::default()
        })
    }
}

impl AgeArgs {
    /// Checks them; what is not among them is as in `days`.
    ///
    /// # Errors
    /// As [`KeepArgs::days`].
    pub fn over(self, days: KeepDays) -> Result<KeepDays, TooFew> {
        KeepDays {
            logs: self.keep_logs.unwrap_or(days.logs),
            deliveries: self.keep_deliveries.unwrap_or(days.deliveries),
            history: self.keep_history.unwrap_or(days.history),
            snapshots: days.snapshots,
            said: self.keep_said.unwrap_or(days.said),
        }
        .checked()
    }
}

/// The state's address on a command line, which may hold a password: it is shown nowhere, not even where it does not read.
#[derive(Clone)]
pub struct StateArg(String);

impl StateArg {
    /// The address.
    ///
    /// # Errors
    /// It does not read.
    pub fn url(&self) -> Result<StateUrl, BadStateUrl> {
        self.0.parse()
    }
}

impl From<String> for StateArg {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for StateArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(not shown)")
    }
}

/// Checked settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The queues.
    pub bus: BusUrl,
    /// The bucket's URL.
    pub bucket: String,
    /// Folder of git mirrors.
    pub data: PathBuf,
    /// Where the farm's state is.
    pub state: StateUrl,
    /// Where `farm.toml` comes from.
    pub config: ConfigFrom,
    /// What whoever starts the farm says about repositories, over `farm.toml`.
    pub overlays: Vec<Overlay>,
    /// Silence that counts as loss.
    pub grace: SignedDuration,
    /// How often each source is read without being asked.
    pub poll: std::time::Duration,
    /// How long a machine is away before its owner is told.
    pub missing_after: SignedDuration,
    /// How long what a commit breaks is gathered before it is told together.
    pub gather: SignedDuration,
    /// For how long things are kept in the bucket.
    pub keep: KeepDays,
    /// How often it is looked through for what is old, if it is.
    pub sweep: Option<std::time::Duration>,
    /// Where the status page is served, if it is.
    pub listen: Option<SocketAddr>,
}

/// Where `farm.toml` comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigFrom {
    /// The operator's file.
    File(PathBuf),
    /// The default branch of the repository that this overlay names.
    Repository(RepoName),
}

impl ConfigFrom {
    /// The repository that holds it, if one does.
    #[must_use]
    pub fn holder(&self) -> Option<RepoName> {
        match self {
            Self::File(_) => None,
            Self::Repository(name) => Some(name.clone()),
        }
    }
}

/// A repository as named at the start: over what `farm.toml` says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// Its name.
    pub name: RepoName,
    /// What git reads.
    pub url: String,
    /// `owner/repo` in GitHub's events.
    pub github: Option<String>,
    /// Commits wanted from each head.
    pub history: Option<u32>,
}

impl Args {
    /// Checks them.
    ///
    /// # Errors
    /// Names what is wrong and what to do.
    pub fn settings(self) -> anyhow::Result<Settings> {
        let overlays = self
            .repositories
            .iter()
            .map(|text| overlay(text, self.history))
            .collect::<anyhow::Result<Vec<Overlay>>>()?;
        let config = match (self.config, overlays.as_slice()) {
            (Some(file), _) => ConfigFrom::File(file),
            (None, [only]) => ConfigFrom::Repository(only.name.clone()),
            (None, []) => bail!(
                "nothing to build: give --config farm.toml, or --repo NAME=URL with a farm.toml in it"
            ),
            (None, _) => {
                bail!("with several --repo give --config: one farm.toml decides for all of them")
            }
        };
        if !(self.grace > 0.0 && self.grace < 86_400.0 && self.poll > 0.0 && self.poll < 86_400.0) {
            bail!("--grace and --poll are seconds between 0 and 86400");
        }
        if !(self.missing_after > 0.0 && self.missing_after <= 30.0 * 86_400.0) {
            bail!("--missing-after is seconds, more than 0 and at most 30 days");
        }
        if !(0.0..=86_400.0).contains(&self.gather) {
            bail!("--gather is seconds from 0 to 86400");
        }
        Ok(Settings {
            bus: self.bus,
            bucket: self.bucket,
            state: match self.state {
                Some(state) => state.url()?,
                None => StateUrl::Sqlite(self.data.join("state.db")),
            },
            data: self.data,
            config,
            overlays,
            grace: SignedDuration::from_secs_f64(self.grace),
            poll: std::time::Duration::from_secs_f64(self.poll),
            missing_after: SignedDuration::from_secs_f64(self.missing_after),
            gather: SignedDuration::from_secs_f64(self.gather),
            keep: self.keep.days()?,
            sweep: (self.sweep > 0).then(|| std::time::Duration::from_secs(self.sweep)),
            listen: self.listen,
        })
    }
}

fn overlay(text: &str, history: Option<u32>) -> anyhow::Result<Overlay> {
    let (name, url) = text
        .split_once('=')
        .with_context(|| format!("--repo {text}: write NAME=URL"))?;
    Ok(Overlay {
        name: name.parse()?,
        url: url.to_owned(),
        github: None,
        history,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use farm_core::keep::Area;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn settings(state: &[&str]) -> anyhow::Result<Settings> {
        let needed = [
            "c",
            "--bus",
            "pubsub://p",
            "--bucket",
            "memory:",
            "--config",
            "f",
        ];
        let cli = Cli::try_parse_from(needed.iter().chain(state))?;
        assert!(!format!("{:?}", cli.args).contains("s3cret"));
        cli.args.settings()
    }

    #[test]
    fn the_state_lies_in_the_data_folder_unless_said_otherwise() {
        let state = |args: &[&str]| settings(args).unwrap().state.to_string();
        assert_eq!(state(&["--data", "/d"]), "sqlite:/d/state.db");
        let url = "postgres://u:s3cret@db/farm";
        assert_eq!(state(&["--state", url]), "postgres://u@db:5432/farm");
    }

    #[test]
    fn what_is_kept_is_said_in_days_and_never_too_short() {
        assert_eq!(settings(&[]).unwrap().keep, KeepDays::default());
        let given = settings(&["--keep-logs", "0", "--sweep", "0"]).unwrap();
        assert_eq!((given.keep.logs, given.sweep), (0, None));
        let error = settings(&["--keep-said", "1"]).unwrap_err().to_string();
        assert!(error.contains("at least 15 days"), "{error}");
    }

    #[test]
    fn each_part_of_the_bucket_is_ruled_by_an_option_that_there_is() {
        for area in Area::ALL {
            let Some(option) = area.limit(&KeepDays::default()).setting else {
                continue;
            };
            let keep = settings(&[option, "77"]).unwrap().keep;
            let age = area.limit(&keep).age.unwrap();
            assert_eq!(age, SignedDuration::from_hours(77 * 24), "{option}");
        }
    }

    #[test]
    fn a_state_that_does_not_read_is_not_repeated() {
        let error = settings(&["--state", "mysql://u:s3cret@h/d"]).unwrap_err();
        let text = format!("{error:?}");
        assert!(
            text.contains("sqlite: or postgres://") && !text.contains("s3cret"),
            "{text}"
        );
    }
}
