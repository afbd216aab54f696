//! Scripts of rc.d (`rc.subr(8)` of each BSD). Not tried there; a shell reads them in our tests.

use super::{MARK, Service};

/// `FreeBSD`: daemon(8) starts it again whenever it ends.
pub fn freebsd(service: &Service) -> String {
    let (name, variable) = (&service.name, variable(&service.name));
    let user = service.run_as.as_deref().unwrap_or("root");
    format!(
        "#!/bin/sh\n\
         # {MARK}\n\
         #\n\
         # PROVIDE: {name}\n\
         # REQUIRE: NETWORKING LOGIN\n\
         # KEYWORD: shutdown\n\
         \n\
         . /etc/rc.subr\n\
         \n\
         name={variable}\n\
         rcvar={variable}_enable\n\
         load_rc_config $name\n\
         : ${{{variable}_enable:=NO}}\n\
         \n\
         pidfile=/var/run/{name}.pid\n\
         command=/usr/sbin/daemon\n\
         command_args={}\n\
         run_rc_command \"$1\"\n",
        quoted(&format!(
            "-S -T {name} -r -R 5 -P /var/run/{name}.pid -u {user} {}",
            line(&service.command)
        )),
    )
}

/// `NetBSD`: the loop is the script's own.
pub fn netbsd(service: &Service) -> String {
    let (name, variable) = (&service.name, variable(&service.name));
    format!(
        "#!/bin/sh\n\
         # {MARK}\n\
         #\n\
         # PROVIDE: {name}\n\
         # REQUIRE: NETWORKING LOGIN\n\
         # KEYWORD: shutdown\n\
         \n\
         . /etc/rc.subr\n\
         \n\
         name={variable}\n\
         rcvar={variable}\n\
         command=/bin/sh\n\
         start_cmd={variable}_start\n\
         {variable}_start() {{\n\
         \t{} &\n\
         }}\n\
         load_rc_config $name\n\
         run_rc_command \"$1\"\n",
        again(service),
    )
}

/// `OpenBSD`: rc.subr(8) backgrounds it.
pub fn openbsd(service: &Service) -> String {
    let user = service.run_as.as_deref().unwrap_or("root");
    format!(
        "#!/bin/ksh\n\
         # {MARK}\n\
         \n\
         daemon=/bin/sh\n\
         daemon_user={user}\n\
         daemon_flags={}\n\
         \n\
         . /etc/rc.d/rc.subr\n\
         \n\
         rc_bg=YES\n\
         rc_reload=NO\n\
         rc_cmd \"$1\"\n",
        quoted(&format!("-c {}", quoted(&looped(service)))),
    )
}

/// As whom it is to run, for ever.
fn again(service: &Service) -> String {
    match service.run_as.as_deref() {
        Some(user) if user != "root" => {
            format!("su -m {user} -c {}", quoted(&looped(service)))
        }
        _ => format!("/bin/sh -c {}", quoted(&looped(service))),
    }
}

fn looped(service: &Service) -> String {
    format!("while :; do {}; sleep 5; done", line(&service.command))
}

fn line(command: &[String]) -> String {
    let parts: Vec<String> = command.iter().map(|part| quoted(part)).collect();
    parts.join(" ")
}

/// Names of variables have no dashes.
fn variable(name: &str) -> String {
    name.replace('-', "_")
}

/// For the shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}
