//! Several hubs behind one address: machines of 2019 dial it again for each pick-up and may reach any hub. A dialer's id
//! begins with its hub's; what belongs to another hub is handed over on a private port of that hub ([`farm_wire::link`]).

mod others;
mod private;
mod splice;

pub use others::{Others, Owner, PeerSettings};
pub use private::{Private, serve};
