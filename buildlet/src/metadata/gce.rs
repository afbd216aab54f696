//! The metadata server of a Google virtual machine.

use std::time::Duration;

use ureq::http::{Method, StatusCode};

use crate::fetch::{Answer, Cancel, FetchError, Fetcher, Limits};
use crate::vars::Vars;
use farm_wire::proxy::Proxies;

/// Names that address without asking a name server.
const ADDRESS: &str = "169.254.169.254";
/// Says another address, and that there is one.
const ELSEWHERE: &str = "GCE_METADATA_HOST";
const FLAVOR: (&str, &str) = ("Metadata-Flavor", "Google");
/// Attributes are certificates at most.
const MAX_VALUE: u64 = 1 << 20;

/// To find out whether it is there at all: outside a cloud nobody answers.
const PROBE: Limits = Limits {
    connect: Duration::from_millis(500),
    answer: Duration::from_millis(400),
    idle: Duration::from_millis(400),
    total: Duration::from_millis(400),
    tries: 1,
};
/// It is there, and may be slow while the machine boots.
const ASK: Limits = Limits {
    connect: Duration::from_secs(5),
    answer: Duration::from_secs(5),
    idle: Duration::from_secs(5),
    total: Duration::from_secs(5),
    tries: 4,
};

/// A metadata server.
pub(super) struct Gce {
    host: String,
    fetcher: Fetcher,
}

impl Gce {
    /// The one of this machine, if it has one. Blocks, for a second at most.
    pub(super) fn detect(vars: &Vars, cancel: &Cancel) -> Option<Self> {
        let at = |host: &str| Self {
            host: host.to_owned(),
            fetcher: Fetcher::new(Vec::new(), Proxies::none()),
        };
        if let Some(host) = vars.text(ELSEWHERE) {
            return Some(at(host));
        }
        let usual = at(ADDRESS);
        (crate::os::is_google_machine() || usual.answers(cancel)).then_some(usual)
    }

    fn answers(&self, cancel: &Cancel) -> bool {
        self.ask("", &PROBE, cancel)
            .is_ok_and(|answer| answer.field(FLAVOR.0) == Some(FLAVOR.1))
    }

    /// An attribute of this instance; `None` if it is not defined or empty.
    pub(super) fn attribute(
        &self,
        key: &str,
        cancel: &Cancel,
    ) -> Result<Option<String>, FetchError> {
        let path = format!("computeMetadata/v1/instance/attributes/{key}");
        match self.ask(&path, &ASK, cancel) {
            Ok(answer) => answer.text(MAX_VALUE).map(Some),
            Err(FetchError::Status(StatusCode::NOT_FOUND)) => Ok(None),
            Err(error) => Err(error),
        }
        .map(|value| value.filter(|text| !text.is_empty()))
    }

    fn ask(&self, path: &str, limits: &Limits, cancel: &Cancel) -> Result<Answer, FetchError> {
        let url = format!("http://{}/{path}", self.host);
        self.fetcher
            .ask(Method::GET, &url, &[FLAVOR], limits, cancel)
    }
}
