//! What a command's `env` asks of the network (`buildlet.md` 5.3, 5.7 and 8.6).

use std::io;

use crate::environment::Variable;
use crate::http::Form;
use crate::machine::Machine;
use crate::module_proxy::{self, ModuleProxy};
use crate::outbound;
use crate::vars::is_true;

/// Blocks the network, or opens a way to modules, if asked: variables for the command, and what must live as long as it.
pub(super) async fn prepare(
    machine: &Machine,
    body: &Form,
) -> io::Result<(Vec<Variable>, Option<ModuleProxy>)> {
    if asked(body, outbound::VARIABLE).is_some_and(is_true) {
        machine
            .outbound
            .block(machine.environment.own("PATH"))
            .await;
    }
    let wanted = asked(body, module_proxy::VARIABLE) == Some(module_proxy::COORDINATOR);
    let Some(upstream) = machine.modules.clone().filter(|_| wanted) else {
        return Ok((Vec::new(), None));
    };
    let (proxy, url) = ModuleProxy::start(upstream).await?;
    Ok((vec![("GOPROXY".into(), url.into())], Some(proxy)))
}

/// The first value that the client sent for a variable.
fn asked<'a>(body: &'a Form, name: &str) -> Option<&'a str> {
    body.all("env").find_map(|text| {
        let (key, value) = std::str::from_utf8(text).ok()?.split_once('=')?;
        (key == name).then_some(value)
    })
}
