//! An emulator in this process, and what is asked of it.

use farm_gcs_emulator::{Emulator, Options};
use reqwest::{Client, Method, RequestBuilder, Response};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// A running emulator; ended, in no order, when dropped.
pub struct Server {
    pub url: String,
    stop: Option<oneshot::Sender<()>>,
    running: JoinSet<()>,
    client: Client,
}

pub fn client() -> Client {
    // Another test may have set it already.
    let _set = rustls::crypto::ring::default_provider().install_default();
    Client::builder().build().unwrap()
}

impl Server {
    pub async fn start(options: Options) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let emulator = Emulator::open(options).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let mut running = JoinSet::new();
        running.spawn(async move {
            let asked = async {
                let _asked_or_dropped = stopped.await;
            };
            emulator.serve(listener, asked).await.unwrap();
        });
        Self {
            url,
            stop: Some(stop),
            running,
            client: client(),
        }
    }

    /// In memory.
    pub async fn new() -> Self {
        Self::start(Options::default()).await
    }

    /// Ends it in order.
    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.running.join_next().await.unwrap().unwrap();
    }

    /// A request to `path`, encoded as in a URL, with these headers.
    pub fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request(Method::GET, path, headers)
            .send()
            .await
            .unwrap()
    }

    /// Writes `text`.
    pub async fn put(&self, path: &str, text: &str, headers: &[(&str, &str)]) -> Response {
        let request = self.request(Method::PUT, path, headers);
        request.body(text.to_owned()).send().await.unwrap()
    }

    pub async fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request(Method::DELETE, path, headers)
            .send()
            .await
            .unwrap()
    }

    pub async fn text(&self, path: &str) -> String {
        let response = self.get(path, &[]).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }
}

pub fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value
        .unwrap_or_else(|| panic!("no {name}"))
        .to_str()
        .unwrap()
}

/// That it was refused, with this status and code.
pub async fn refused(response: Response, status: u16, code: &str) {
    assert_eq!(response.status(), status, "{code}");
    assert_eq!(
        header(&response, "content-type"),
        "application/xml; charset=UTF-8"
    );
    let text = response.text().await.unwrap();
    assert!(
        text.contains(&format!("<Error><Code>{code}</Code><Message>")),
        "{text}"
    );
}

/// The texts of all elements of that name, in order.
pub fn all(xml: &str, element: &str) -> Vec<String> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let parts = xml.split(&open).skip(1);
    parts
        .map(|part| part.split(&close).next().unwrap().to_owned())
        .collect()
}
