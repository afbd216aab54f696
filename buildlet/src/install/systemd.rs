//! Units of systemd (`systemd.service(5)`, `systemd.exec(5)`).

use super::{MARK, Service};

/// The unit. It takes from the service what builds do not need, and nothing that they do: they may start namespaces, mount
/// file systems in those, use devices, change personalities and make set-id files, as tests of toolchains do. So most of what
/// protects `/proc` and `/sys` is left out: it would keep namespaces from mounting their own. A build that runs out of memory
/// ends alone.
pub fn unit(service: &Service) -> String {
    let command: Vec<String> = service.command.iter().map(|part| quoted(part)).collect();
    let user = service
        .run_as
        .as_ref()
        .map(|user| format!("User={user}\n"))
        .unwrap_or_default();
    let target = if service.run_as.is_some() {
        "multi-user.target"
    } else {
        "default.target"
    };
    format!(
        "# {MARK}; `buildlet uninstall` removes it.\n\
         [Unit]\n\
         Description=Farmhand buildlet: runs builds on this machine\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         ExecStart={}\n\
         {user}\
         Restart=always\n\
         RestartSec=5\n\
         RestartSteps=5\n\
         RestartMaxDelaySec=120\n\
         KillMode=mixed\n\
         OOMPolicy=continue\n\
         TimeoutStopSec=20\n\
         {}\
         \n\
         [Install]\n\
         WantedBy={target}\n",
        command.join(" "),
        hardening(service),
    )
}

/// Services of users cannot be given file systems of their own everywhere, and one that halts the machine needs its powers.
fn hardening(service: &Service) -> String {
    let system = "PrivateTmp=yes\n\
                  ProtectSystem=full\n\
                  ProtectKernelModules=yes\n";
    let mut lines = String::from("UMask=0022\n");
    if service.run_as.is_some() {
        lines += system;
    }
    if !service.powers {
        lines += "NoNewPrivileges=yes\n";
    }
    lines
}

/// One argument in double quotes, where it needs them: `%` and `$` would be replaced, `\\` and `\"` be taken away.
fn quoted(text: &str) -> String {
    let escaped = text.replace('%', "%%").replace('$', "$$");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+$".contains(c);
    if !text.is_empty() && escaped.chars().all(plain) {
        return escaped;
    }
    format!("\"{}\"", escaped.replace('\\', "\\\\").replace('"', "\\\""))
}
