//! Keys for machines, made from the master key.

use std::path::PathBuf;

use anyhow::{Context, bail};
use farm_model::id::HostType;
use farm_runtime::Clock;
use farm_wire::keys::mint;

use crate::settings::read_master_key;

const DAY: i64 = 86_400;

/// Whose key, and for how long.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  mint-key --machine-key-file /etc/farm/machine-key --host-type rpi4 --machine attic > attic.key
  mint-key --machine-key-file key --host-type mac-m4 --machine closet --days 30 > closet.key")]
pub struct MintArgs {
    /// File of the master key, the same that the hub has
    #[arg(long, env = "FARM_MACHINE_KEY_FILE")]
    pub machine_key_file: PathBuf,
    /// What kind of machine it is: the key registers as nothing else
    #[arg(long)]
    pub host_type: HostType,
    /// The name that the machine registers with
    #[arg(long)]
    pub machine: String,
    /// How many days the key is good for
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub days: i64,
}

/// The key, on one line.
///
/// # Errors
/// The master key cannot be read, or the machine's name is empty.
pub fn mint_key(args: &MintArgs, clock: &Clock) -> anyhow::Result<String> {
    let master = read_master_key(&args.machine_key_file)?;
    if args.machine.trim().is_empty() {
        bail!("--machine is the name that the machine registers with, not empty");
    }
    let expires = clock.now().as_second() + args.days * DAY;
    Ok(mint(
        &master,
        args.host_type.as_str(),
        &args.machine,
        expires,
    ))
}

/// Writes the key to standard output.
///
/// # Errors
/// As [`mint_key`], or standard output is closed.
pub fn run_mint(args: &MintArgs) -> anyhow::Result<()> {
    let key = mint_key(args, &Clock::system())?;
    std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{key}\n"))
        .context("cannot write the key")
}

#[cfg(test)]
mod tests {
    use farm_wire::keys::verify;

    use super::*;

    #[test]
    fn a_minted_key_is_good_for_that_machine() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("master");
        std::fs::write(&file, "a master key\n").unwrap();
        let args = MintArgs {
            machine_key_file: file.clone(),
            host_type: "rpi4".parse().unwrap(),
            machine: "attic".to_owned(),
            days: 2,
        };
        let clock = Clock::manual(farm_model::Timestamp::UNIX_EPOCH);
        let key = mint_key(&args, &clock).unwrap();
        let master = read_master_key(&file).unwrap();
        assert!(verify(&master, &key, "rpi4", "attic", 2 * DAY - 1).is_ok());
        assert!(verify(&master, &key, "rpi4", "attic", 2 * DAY).is_err());
        assert!(verify(&master, &key, "rpi4", "cellar", 0).is_err());
    }
}
