//! How many files a hub may have open: a connection of a machine is one.

/// The most that is asked for: many times the machines that a hub takes.
#[cfg(unix)]
const ENOUGH: u64 = 1 << 18;

/// Raises this process's limit to what the system allows it. Whatever starts services leaves it at 1,024, for the sake of
/// programs that use select(2) (systemd.exec(5), `LimitNOFILE=`; container runtimes do the same): a thousand machines.
#[cfg(unix)]
pub fn raise_limit() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let wanted = hard.min(ENOUGH).max(soft);
        setrlimit(Resource::RLIMIT_NOFILE, wanted, hard).map(|()| wanted)
    });
    match raised {
        Ok(files) => tracing::debug!(files, "files that may be open at once"),
        Err(error) => {
            tracing::warn!(%error, "cannot raise the limit of open files, which is one of machines; raise it from outside (ulimit -n)");
        }
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn raise_limit() {}

#[cfg(all(test, unix))]
mod tests {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};

    use super::*;

    #[test]
    fn what_is_allowed_is_taken() {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let low = soft - 1;
        setrlimit(Resource::RLIMIT_NOFILE, low, hard).unwrap();
        raise_limit();
        let (raised, same) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        assert_eq!((raised, same), (hard.min(ENOUGH).max(low), hard));
    }
}
