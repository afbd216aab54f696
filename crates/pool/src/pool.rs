//! The pools of a farm, whoever makes their machines.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use farm_core::pool::{CreateError, Found, MachinePool, PoolError};
use farm_model::Timestamp;
use farm_model::id::{MachineName, PoolName};

use crate::boot::Boot;
#[cfg(feature = "aws")]
use crate::ec2::Ec2;
use crate::gce::Gce;
use crate::kubernetes::Kubernetes;
use crate::make::Make;
use crate::settings::{PoolKind, PoolSettings, Settings};

/// Why a pool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// What is believed is no certificate.
    #[error("no certificate in PEM: {0}")]
    Ca(String),
    /// There is no HTTP client.
    #[error("cannot make an HTTP client: {0}")]
    Client(String),
    /// It is said nowhere where the API is.
    #[error("{path}: {error}; outside of a cluster `endpoint` says where its API is")]
    Cluster {
        /// What a pod finds in every cluster.
        path: &'static str,
        /// What happened.
        error: std::io::Error,
    },
    /// This program cannot.
    #[error("this program was built without AWS: build it with --features aws")]
    NoAws,
}

/// Says what time it is.
pub(crate) type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// All pools of a farm.
#[derive(Debug)]
pub struct Pools(BTreeMap<PoolName, Pool>);

impl Pools {
    /// As `settings` say; `now` says what time it is. Nobody is asked anything yet.
    ///
    /// # Errors
    /// [`OpenError`], with the pool that it is about.
    pub fn open(
        settings: &Settings,
        now: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Result<Self, (PoolName, OpenError)> {
        let (boot, now): (_, Now) = (Boot::new(settings), Arc::new(now));
        let open = |(name, pool): (&PoolName, &PoolSettings)| {
            let opened = Pool::open(pool, &settings.farm, &boot, &now);
            let opened = opened.map_err(|error| (name.clone(), error))?;
            Ok((name.clone(), opened))
        };
        settings
            .pools
            .iter()
            .map(open)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The pool of that name.
    #[must_use]
    pub fn get(&self, name: &PoolName) -> Option<&Pool> {
        self.0.get(name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&PoolName, &Pool)> {
        self.0.iter()
    }
}

/// One pool.
pub struct Pool {
    most: u32,
    kind: Kind,
}

/// Nothing of what it holds: it may know who we are.
impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(…)")
    }
}

enum Kind {
    Gce(Gce),
    #[cfg(feature = "aws")]
    Ec2(Ec2),
    Kubernetes(Kubernetes),
}

/// The same question to whichever it is.
macro_rules! each {
    ($kind:expr, $pool:ident => $answer:expr) => {
        match $kind {
            Kind::Gce($pool) => $answer,
            #[cfg(feature = "aws")]
            Kind::Ec2($pool) => $answer,
            Kind::Kubernetes($pool) => $answer,
        }
    };
}

impl Pool {
    fn open(
        settings: &PoolSettings,
        farm: &str,
        boot: &Boot,
        now: &Now,
    ) -> Result<Self, OpenError> {
        let kind = match &settings.kind {
            PoolKind::Gce(gce) => Kind::Gce(Gce::open(gce, farm, boot)?),
            #[cfg(feature = "aws")]
            PoolKind::Ec2(ec2) => Kind::Ec2(Ec2::open(ec2, farm, boot, now)?),
            #[cfg(not(feature = "aws"))]
            PoolKind::Ec2(_) => return Err(OpenError::NoAws),
            PoolKind::Kubernetes(pods) => {
                Kind::Kubernetes(Kubernetes::open(pods, farm, boot, now)?)
            }
        };
        Ok(Self {
            most: settings.most,
            kind,
        })
    }

    /// Never more machines of this farm in it.
    #[must_use]
    pub fn most(&self) -> usize {
        usize::try_from(self.most).unwrap_or(usize::MAX)
    }
}

impl MachinePool for Pool {
    type Order = Make;

    async fn create(&self, make: &Make) -> Result<String, CreateError> {
        each!(&self.kind, pool => pool.create(make).await)
    }

    async fn list(&self) -> Result<Vec<Found>, PoolError> {
        each!(&self.kind, pool => pool.list().await)
    }

    async fn delete(&self, name: &MachineName, place: Option<&str>) -> Result<(), PoolError> {
        each!(&self.kind, pool => pool.delete(name, place).await)
    }
}
