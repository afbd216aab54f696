//! The farm's pages over HTTP. Every request has a deadline, every answer a limit.

mod error;
mod log;
mod y2019;

use std::net::IpAddr;
use std::time::Duration;

use farm_model::id::{AttemptKey, BuildId, BuilderName, CommandId, CommitId, RepoName};
use farm_model::message::command::Ask;
use farm_model::view::{
    AuditView, BuildView, BuilderView, FarmView, FlakesView, GridView, StatusView,
};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

pub use error::ServerError;
pub use log::LogPiece;

use crate::text::{cut, plain};

const CONNECT: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Of a whole document. A log may take longer, as long as it keeps coming.
const WHOLE: Duration = Duration::from_secs(60);
/// Of a document, in bytes.
const LARGEST: usize = 32 << 20;
/// What is shown of an answer that was not expected, in characters.
const EXCERPT: usize = 200;

/// Which farm is asked.
#[derive(Debug, Clone, clap::Args)]
pub struct ServerArgs {
    /// Where the farm's pages are [default: those of the `farm up` that uses ./.farm, else http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", env = "FARM_SERVER", value_parser = address)]
    server: Option<Url>,
}

/// What `farm up` writes into its data folder while it runs.
const NOTE: &str = ".farm/address";
/// Where `farm up` serves pages unless the port is busy.
const USUAL: &str = "http://127.0.0.1:8080/";

/// A farm that can be asked.
#[derive(Debug, Clone)]
pub struct Server {
    base: Url,
    client: Client,
}

/// The old answer of a command. 2019's clients know it too, hence the names.
#[derive(Debug, Deserialize)]
pub struct Envelope {
    /// Empty when all is well.
    #[serde(rename = "Error")]
    pub error: String,
}

impl ServerArgs {
    /// Whether the farm runs on this computer.
    pub fn is_local(&self) -> bool {
        self.url().is_ok_and(|url| is_local(&url))
    }

    /// What was given; or else what a farm in this folder says, which a busy port may have moved; or else the usual.
    fn url(&self) -> Result<Url, ServerError> {
        if let Some(given) = &self.server {
            return Ok(given.clone());
        }
        let note = std::fs::read_to_string(NOTE).ok();
        let noted = note.and_then(|note| address(note.trim()).ok());
        match noted.filter(is_local) {
            Some(url) => Ok(url),
            None => address(USUAL).map_err(ServerError::Never),
        }
    }

    /// Gets ready to ask; nothing is sent yet.
    ///
    /// # Errors
    /// The system's TLS is not usable.
    pub fn open(&self) -> Result<Server, ServerError> {
        use_ring();
        let base = self.url()?;
        let mut builder = Client::builder()
            .user_agent(concat!("farm/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(redirect::Policy::limited(5));
        if is_local(&base) {
            // A company's proxy cannot reach this computer.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|error| ServerError::Never(format!("cannot speak HTTP: {error}")))?;
        Ok(Server { base, client })
    }
}

impl Server {
    /// The front page's document.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn farm(&self) -> Result<FarmView, ServerError> {
        let url = self.url(&["api", "farm"]);
        let nothing = || {
            let text = "tells nothing: the farm is just starting, or this is no farm";
            ServerError::Never(format!("{} {text}", self.base))
        };
        self.document(url).await?.ok_or_else(nothing)
    }

    /// How the farm and its coordinator are doing.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn status(&self) -> Result<StatusView, ServerError> {
        let url = self.url(&["api", "status"]);
        let nothing = || {
            let text = "tells no status: the farm is just starting, or is of an older version";
            ServerError::Never(format!("{} {text}", self.base))
        };
        self.document(url).await?.ok_or_else(nothing)
    }

    /// Commits by builders of one branch, if there is such a page.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn grid(
        &self,
        repo: &RepoName,
        branch: &str,
    ) -> Result<Option<GridView>, ServerError> {
        let mut url = self.url(&["api", "grid"]);
        url.query_pairs_mut()
            .append_pair("repo", repo.as_str())
            .append_pair("branch", branch);
        self.document(url).await
    }

