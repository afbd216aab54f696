#[cfg(unix)]
mod files;
#[cfg(unix)]
mod scripts;

use super::*;

fn service(run_as: Option<&str>, options: &[&str]) -> Service {
    let command = ["/usr/local/bin/buildlet"].iter().chain(options);
    Service {
        name: "farm-pi".to_owned(),
        command: command.map(|part| (*part).to_owned()).collect(),
        run_as: run_as.map(str::to_owned),
        powers: false,
    }
}

const ODD: [&str; 4] = [
    "--hostname",
    "it's 100% \"$HOME\" \\ <b>",
    "--workdir",
    "/w w",
];

#[test]
fn a_unit_restarts_with_growing_pauses_and_takes_away_what_builds_do_not_need() {
    let unit = systemd::unit(&service(Some("farm"), &["--reverse-type", "host-x"]));
    for line in [
        "ExecStart=/usr/local/bin/buildlet --reverse-type host-x",
        "User=farm",
        "Restart=always",
        "StartLimitIntervalSec=0",
        "RestartMaxDelaySec=120",
        "NoNewPrivileges=yes",
        "ProtectSystem=full",
        "OOMPolicy=continue",
        "WantedBy=multi-user.target",
    ] {
        assert!(unit.lines().any(|there| there == line), "{line}: {unit}");
    }
    // These would take /proc from namespaces, or devices from builds.
    for key in [
        "ProtectProc",
        "ProtectKernelTunables",
        "ProtectClock",
        "PrivateDevices",
        "RestrictNamespaces",
    ] {
        assert!(!unit.contains(key), "{key}");
    }
    let own = systemd::unit(&service(None, &[]));
    assert!(
        !own.contains("User=") && !own.contains("ProtectSystem"),
        "{own}"
    );
    assert!(own.contains("WantedBy=default.target"));
    let halting = Service {
        powers: true,
        ..service(Some("root"), &[])
    };
    assert!(!systemd::unit(&halting).contains("NoNewPrivileges"));
}

#[test]
fn arguments_reach_a_unit_as_they_are() {
    let unit = systemd::unit(&service(Some("farm"), &ODD));
    let line = unit
        .lines()
        .find(|line| line.starts_with("ExecStart="))
        .unwrap();
    assert_eq!(
        line,
        r#"ExecStart=/usr/local/bin/buildlet --hostname "it's 100%% \"$$HOME\" \\ <b>" --workdir "/w w""#
    );
}

#[test]
fn a_property_list_is_well_formed_and_escapes() {
    let list = launchd::property_list(&service(Some("farm"), &ODD));
    assert!(list.contains("<string>org.farmhand.farm-pi</string>"));
    assert!(
        list.contains("<string>it's 100% \"$HOME\" \\ &lt;b&gt;</string>"),
        "{list}"
    );
    assert!(list.contains("<key>KeepAlive</key>\n\t<true/>"));
    for tag in ["dict", "array", "plist", "key", "string", "integer"] {
        let count = |text: &str| list.matches(text).count();
        let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
        assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
    }
    assert!(!launchd::property_list(&service(None, &[])).contains("UserName"));
}

#[test]
fn a_task_is_well_formed_and_started_again_whenever_it_ended() {
    let task = task::xml(&service(Some("farm"), &ODD));
    for line in [
        "<Interval>PT1M</Interval>",
        "<MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>",
        "<ExecutionTimeLimit>PT0S</ExecutionTimeLimit>",
        "<UserId>farm</UserId>",
        "<LogonType>Password</LogonType>",
        "<RunLevel>LeastPrivilege</RunLevel>",
        "<Command>/usr/local/bin/buildlet</Command>",
        r#"<Arguments>--hostname "it's 100% \"$HOME\" \ &lt;b&gt;" --workdir "/w w"</Arguments>"#,
    ] {
        assert!(
            task.lines().any(|there| there.trim() == line),
            "{line}: {task}"
        );
    }
    for tag in [
        "Task",
        "Triggers",
        "Principal",
        "Settings",
        "Actions",
        "Exec",
    ] {
        let count = |text: &str| task.matches(text).count();
        let opened = count(&format!("<{tag}>")) + count(&format!("<{tag} "));
        assert_eq!(opened, count(&format!("</{tag}>")), "{tag}");
    }
    let of_system = task::xml(&service(Some("System"), &[]));
    assert!(of_system.contains("<UserId>S-1-5-18</UserId>") && !of_system.contains("LogonType"));
    let next = |user| task::next("farm-pi", Some(user), r"C:\x.xml");
    assert_eq!(
        next("farm"),
        r#"schtasks /Create /TN farm-pi /XML "C:\x.xml" /RU farm /RP * && schtasks /Run /TN farm-pi"#
    );
    assert!(!next("SYSTEM").contains("/RP"));
}

fn wanted(line: &[&str]) -> InstallArgs {
    let args = Args::try_parse_from(["buildlet", "install"].iter().chain(line)).unwrap();
    match args.command {
        Some(Command::Install(wanted)) => wanted,
        other => panic!("{other:?}"),
    }
}

fn checked(line: &[&str]) -> anyhow::Result<Service> {
    let vars = Vars::of([("HOME", "/none")]);
    super::service(&wanted(line), Manager::Systemd, &vars)
}

fn refusal(line: &[&str]) -> String {
    checked(line).unwrap_err().to_string()
}

#[test]
fn a_service_that_could_not_start_is_not_installed() {
    let system = ["--run-as", "farm", "--"];
    let with = |options: &[&'static str]| refusal(&[&system[..], options].concat());
    assert!(with(&["--wrong"]).starts_with("behind --: unexpected argument '--wrong'"));
    assert!(with(&["--reverse", "a", "--reverse-type", "b"]).contains("cannot be used with"));
    assert!(with(&["uninstall"]).contains("a buildlet or stage0"));
    assert!(with(&["stage0", "--loop", "--", "--wrong"]).contains("'--wrong'"));
    let args = ["buildlet", "install", "--", "--listen", "AUTO"];
    assert!(
        Args::try_parse_from(args).is_err(),
        "whom it runs as is not guessed"
    );
}
