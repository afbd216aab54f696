//! The other hubs, and how a visitor of theirs gets there.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use farm_model::id::HubId;
use farm_wire::head::{Refusal, RequestHead};
use farm_wire::keys::MasterKey;
use farm_wire::link::{DialedLink, LinkDialer, name_of};
use farm_wire::stream::Duplex;
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::splice::{Terms, splice};

/// Visitors handed over at once.
const MAX_SPLICES: usize = 8192;
/// How long a hub that could not be reached is not asked again.
const REST: Duration = Duration::from_secs(1);
/// For the owner of a pick-up to answer it: well within the 20 s that the machine has for all of it.
const ANSWER: Duration = Duration::from_secs(10);

/// Where the hubs find each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerSettings {
    /// Where this one listens for the others: a private address.
    pub listen: Option<String>,
    /// Private addresses of hubs by id. One may be this hub's own: the same list is good for all.
    pub hubs: BTreeMap<HubId, String>,
}

impl PeerSettings {
    /// From `HUB_ID=HOST:PORT` each.
    ///
    /// # Errors
    /// One is not of that form, or a hub is named twice.
    pub fn parse(listen: Option<String>, peers: &[String]) -> anyhow::Result<Self> {
        let mut hubs = BTreeMap::new();
        for peer in peers.iter().map(|peer| peer.trim()) {
            let form = || format!("--peer {peer}: write HUB_ID=HOST:PORT, as in h2=10.0.0.2:8120");
            let (hub, address) = peer.split_once('=').with_context(form)?;
            let hub: HubId = hub.parse().with_context(form)?;
            let port = address.rsplit_once(':').and_then(|(host, port)| {
                (!host.is_empty())
                    .then(|| port.parse::<u16>().ok())
                    .flatten()
            });
            port.with_context(form)?;
            if hubs.insert(hub.clone(), address.to_owned()).is_some() {
                bail!("--peer {peer}: hub {hub} is named twice; two hubs cannot share an id");
            }
        }
        Ok(Self { listen, hubs })
    }
}

/// Hubs other than this one.
pub struct Others {
    hubs: BTreeMap<String, Other>,
    dialer: LinkDialer,
    places: Arc<Semaphore>,
}

/// One of them.
struct Other {
    address: String,
    /// When it could not be reached last.
    unreachable: Mutex<Option<Instant>>,
}

/// Where a visitor belongs.
pub struct Owner<'a> {
    hub: &'a str,
    other: &'a Other,
    others: &'a Others,
}

/// A way to the owner that is open: the visitor's bytes may go.
pub struct Passage {
    link: DialedLink,
    _place: OwnedSemaphorePermit,
}

impl Others {
    /// Those of `settings`, without `own`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(settings: &PeerSettings, own: &HubId, master: &MasterKey) -> anyhow::Result<Self> {
        let others = settings.hubs.iter().filter(|(hub, _)| *hub != own);
        let hubs = others.map(|(hub, address)| {
            let other = Other {
                address: address.clone(),
                unreachable: Mutex::default(),
            };
            (hub.to_string(), other)
        });
        Ok(Self {
            hubs: hubs.collect(),
            dialer: LinkDialer::new(own.as_str(), master)?,
            places: Arc::new(Semaphore::new(MAX_SPLICES)),
        })
    }

    /// The hub of that id, if it is another one that is known.
    pub fn owner(&self, hub: &str) -> Option<Owner<'_>> {
        let (hub, other) = self.hubs.get_key_value(hub)?;
        Some(Owner {
            hub,
            other,
            others: self,
        })
    }
}

impl Owner<'_> {
    /// Opens a way to the owner for a visitor from `peer` (for its log), within seconds.
    ///
    /// # Errors
    /// What to tell the visitor: there are too many, or the owner is away.
    pub async fn open(&self, peer: &str) -> Result<Passage, Refusal> {
        let place = Arc::clone(&self.others.places).try_acquire_owned();
        let place = place
            .map_err(|_| Refusal::new(503, "this hub hands over too many connections already"))?;
        let away = || Refusal::new(503, format!("hub {} cannot be reached", self.hub));
        if self.other.rests() {
            return Err(away());
        }
        match self.dial(peer).await {
            Ok(link) => {
                *self.other.unreachable.lock() = None;
                Ok(Passage {
                    link,
                    _place: place,
                })
            }
            Err(error) => {
                tracing::warn!(hub = %self.hub, address = %self.other.address, %error, "cannot reach a hub");
                *self.other.unreachable.lock() = Some(Instant::now());
                Err(away())
            }
        }
    }

    async fn dial(&self, peer: &str) -> io::Result<DialedLink> {
        let dialer = &self.others.dialer;
        let mut link = dialer.dial(&self.other.address, self.hub).await?;
        link.write_all(&name_of(peer)?).await?;
        Ok(link)
    }
}

impl Other {
    fn rests(&self) -> bool {
        self.unreachable
            .lock()
            .is_some_and(|since| since.elapsed() < REST)
    }
}

impl Passage {
    /// Lets the visitor through until it or the owner ends.
    ///
    /// # Errors
    /// Why it ended before its time.
    pub async fn pass<V: Duplex>(
        self,
        head: &RequestHead,
        visitor: V,
        now: SystemTime,
    ) -> io::Result<()> {
        let terms = Terms {
            answer: ANSWER,
            now,
        };
        splice(head, visitor, self.link, terms).await
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    fn parse(peers: &[&str]) -> anyhow::Result<PeerSettings> {
        let peers: Vec<String> = peers.iter().map(|peer| (*peer).to_owned()).collect();
        PeerSettings::parse(None, &peers)
    }

    fn others(peers: &[&str]) -> Others {
        let master = MasterKey::new(b"key").unwrap();
        Others::new(&parse(peers).unwrap(), &"h1".parse().unwrap(), &master).unwrap()
    }

    #[test]
    fn a_list_names_each_hub_once_and_may_name_this_one() {
        let others = others(&["h1=10.0.0.1:8120", "h2=10.0.0.2:8120", "h3=[::1]:8120"]);
        assert!(others.owner("h1").is_none());
        assert!(others.owner("h2").is_some() && others.owner("h3").is_some());
        for bad in ["h2", "h2=", "h2=host", "h2=:1", "=host:1", "h2=host:99999"] {
            let error = parse(&[bad]).unwrap_err();
            assert!(error.to_string().contains("HUB_ID=HOST:PORT"), "{error:#}");
        }
        let twice = parse(&["h2=a:1", "h2=b:1"]).unwrap_err().to_string();
        assert!(twice.contains("named twice"), "{twice}");
    }

    #[tokio::test]
    async fn a_hub_that_is_down_is_said_to_be_at_once_and_left_alone_for_a_moment() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let others = others(&[&format!("h2={address}")]);
        let owner = others.owner("h2").unwrap();
        let refused = owner.open("a machine").await.err().unwrap();
        assert_eq!(refused.to_string(), "503 hub h2 cannot be reached");
        // Somebody listens now, and is not asked yet.
        let again = TcpListener::bind(address).await.unwrap();
        assert!(owner.open("a machine").await.is_err());
        let asked = tokio::time::timeout(Duration::from_millis(50), again.accept()).await;
        assert!(asked.is_err(), "it was dialed");
    }

    #[tokio::test]
    async fn visitors_at_once_are_bounded() {
        let others = others(&["h2=127.0.0.1:1"]);
        let _all = others.places.try_acquire_many(MAX_SPLICES as u32).unwrap();
        let refused = others.owner("h2").unwrap().open("a machine").await;
        assert!(refused.err().unwrap().text.contains("too many"));
    }
}
