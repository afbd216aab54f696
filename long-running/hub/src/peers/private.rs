//! The private port: what other hubs hand over to this one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use farm_model::id::HubId;
use farm_wire::head::{Refusal, read_request, write_refusal};
use farm_wire::keys::MasterKey;
use farm_wire::link::{LinkAcceptor, read_name};
use farm_wire::revdial::Dialers;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use farm_runtime::Clock;

/// Links on their way to be a pick-up or refused.
const MAX_HANDSHAKES: usize = 256;
/// For the head of what is handed over: it was read already.
const LIMIT: Duration = Duration::from_secs(5);
/// After the listener failed: there may be file descriptors again.
const PAUSE: Duration = Duration::from_millis(100);

/// A private port that is bound, and what is behind it.
pub struct Private {
    listener: TcpListener,
    links: LinkAcceptor,
    dialers: Dialers,
    clock: Clock,
}

impl Private {
    /// Binds `address` for `hub`, whose sessions are `dialers`.
    ///
    /// # Errors
    /// The address cannot be had, or there is no certificate for TLS.
    pub async fn bind(
        address: &str,
        (hub, master): (&HubId, &MasterKey),
        dialers: Dialers,
        clock: Clock,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen for other hubs on {address}; choose another with --peer-listen")
        })?;
        // Of this start alone: who is there is shown by the master key.
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["hub".to_owned()]).context("cannot make a certificate")?;
        let (certificate, key) = (cert.pem(), signing_key.serialize_pem());
        let links =
            LinkAcceptor::new(hub.as_str(), master, certificate.as_bytes(), key.as_bytes())?;
        Ok(Self {
            listener,
            links,
            dialers,
            clock,
        })
    }
}

/// Takes what is handed over, until it is dropped. Connections that were taken live on with their dials.
pub async fn serve(private: Private) {
    let private = Arc::new(private);
    let places = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let mut links = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        tokio::select! {
            accepted = private.listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    let private = Arc::clone(&private);
                    links.spawn(async move {
                        private.take(tcp).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "cannot accept other hubs' connections");
                    sleep(PAUSE).await;
                }
            },
            Some(ended) = links.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a link's task failed");
                }
            }
        }
    }
}

impl Private {
    async fn take(&self, tcp: TcpStream) {
        let address = tcp
            .peer_addr()
            .map_or_else(|_| "unknown".to_owned(), |address| address.to_string());
        if let Err(error) = self.answer(tcp).await {
            tracing::warn!(peer = %address, "a hub's connection came to nothing: {error:#}");
        }
    }

    async fn answer(&self, tcp: TcpStream) -> anyhow::Result<()> {
        let (hub, mut link) = self.links.accept(tcp).await?;
        let visitor = timeout(LIMIT, read_name(&mut link))
            .await
            .context("no visitor in time")??;
        let (head, mut stream) = read_request(link, LIMIT).await?;
        let now = SystemTime::try_from(self.clock.now()).unwrap_or(SystemTime::UNIX_EPOCH);
        // Never handed on once more: two hubs that each take the other for the owner would do so for ever.
        let done = match head.path() {
            // The dialers count what they refuse, whichever way it came.
            "/revdial" => self.dialers.pick_up(&head, stream, now).await,
            _ => {
                let refusal = Refusal::new(404, "404 page not found");
                drop(write_refusal(&mut stream, &refusal, now).await);
                drop(timeout(LIMIT, stream.shutdown()).await);
                Err(refusal)
            }
        };
        if let Err(refusal) = done {
            tracing::info!(%hub, peer = %visitor, %refusal, "what a hub handed over was refused");
        }
        Ok(())
    }
}
