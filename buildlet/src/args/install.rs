//! `buildlet install` and `buildlet uninstall`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  As the user `farm`, who may read the key file and nobody else, and write in its folder, since hubs renew keys:
    buildlet install --run-as farm -- --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file /home/farm/farm.key
  Without root, as you, while you are logged in (`loginctl enable-linger` makes it always):
    buildlet install --user -- --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file ~/farm.key
  With a buildlet that is fetched at each start:
    buildlet install --run-as farm -- stage0 --loop --file /home/farm/buildlet.exe --url https://farm.example/buildlet -- --coordinator farm.example:8119 --reverse-type host-linux-pi --key-file /home/farm/farm.key
  Only look:
    buildlet install --print --run-as farm -- --listen 127.0.0.1:5936";

/// What to install.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InstallArgs {
    /// The service's name.
    #[arg(long, default_value = "buildlet", value_parser = name)]
    pub name: String,

    /// A service of yours rather than of the system.
    #[arg(long)]
    pub user: bool,

    /// Whom the service of the system runs as: builds may do what this user may. Say root if you mean it.
    #[arg(long, value_name = "USER", conflicts_with = "user", required_unless_present = "user", value_parser = name)]
    pub run_as: Option<String>,

    /// Show what would be written, and write nothing.
    #[arg(long)]
    pub print: bool,

    /// Replace a file that is there already.
    #[arg(long)]
    pub force: bool,

    /// Write below this folder instead of /, as for an image.
    #[arg(long, value_name = "DIR", default_value = "/", conflicts_with = "user")]
    pub root: PathBuf,

    /// The program to start. Default: this one.
    #[arg(long, value_name = "PATH")]
    pub exe: Option<PathBuf>,

    /// What the buildlet is started with, behind --.
    #[arg(last = true, required = true, value_name = "OPTION")]
    pub options: Vec<OsString>,
}

/// What to remove.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  buildlet uninstall --name buildlet")]
pub struct UninstallArgs {
    /// The service's name.
    #[arg(long, default_value = "buildlet", value_parser = name)]
    pub name: String,

    /// A service of yours rather than of the system.
    #[arg(long)]
    pub user: bool,

    /// Look below this folder instead of /, as for an image.
    #[arg(long, value_name = "DIR", default_value = "/", conflicts_with = "user")]
    pub root: PathBuf,
}

/// Becomes part of a file's name, and of a script.
fn name(text: &str) -> Result<String, String> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if begins && text.len() <= 64 && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("letters, digits, - and _ are allowed, a letter first".to_owned())
    }
}
