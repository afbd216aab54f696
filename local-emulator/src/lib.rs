//! A Pub/Sub-compatible server on disk, a function host, a machine pool, and farm up.
