//! The Android emulator (`buildlet.md` 9.4): without it commands of such a machine can do nothing.

use std::process::Stdio;
use std::sync::Arc;

use anyhow::Context;
use parking_lot::Mutex;
use tokio::process::{Child, Command};

use crate::vars::Vars;

const FAMILY: &str = "android-amd64-emu";
/// Where the SDK is, unless `ANDROID_HOME` says otherwise.
const SDK: &str = "/android/sdk";
/// Without a screen, and with nothing kept from the last time.
const ARGS: [&str; 8] = [
    "@android-avd",
    "-no-audio",
    "-no-window",
    "-no-boot-anim",
    "-no-snapshot-save",
    "-wipe-data",
    "-gpu",
    "off",
];

/// A running emulator. It is killed when this value is dropped.
#[derive(Clone)]
pub struct Emulator(Arc<Mutex<Child>>);

impl Emulator {
    /// Starts it, if this machine is one of those.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn of_family(vars: &Vars) -> anyhow::Result<Option<Self>> {
        match vars.machine_family() {
            FAMILY => {
                let sdk = vars.text("ANDROID_HOME").unwrap_or(SDK);
                Self::start(&format!("{sdk}/emulator/emulator"), &ARGS).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn start(program: &str, args: &[&str]) -> anyhow::Result<Self> {
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {program}"))?;
        Ok(Self(Arc::new(Mutex::new(child))))
    }

    /// Why commands cannot run, if it has ended: for good, whatever the reason was.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let why = match self.0.lock().try_wait() {
            Ok(None) => return None,
            Ok(Some(status)) => status.to_string(),
            Err(error) => error.to_string(),
        };
        Some(format!("android emulator not running: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn an_emulator_that_ended_is_named_as_the_reason() {
        use std::time::{Duration, Instant};

        let emulator = Emulator::start("/bin/sh", &["-c", "exec sleep 1000"]).unwrap();
        assert_eq!(emulator.failure(), None);
        drop(emulator.0.lock().start_kill());
        let until = Instant::now() + Duration::from_secs(60);
        let failure = loop {
            match emulator.failure() {
                Some(failure) => break failure,
                None => assert!(Instant::now() < until, "it does not end"),
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
        assert_eq!(failure, "android emulator not running: signal: 9 (SIGKILL)");
    }

    #[tokio::test]
    async fn only_machines_of_that_family_have_one() {
        assert!(Emulator::of_family(&Vars::default()).unwrap().is_none());
        let vars = Vars::of([("GO_BUILDER_ENV", FAMILY)]);
        let error = Emulator::of_family(&vars).err().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot start /android/sdk/emulator/emulator"
        );
    }
}
