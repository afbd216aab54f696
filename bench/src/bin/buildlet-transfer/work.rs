//! One round of work on one buildlet.

use std::io::Cursor;
use std::time::{Duration, Instant};

use farm_wire::client::{Client, Exec};

use super::tree::{Archive, Trees};

/// What was measured so far.
#[derive(Default)]
pub struct Figures {
    /// MB of files a second.
    pub upload: Vec<f64>,
    /// MB of the archive a second.
    pub upload_packed: Vec<f64>,
    /// MB of files a second.
    pub download: Vec<f64>,
    /// Small files a second.
    pub small_files: Vec<f64>,
    /// Microseconds of each command, all rounds.
    pub exec: Vec<f64>,
}

/// Uploads both trees, downloads the large one, runs `calls` commands over one connection.
pub async fn round(client: &Client, trees: &Trees, calls: u32, figures: &mut Figures) {
    client.remove_all(&["large", "small"]).await.unwrap();
    let seconds = upload(client, &trees.large, "large").await;
    figures
        .upload
        .push(trees.large.content as f64 / 1e6 / seconds);
    figures
        .upload_packed
        .push(trees.large.bytes.len() as f64 / 1e6 / seconds);
    let began = Instant::now();
    let download = client.get_tar("large").await.unwrap();
    download.copy_to(&mut tokio::io::sink()).await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    figures
        .download
        .push(trees.large.content as f64 / 1e6 / seconds);
    let seconds = upload(client, &trees.small, "small").await;
    figures
        .small_files
        .push(trees.small.entries as f64 / seconds);
    let mut command = Exec::new("true", Duration::from_secs(60));
    command.system_level = true;
    for _ in 0..calls {
        let began = Instant::now();
        let ended = client.exec(&command, &mut tokio::io::sink()).await.unwrap();
        figures.exec.push(began.elapsed().as_secs_f64() * 1e6);
        ended.unwrap();
    }
}

async fn upload(client: &Client, archive: &Archive, dir: &str) -> f64 {
    let began = Instant::now();
    let body = Cursor::new(archive.bytes.clone());
    client.put_tar(body, dir, |_| {}).await.unwrap();
    began.elapsed().as_secs_f64()
}
