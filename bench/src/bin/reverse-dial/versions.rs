//! What depends on the version of reverse dialing.

use std::sync::Arc;

use farm_wire::head::write_101_for;
use farm_wire::revdial::listener::{Incoming, Listening, listen, register};
use farm_wire::revdial::{Dialer, Dialers, Session};
use farm_wire::reverse::{Claim, Mode, Request, RevdialVersion};
use farm_wire::stream::{Connect, Duplex};

/// As on the command line.
pub fn parse(text: &str) -> Result<RevdialVersion, String> {
    match text {
        "2" => Ok(RevdialVersion::V2),
        "3" => Ok(RevdialVersion::V3),
        _ => Err("machines register with version 2 or 3".to_owned()),
    }
}

/// The version's number.
pub fn number(version: RevdialVersion) -> u8 {
    version.number()
}

/// A machine's registration.
pub fn request(hostname: String, revdial: RevdialVersion) -> Request {
    Request {
        host: "localhost".to_owned(),
        hostname,
        claim: Claim::HostType(Mode {
            name: "host-simulated".to_owned(),
            key: "none".to_owned(),
        }),
        version: 23,
        revdial,
    }
}

/// Registers and runs the session beside `serve`, which gets what the hub opens.
pub async fn attend<F: Future<Output = ()>>(
    connect: Arc<dyn Connect>,
    request: &Request,
    serve: impl FnOnce(Incoming) -> F,
) -> String {
    let control = match register(&*connect, request).await {
        Ok(control) => control,
        Err(error) => return error.to_string(),
    };
    let Listening {
        incoming,
        renewals: _renewals,
        session,
    } = listen(control, connect, "localhost");
    tokio::select! {
        end = session.run() => end.to_string(),
        () = serve(incoming) => "nothing more came".to_owned(),
    }
}

/// The hub's answer to a registration, and its session.
pub async fn open<S: Duplex>(
    dialers: &Dialers,
    mut control: S,
    version: RevdialVersion,
) -> std::io::Result<(Dialer, Session<S>)> {
    write_101_for(&mut control, version).await?;
    dialers.open(version, control)
}
