//! `buildlet stage0`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
Examples:
  A machine that fetches the newest buildlet at each start, and again whenever that ends:
    buildlet stage0 --loop --url https://farm.example/buildlet.linux-arm64 -- --reverse-type host-linux-pi --coordinator farm.example
  Exactly this one:
    buildlet stage0 --url https://farm.example/buildlet --sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  Unpack an archive while an image is made:
    buildlet stage0 --untar-file go.tar.gz --untar-dest-dir /usr/local/go-bootstrap";

/// Windows starts programs long before it has a network (`buildlet.md` 10.1).
const NETWORK_WAIT: &str = if cfg!(windows) { "5m" } else { "30s" };

/// Where the newest buildlet comes from, and how it is run.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct Stage0Args {
    /// Where the buildlet is, unless META_BUILDLET_BINARY_URL or the machine's metadata (buildlet-binary-url) say.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// What it must be: its SHA-256 in hex. Default: what the file at URL.sha256 says, which shows a broken download, and
    /// a forged one only as far as the way to that file can be trusted.
    #[arg(long, value_name = "HEX", value_parser = digest)]
    pub sha256: Option<[u8; 32]>,

    /// Run it even where no digest is known. A digest that is known and wrong is refused all the same.
    #[arg(long)]
    pub allow_unverified: bool,

    /// Certificates (PEM) to trust beside the public ones.
    #[arg(long, value_name = "PATH")]
    pub ca: Option<PathBuf>,

    /// The file it is kept in.
    #[arg(long, value_name = "PATH", default_value = "./buildlet.exe")]
    pub file: PathBuf,

    /// For how long the network may be away at the start, such as 30s or 5m.
    #[arg(long, value_name = "DURATION", default_value = NETWORK_WAIT, value_parser = duration)]
    pub network_wait: std::time::Duration,

    /// Fetch what is new and run again whenever it ends.
    #[arg(long = "loop")]
    pub again: bool,

    /// Only unpack this gzipped tar archive.
    #[arg(long, value_name = "FILE", requires = "untar_dest_dir")]
    pub untar_file: Option<PathBuf>,

    /// Where to.
    #[arg(long, value_name = "DIR", requires = "untar_file")]
    pub untar_dest_dir: Option<PathBuf>,

    /// What the buildlet is started with, behind --.
    #[arg(last = true, value_name = "OPTION")]
    pub options: Vec<OsString>,
}

fn digest(text: &str) -> Result<[u8; 32], String> {
    let decoded = hex::decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| "64 hex digits are a SHA-256".to_owned())
}

/// `90s`, `1m30s`, `5m`, `2h`: Go's way, as far as people write it by hand.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let bad = || "a duration is written like 30s, 5m or 1m30s".to_owned();
    let (mut seconds, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let at = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
        let number: u64 = rest[..at].parse().map_err(|_| bad())?;
        let unit = match rest.as_bytes()[at] {
            b'h' => 3600,
            b'm' => 60,
            b's' => 1,
            _ => return Err(bad()),
        };
        let part = number.checked_mul(unit).filter(|part| *part <= 24 * 3600);
        seconds += part.ok_or_else(bad)?;
        rest = &rest[at + 1..];
    }
    match text {
        "" => Err(bad()),
        _ => Ok(std::time::Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, seconds) in [
            ("30s", 30),
            ("5m", 300),
            ("1m30s", 90),
            ("2h", 7200),
            ("0s", 0),
        ] {
            assert_eq!(duration(text).unwrap().as_secs(), seconds);
        }
        for bad in ["", "5", "m", "1ms", "-1s", "99999999999999999999s", "25h"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn digests_are_whole() {
        assert!(digest(&"ab".repeat(32)).is_ok());
        assert!(digest(&"ab".repeat(31)).is_err());
        assert!(digest(&"zz".repeat(32)).is_err());
    }
}
