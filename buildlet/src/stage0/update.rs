//! The buildlet's file: fetched when it changed, and trusted only by its digest.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::task::spawn_blocking;
use ureq::http::StatusCode;

use crate::args::Stage0Args;
use crate::fetch::{
    Cancel, DownloadError, Downloaded, FetchError, Fetcher, Limits, Sum, download, shown, sum_of,
};
use crate::os;

/// A line of `sha256sum` and no more.
const MAX_SUM_FILE: u64 = 4096;
const LIMITS: Limits = Limits {
    tries: 3,
    ..Limits::LARGE
};

/// What is fetched, and how it is known.
pub struct Update {
    fetcher: Arc<Fetcher>,
    url: String,
    file: PathBuf,
    pinned: Option<Sum>,
    allow_unverified: bool,
    /// What the file was when this process last made sure of it.
    verified: Option<Sum>,
}

impl Update {
    /// Nothing is fetched yet.
    #[must_use]
    pub fn new(fetcher: Fetcher, url: String, args: &Stage0Args) -> Self {
        Self {
            fetcher: Arc::new(fetcher),
            url,
            file: args.file.clone(),
            pinned: args.sha256,
            allow_unverified: args.allow_unverified,
            verified: None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks about it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn head(&self, limits: &Limits) -> Result<(), FetchError> {
        let (url, limits) = (self.url.clone(), *limits);
        self.blocking(move |fetcher, cancel| fetcher.head(&url, &limits, cancel).map(drop))
            .await
            .unwrap_or(Err(FetchError::Cancelled))
    }

    /// Makes sure that the file is the newest, or, if that cannot be had, the one that this process trusted before.
    ///
    /// # Errors
    /// There is nothing to be trusted.
    pub async fn fetch(&mut self) -> anyhow::Result<()> {
        let url = shown(&self.url);
        match self.newest().await {
            Ok(()) => Ok(()),
            Err(error) if self.is_as_verified() => {
                tracing::warn!("{error:#}; the one from before runs again");
                Ok(())
            }
            Err(error) => Err(error.context(format!("cannot run {url}"))),
        }
    }

    async fn newest(&mut self) -> anyhow::Result<()> {
        let expected = self.expected().await?;
        let (url, file) = (self.url.clone(), self.file.clone());
        let downloaded = self
            .blocking(move |fetcher, cancel| {
                download(fetcher, &url, &file, expected, &LIMITS, cancel)
            })
            .await?;
        match downloaded {
            Ok(Downloaded::New) => tracing::info!(url = %shown(&self.url), "a new buildlet"),
            Ok(Downloaded::Unchanged) => tracing::info!("the buildlet is unchanged"),
            Err(DownloadError::Local(error)) => {
                return Err(error).with_context(|| format!("cannot write {}", self.file.display()));
            }
            Err(error) => return Err(error.into()),
        }
        os::make_program(&self.file)
            .with_context(|| format!("cannot make {} a program", self.file.display()))?;
        self.verified = sum_of(&self.file).ok();
        Ok(())
    }

    /// What it must be; `None` only where that is allowed.
    async fn expected(&self) -> anyhow::Result<Option<Sum>> {
        if self.pinned.is_some() {
            return Ok(self.pinned);
        }
        let url = beside(&self.url);
        let asked = url.clone();
        let text = self
            .blocking(move |fetcher, cancel| {
                let answer = fetcher.get(&asked, &LIMITS, cancel)?;
                answer.text(MAX_SUM_FILE)
            })
            .await?;
        match text {
            Ok(text) => sum_in(&text)
                .map(Some)
                .with_context(|| format!("{} holds no SHA-256", shown(&url))),
            Err(FetchError::Status(StatusCode::NOT_FOUND)) if self.allow_unverified => {
                tracing::warn!("--allow-unverified: nothing says what the buildlet must be");
                Ok(None)
            }
            Err(FetchError::Status(StatusCode::NOT_FOUND)) => bail!(
                "nothing says what it must be: give --sha256, put its digest at {}, or allow it with --allow-unverified",
                shown(&url)
            ),
            Err(error) => Err(error).with_context(|| shown(&url)),
        }
    }

    fn is_as_verified(&self) -> bool {
        self.verified.is_some() && sum_of(&self.file).ok() == self.verified
    }

    /// On a thread that may block, which ends when nobody waits any more.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Fetcher, &Cancel) -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        let (fetcher, cancel) = (self.fetcher.clone(), Cancel::default());
        let _ends_with_this_call = cancel.on_drop();
        Ok(spawn_blocking(move || work(&fetcher, &cancel)).await?)
    }
}

/// The digest's URL: `.sha256` behind the path, before a query.
fn beside(url: &str) -> String {
    let at = url.find(['?', '#']).unwrap_or(url.len());
    format!("{}.sha256{}", &url[..at], &url[at..])
}

/// The digest alone, or with a name behind it as `sha256sum` writes.
fn sum_in(text: &str) -> Option<Sum> {
    let first = text.split_whitespace().next()?;
    hex::decode(first).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_stands_beside_its_file() {
        assert_eq!(beside("http://a/b"), "http://a/b.sha256");
        assert_eq!(beside("http://a/b?c=d"), "http://a/b.sha256?c=d");
    }

    #[test]
    fn digests_are_read_as_sha256sum_writes_them() {
        let hex = "0f".repeat(32);
        for text in [
            hex.clone(),
            format!("{hex}  buildlet\n"),
            format!("{} *b", hex.to_uppercase()),
        ] {
            assert_eq!(sum_in(&text), Some([0x0f; 32]), "{text}");
        }
        assert_eq!(sum_in(""), None);
        assert_eq!(sum_in("<html>"), None);
        assert_eq!(sum_in(&hex[2..]), None);
    }
}
