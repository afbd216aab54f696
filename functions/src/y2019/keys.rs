//! The keys of 2019: a builder's is derived from the master key and its name, and never ends (spec `dashboard.md` 3).

use axum::http::StatusCode;
use farm_runtime::Vars;
use farm_wire::keys::{MasterKey, verify_2019};
use subtle::ConstantTimeEq;

use super::envelope::Refusal;

/// Keys of builders, where `FARM_BUILDER_MASTER_KEY` switches them on. None is ever told or logged.
pub(crate) struct BuilderKeys(Option<(MasterKey, String)>);

impl BuilderKeys {
    pub(crate) fn read(vars: &Vars) -> anyhow::Result<Self> {
        let text = vars.read("FARM_BUILDER_MASTER_KEY")?;
        let both = |text: String| MasterKey::new(text.as_bytes()).map(|key| (key, text));
        Ok(Self(text.map(both).transpose()?))
    }

    /// Whether `key` is the one of `builder`. The master key itself is no builder's.
    ///
    /// # Errors
    /// It is not, or keys are switched off.
    pub(crate) fn check(&self, builder: &str, key: &str) -> Result<(), Refusal> {
        let (master, _) = self.on()?;
        match verify_2019(master, key, builder) {
            true => Ok(()),
            false => Err(refused(format!("invalid key for builder {builder:?}"))),
        }
    }

    /// Whether `key` is the master key, which mirrors of 2019 have; `otherwise` says what it is needed for.
    ///
    /// # Errors
    /// It is not, or keys are switched off.
    pub(crate) fn check_master(&self, key: &str, otherwise: &str) -> Result<(), Refusal> {
        let (_, master) = self.on()?;
        match bool::from(master.as_bytes().ct_eq(key.trim().as_bytes())) {
            true => Ok(()),
            false => Err(refused(otherwise.to_owned())),
        }
    }

    fn on(&self) -> Result<&(MasterKey, String), Refusal> {
        let off = || refused("keys of builders are switched off here: send a token".to_owned());
        self.0.as_ref().ok_or_else(off)
    }
}

fn refused(text: String) -> Refusal {
    Refusal::of(StatusCode::UNAUTHORIZED, text)
}
