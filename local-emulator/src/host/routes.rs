//! Which function a request is for.

use std::sync::Arc;

use functions::manifest::{Function, Manifest, Route};

/// The routes of all functions.
#[derive(Debug)]
pub(super) struct Routes(Vec<Known>);

#[derive(Debug)]
struct Known {
    function: Arc<str>,
    method: String,
    path: Arc<str>,
    /// Called by the farm itself: by a queue, or by the time.
    inner: bool,
}

/// A function, and the pattern by which it was found. Patterns can be shown; paths may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) function: Arc<str>,
    pub(super) path: Arc<str>,
}

impl Routes {
    pub(super) fn new(manifest: &Manifest) -> Self {
        let known = |(name, function, route): (&String, &Function, &Route)| Known {
            function: name.as_str().into(),
            method: route.method.clone(),
            path: route.path.as_str().into(),
            inner: is_triggered(function, &route.path),
        };
        let all = manifest.iter().flat_map(|(name, function)| {
            let routes = function.routes.iter();
            routes.map(move |route| (name, function, route))
        });
        Self(all.map(known).collect())
    }

    /// Whether only the farm itself calls this path.
    pub(super) fn is_inner(&self, path: &str) -> bool {
        let mut inner = self.0.iter().filter(|known| known.inner);
        inner.any(|known| matches(&known.path, path))
    }

    /// The function of this path. A method that it does not take is its to refuse.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Found> {
        let fits = |known: &&Known| matches(&known.path, path);
        let method = if method == "HEAD" { "GET" } else { method };
        let exact = self.0.iter().find(|k| k.method == method && fits(k));
        let known = exact.or_else(|| self.0.iter().find(fits))?;
        Some(Found {
            function: Arc::clone(&known.function),
            path: Arc::clone(&known.path),
        })
    }
}

fn is_triggered(function: &Function, path: &str) -> bool {
    let pushes = function.pushes.iter().map(|push| push.path.as_str());
    let ticks = function.ticks.iter().map(|tick| tick.path.as_str());
    pushes.chain(ticks).any(|triggered| triggered == path)
}

/// `{name}` stands for one segment.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) => {
                let any = wanted.starts_with('{') && !given.is_empty();
                if !any && wanted != given {
                    return false;
                }
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_by_its_pattern_and_shown_without_its_secret() {
        let routes = Routes::new(&functions::manifest::read().unwrap());
        let find = |method, path| {
            let found = routes.find(method, path)?;
            Some((found.function.to_string(), found.path.to_string()))
        };
        let gerrit = find("POST", "/gerrit-webhook/s3cret").unwrap();
        assert_eq!(gerrit.0, "gerrit-webhook");
        assert_eq!(gerrit.1, "/gerrit-webhook/{secret}");
        assert_eq!(find("HEAD", "/").unwrap().0, "dashboard");
        assert_eq!(find("GET", "/github-webhook").unwrap().0, "github-webhook");
        assert_eq!(find("GET", "/gerrit-webhook/"), None);
        assert_eq!(find("GET", "/nowhere"), None);
        let build = "3f2a".repeat(8);
        for path in [
            "/builders.json",
            &format!("/build/{build}.json"),
            &format!("/read/{build}/1/steps/1"),
            &format!("/log/{}", "a".repeat(40)),
        ] {
            assert_eq!(find("GET", path).unwrap().0, "dashboard", "{path}");
        }
        assert!(routes.is_inner("/report") && !routes.is_inner("/github-webhook"));
    }
}
