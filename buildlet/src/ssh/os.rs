//! What differs from system to system (`buildlet.md` 9.6).

use std::path::PathBuf;

/// Where the SSH server listens. The container's host has port 22 in the same network on linux/amd64.
pub(super) fn address() -> String {
    let port = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        2200
    } else {
        22
    };
    format!("localhost:{port}")
}

/// The folder in which this user's home is.
pub(super) fn homes(user: &str) -> PathBuf {
    if cfg!(windows) {
        return r"C:\Users".into();
    }
    if user == "root" {
        return "/".into();
    }
    if cfg!(target_os = "freebsd") {
        let homes = PathBuf::from("/usr/home");
        if homes.join(user).exists() {
            return homes;
        }
    }
    if cfg!(target_os = "macos") {
        "/Users".into()
    } else {
        "/home".into()
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_has_its_own_port_and_homes() {
        assert_eq!(address(), "localhost:2200");
        assert_eq!(homes("gopher"), PathBuf::from("/home"));
        assert_eq!(homes("root"), PathBuf::from("/"));
    }
}
