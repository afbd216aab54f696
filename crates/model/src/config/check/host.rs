//! `[hosts]`.

use super::values::{MANY, choice, environment, existing, number, required, seconds, text, texts};
use super::{Known, pool};
use crate::config::host::names_size;
use crate::config::parse::{Findings, Table};
use crate::config::{Bootstrap, Canary, Clean, Container, Host, Machines, Reverse, Vm};

/// The cloud's names for sizes, where none is said (spec builders 1.1): a container's work dir lies in memory.
const VM: &str = "n1-highcpu-2";
const CONTAINER: &str = "n1-standard-4";
/// Where a bootstrap toolchain goes.
const BOOTSTRAP: &str = "go1.4";
const CANARY_VALID: u64 = 12 * 3600;

pub(super) fn host(
    mut table: Table<'_>,
    known: &Known,
    findings: &mut Findings<'_>,
) -> Option<Host> {
    let cleans = [
        ("halt", Clean::Halt),
        ("wipe", Clean::Wipe),
        ("none", Clean::None),
    ];
    let made = table.place("vm").or(table.place("container")).is_some();
    let host = Host {
        description: text(&mut table, "description", findings),
        clean: choice(&mut table, "clean", &cleans, findings).unwrap_or_default(),
        machines: machines(&mut table, findings),
        pool: pool::pool(&mut table, made, findings),
        env: environment(&mut table, findings),
        max_at_once: number(&mut table, "max-at-once", MANY, findings),
        bootstrap: bootstrap(&mut table, findings),
        ssh_user: table.text("ssh-user", findings).map(|(_, user)| user),
        owner: text(&mut table, "owner", findings),
        notes: text(&mut table, "notes", findings),
        canary: canary(&mut table, known, findings),
    };
    table.finish(findings);
    Some(host)
}

/// `reverse`, `vm` or `container`: at most one of them.
fn machines(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Machines {
    let reverse = table.table("reverse", findings);
    let vm = table.table("vm", findings);
    let container = table.table("container", findings);
    let said = [&reverse, &vm, &container].into_iter().flatten().count();
    if said > 1 {
        findings.add(
            table.at,
            format!(
                "{} says more than one of reverse, vm and container: keep one",
                table.what
            ),
        );
    }
    let machines = reverse
        .map(|table| reverse_of(table, findings))
        .or_else(|| vm.and_then(|table| vm_of(table, findings)))
        .or_else(|| container.and_then(|table| container_of(table, findings)));
    machines.unwrap_or_default()
}

fn reverse_of(mut table: Table<'_>, findings: &mut Findings<'_>) -> Machines {
    let reverse = Reverse {
        expect: number(&mut table, "expect", 0..=10_000, findings).unwrap_or(0),
        hermetic: table.flag("hermetic", findings).unwrap_or(false),
        aliases: texts(&mut table, "aliases", findings).unwrap_or_default(),
    };
    table.finish(findings);
    Machines::Reverse(reverse)
}

fn vm_of(mut table: Table<'_>, findings: &mut Findings<'_>) -> Option<Machines> {
    let image = required(&mut table, "image", "openbsd-amd64-64", findings);
    let buildlet = required(&mut table, "buildlet", "openbsd-amd64", findings);
    let machine = machine(&mut table, VM, findings);
    let min_cpu = table.text("min-cpu", findings).map(|(_, text)| text);
    table.finish(findings);
    Some(Machines::Vm(Vm {
        image: image?,
        machine,
        buildlet: buildlet?,
        min_cpu,
    }))
}

fn container_of(mut table: Table<'_>, findings: &mut Findings<'_>) -> Option<Machines> {
    let image = required(&mut table, "image", "linux-x86-stretch:latest", findings);
    let buildlet = required(&mut table, "buildlet", "linux-amd64", findings);
    let machine = machine(&mut table, CONTAINER, findings);
    let nested = table.flag("nested", findings).unwrap_or(false);
    let vm_image = table.text("vm-image", findings);
    if let (Some((at, _)), false) = (&vm_image, nested) {
        let message = format!("vm-image of {} counts only with nested = true", table.what);
        findings.add(*at, message);
    }
    table.finish(findings);
    Some(Machines::Container(Container {
        image: image?,
        machine,
        buildlet: buildlet?,
        nested,
        vm_image: vm_image.map(|(_, image)| image),
    }))
}

/// A machine type, of Google's clouds or of Amazon's.
fn machine(table: &mut Table<'_>, default: &str, findings: &mut Findings<'_>) -> String {
    let Some((at, machine)) = table.text("machine", findings) else {
        return default.to_owned();
    };
    if !names_size(&machine) {
        let message = format!(
            "{machine:?} does not end in a number of processors, as in {default:?}, or in a size, as in \"m7i.large\""
        );
        findings.add(at, message);
    }
    machine
}

fn bootstrap(table: &mut Table<'_>, findings: &mut Findings<'_>) -> Option<Bootstrap> {
    let url = table.text("bootstrap", findings);
    let dir = table.text("go-bootstrap-dir", findings);
    if let (None, Some((at, _))) = (&url, &dir) {
        let message = format!(
            "go-bootstrap-dir of {} counts only with bootstrap",
            table.what
        );
        findings.add(*at, message);
    }
    if let Some((at, dir)) = &dir
        && (dir.is_empty() || !super::steps::stays_inside(dir))
    {
        let message = format!(
            "go-bootstrap-dir of {} must lie in the work dir",
            table.what
        );
        findings.add(*at, message);
    }
    let (at, url) = url?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        let message = format!(
            "bootstrap of {} is no http or https URL of a .tar.gz",
            table.what
        );
        findings.add(at, message);
    }
    Some(Bootstrap {
        url,
        dir: dir.map_or_else(|| BOOTSTRAP.to_owned(), |(_, dir)| dir),
    })
}

fn canary(table: &mut Table<'_>, known: &Known, findings: &mut Findings<'_>) -> Option<Canary> {
    let builder = table.text("canary", findings);
    let at = table.place("canary-valid");
    let valid = seconds(table, "canary-valid", findings);
    let Some((place, name)) = builder else {
        if let Some(at) = at {
            let message = format!("canary-valid of {} counts only with canary", table.what);
            findings.add(at, message);
        }
        return None;
    };
    let builder = existing(
        place,
        &name,
        &table.what,
        &known.builders,
        "builders",
        findings,
    )?;
    Some(Canary {
        builder,
        valid_seconds: valid.unwrap_or(CANARY_VALID),
    })
}