    /// Everything about one build, if it is known.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn build(&self, id: &BuildId) -> Result<Option<BuildView>, ServerError> {
        self.document(self.url(&["api", "build", id.as_str()]))
            .await
    }

    /// What a builder has done lately, if the farm tells it.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn builder(&self, name: &BuilderName) -> Result<Option<BuilderView>, ServerError> {
        self.document(self.url(&["api", "builder", name.as_str()]))
            .await
    }

    /// The address of a page for people.
    pub fn page(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url.into()
    }

    /// The log of an attempt from byte `from` on; none if there is no log.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn log(&self, key: &AttemptKey, from: u64) -> Result<Option<LogPiece>, ServerError> {
        let (run, attempt) = (key.run.to_string(), key.attempt.to_string());
        let mut url = self.url(&["log", key.build.as_str(), &run, key.job.as_str(), &attempt]);
        url.query_pairs_mut().append_pair("from", &from.to_string());
        let response = self.send(self.client.get(url)).await?;
        let response = self.present(response).await?;
        Ok(response.map(|response| LogPiece::new(response, from)))
    }

    /// Asks for a builder's result of a commit to be forgotten, which builds it anew.
    ///
    /// # Errors
    /// No usable answer; a refusal is in the envelope.
    pub async fn clear(
        &self,
        builder: &BuilderName,
        commit: &CommitId,
        token: &str,
    ) -> Result<Envelope, ServerError> {
        let mut url = self.url(&["clear-results"]);
        url.query_pairs_mut()
            .append_pair("builder", builder.as_str())
            .append_pair("hash", commit.as_str());
        let request = self.client.post(url).bearer_auth(token).timeout(WHOLE);
        let response = self.send(request).await?;
        let status = response.status();
        let body = self.body(response).await?;
        self.envelope(status, &body)
    }

    /// Asks for something; the command's id, or why it is refused.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn command(
        &self,
        ask: &Ask,
        token: &str,
    ) -> Result<Result<CommandId, String>, ServerError> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Answer {
            Accepted { command: CommandId },
            Refused { error: String },
        }
        let url = self.url(&["api", "commands"]);
        let request = self.client.post(url).bearer_auth(token).timeout(WHOLE);
        let response = self.send(request.json(ask)).await?;
        let status = response.status();
        let body = self.body(response).await?;
        match serde_json::from_slice(&body) {
            Ok(Answer::Accepted { command }) if status.is_success() => Ok(Ok(command)),
            Ok(Answer::Refused { error }) if status.is_client_error() => Ok(Err(error)),
            _ => Err(self.unexpected(status, &body)),
        }
    }

    /// What people asked for, told to who may ask.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn audit(&self, token: &str) -> Result<AuditView, ServerError> {
        self.existing("audit", |request| request.bearer_auth(token))
            .await
    }

    /// Tests that fail by chance.
    ///
    /// # Errors
    /// No usable answer.
    pub async fn flakes(&self) -> Result<FlakesView, ServerError> {
        self.existing("flakes", |request| request).await
    }

    async fn existing<T: DeserializeOwned>(
        &self,
        name: &str,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, ServerError> {
        let request = self.client.get(self.url(&["api", name]));
        let found = self.document_of(with(request)).await?;
        found.ok_or_else(|| {
            let text = "tells nothing of that yet: its coordinator has not written it";
            ServerError::Never(format!("{} {text}", self.base))
        })
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        // Only a URL without a host has no path, and `address` refuses those.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    /// A JSON document; none where there is none.
    async fn document<T: DeserializeOwned>(&self, url: Url) -> Result<Option<T>, ServerError> {
        self.document_of(self.client.get(url)).await
    }

    async fn document_of<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<Option<T>, ServerError> {
        let response = self.send(request.timeout(WHOLE)).await?;
        let path = response.url().path().to_owned();
        let Some(response) = self.present(response).await? else {
            return Ok(None);
        };
        let page = is_page(response.headers());
        let body = self.body(response).await?;
        serde_json::from_slice(&body).map(Some).map_err(|error| {
            let why = if page {
                "it is a page for people".to_owned()
            } else {
                error.to_string()
            };
            let text = "is not what this farm command understands";
            ServerError::Never(format!("{path} of {} {text}: {why}", self.base))
        })
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ServerError> {
        let sent = request.send().await;
        sent.map_err(|error| ServerError::of_request(&self.base, &error))
    }

    /// The answer if it is a good one; none if there is nothing at that address.
    async fn present(&self, response: Response) -> Result<Option<Response>, ServerError> {
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(response)),
            status => {
                let body = self.body(response).await?;
                Err(self.unexpected(status, &body))
            }
        }
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, ServerError> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| ServerError::of_request(&self.base, &error))? {
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body),
            }
            if body.len() > LARGEST {
                let text = format!("{} answers more than {LARGEST} bytes", self.base);
                return Err(ServerError::Never(text));
            }
        }
    }

    fn unexpected(&self, status: StatusCode, body: &[u8]) -> ServerError {
        let said = plain(String::from_utf8_lossy(body).trim());
        let text = format!("{} answers {status}: {}", self.base, cut(&said, EXCERPT));
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            ServerError::Again(text)
        } else {
            ServerError::Never(text)
        }
    }
}

/// `--server`, checked before anything is sent.
fn address(text: &str) -> Result<Url, String> {
    let form = "write http://HOST:PORT or https://HOST";
    let url = Url::parse(text).map_err(|error| format!("{error}: {form}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(form.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("a secret does not belong in an address: {form}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("nothing may follow the path: {form}"));
    }
    Ok(url)
}

fn is_local(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn is_page(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

/// The HTTP client was built without a TLS provider and asks for the process's, even for plain text. If there is one
/// already, it stays.
fn use_ring() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> ServerArgs {
        ServerArgs {
            server: Some(address(text).unwrap()),
        }
    }

    #[test]
    fn an_address_is_http_without_secrets() {
        for bad in [
            "",
            "localhost:8080",
            "127.0.0.1:8080",
            "ftp://h",
            "http://me:secret@h",
            "http://h/?a=b",
        ] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_farm_may_live_below_a_path() {
        for base in ["http://h/farm", "http://h/farm/"] {
            let server = args(base).open().unwrap();
            let url = server.url(&["api", "build", "a/b"]);
            assert_eq!(url.as_str(), "http://h/farm/api/build/a%2Fb");
        }
    }

    #[test]
    fn this_computer_has_several_names() {
        for local in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(args(local).is_local(), "{local}");
        }
        assert!(!args("https://farm.example.org").is_local());
    }
}
