//! What only Linux has: children that die with their parent, and a list of all processes.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Has the calling process killed when the thread that made it ends. Safe between fork and exec.
pub fn die_with_parent() -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
}

/// A process may fork while we look: look again until nobody is left.
const ROUNDS: usize = 16;

/// Kills all that belongs to the session which `leader` leads and is in another group than its own, as shells with job
/// control (`set -m`) make them.
pub fn kill_other_groups(leader: Pid) {
    for _ in 0..ROUNDS {
        let mut others = members(leader.as_raw()).peekable();
        if others.peek().is_none() {
            return;
        }
        // It may have ended by itself.
        for pid in others {
            let _ = kill(pid, Signal::SIGKILL);
        }
    }
}

fn members(session: i32) -> impl Iterator<Item = Pid> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(move |pid: &i32| {
        let stat = std::fs::read(format!("/proc/{pid}/stat")).unwrap_or_default();
        is_other_group(&stat, session)
    })
    .map(Pid::from_raw)
}

/// `pid (name) state ppid group session …`, where the name may hold anything.
fn is_other_group(stat: &[u8], session: i32) -> bool {
    let at = stat.iter().rposition(|&byte| byte == b')');
    let text = String::from_utf8_lossy(at.map_or(&[], |at| &stat[at + 1..]));
    let fields: Vec<&str> = text.split_ascii_whitespace().take(4).collect();
    let &[state, _, group, of] = fields.as_slice() else {
        return false;
    };
    let number = |text: &str| text.parse().unwrap_or(0);
    number(of) == session && number(group) != session && !matches!(state, "Z" | "X")
}

#[cfg(test)]
mod tests {
    use super::is_other_group;

    #[test]
    fn only_living_processes_of_other_groups_count() {
        for (stat, other) in [
            ("7 (sleep) S 5 7 5 0 -1", true),
            ("7 (a) b) R 1 5 1) S 5 7 5 0 -1", true),
            ("7 (sleep) S 5 5 5 0 -1", false),
            ("7 (sleep) Z 5 7 5 0 -1", false),
            ("7 (sleep) S 5 7 6 0 -1", false),
            ("", false),
        ] {
            assert_eq!(is_other_group(stat.as_bytes(), 5), other, "{stat}");
        }
    }
}
