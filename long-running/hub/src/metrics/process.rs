//! The process, as every Prometheus client shows it.

use std::fmt;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;

/// Memory and open files are those that Linux shows in `/proc`; elsewhere they are left out.
#[derive(Debug)]
pub struct Process {
    /// Unix seconds.
    pub started: f64,
}

impl Collector for Process {
    fn encode(&self, mut to: DescriptorEncoder) -> fmt::Result {
        let mut gauge = |name, help, value: f64| {
            let mut metric = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
            metric.encode_gauge(&value)
        };
        gauge(
            "process_start_time_seconds",
            "When the hub started, in Unix seconds",
            self.started,
        )?;
        if let Some(bytes) = resident_memory() {
            gauge("process_resident_memory_bytes", "Resident memory", bytes)?;
        }
        if let Some(files) = open_files() {
            gauge("process_open_fds", "Open file descriptors", files)?;
        }
        Ok(())
    }
}

fn resident_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

fn open_files() -> Option<f64> {
    let entries = fs::read_dir("/proc/self/fd").ok()?;
    // One of them is the folder that is being read.
    u32::try_from(entries.count().saturating_sub(1))
        .ok()
        .map(f64::from)
}
