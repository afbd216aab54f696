//! Connections by id.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex};

/// What a connection may hold that its user, or the machine, has not read yet.
const MAX_BUFFERED: usize = 1 << 20;

/// Where what the machine writes goes.
pub(super) type Inlet = WriteHalf<DuplexStream>;
/// Where what the user writes comes from.
pub(super) type Outlet = ReadHalf<DuplexStream>;

/// The connections of one session. An entry stays until its user closes it, even if the machine closed it before.
#[derive(Default)]
pub(super) struct Table(Mutex<Ids>);

#[derive(Default)]
struct Ids {
    /// No inlet: it is being written to, or the machine closed the connection.
    open: HashMap<u32, Option<Inlet>>,
    last: u32,
    ended: bool,
}

impl Table {
    /// A new connection: its id, the user's end, and what the user writes. `None` once the session ended.
    pub fn open(&self) -> Option<(u32, DuplexStream, Outlet)> {
        let mut ids = self.0.lock();
        if ids.ended {
            return None;
        }
        // How many are open is bounded by the session's places: there is always a free one.
        let id = loop {
            ids.last = ids.last.wrapping_add(1);
            if !ids.open.contains_key(&ids.last) {
                break ids.last;
            }
        };
        let (near, far) = duplex(MAX_BUFFERED);
        let (outlet, inlet) = tokio::io::split(far);
        ids.open.insert(id, Some(inlet));
        Some((id, near, outlet))
    }

    /// Takes the inlet to write to it, if the connection is known and open.
    pub fn take(&self, id: u32) -> Option<Inlet> {
        self.0.lock().open.get_mut(&id)?.take()
    }

    /// Puts it back, unless the user closed the connection meanwhile.
    pub fn put(&self, id: u32, inlet: Inlet) {
        if let Some(place) = self.0.lock().open.get_mut(&id) {
            *place = Some(inlet);
        }
    }

    /// The user closed the connection: its id is free.
    pub fn close(&self, id: u32) {
        self.0.lock().open.remove(&id);
    }

    /// Ends all connections, and opens no more.
    pub fn end(&self) {
        let mut ids = self.0.lock();
        ids.ended = true;
        ids.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_from_one_wrap_and_skip_those_in_use() {
        let table = Table::default();
        let first = table.open().unwrap();
        assert_eq!((first.0, table.open().unwrap().0), (1, 2));
        table.0.lock().last = u32::MAX - 1;
        let ids: Vec<u32> = (0..4).map(|_| table.open().unwrap().0).collect();
        assert_eq!(ids, [u32::MAX, 0, 3, 4]);
        table.close(3);
        table.0.lock().last = 2;
        assert_eq!(table.open().unwrap().0, 3);
        table.end();
        assert!(table.open().is_none());
    }
}
