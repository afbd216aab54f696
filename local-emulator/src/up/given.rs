//! Settings that switch something on in one of the functions, as the environment of `farm up` has them.

use anyhow::Context;
use farm_runtime::Vars;
use functions::manifest::Manifest;

/// Names and values.
pub(super) type Settings = Vec<(String, String)>;

/// Those of `function` that `given` has.
///
/// # Errors
/// The manifest has no such function.
pub(super) fn to(function: &str, manifest: &Manifest, given: &Vars) -> anyhow::Result<Settings> {
    let known = manifest.get(function);
    let known = known.with_context(|| format!("the manifest has no function {function}"))?;
    let names = known
        .optional_settings
        .iter()
        .chain(&known.optional_secrets);
    Ok(names.filter_map(|name| handed_on(given, name)).collect())
}

/// Those of where people sign in: at an OpenID Connect provider, if one is named.
///
/// # Errors
/// What is there makes no sense. It is said now, and not when the functions do not start.
pub(super) fn to_sign_in(manifest: &Manifest, given: &Vars) -> anyhow::Result<Settings> {
    let settings = to("sign-in", manifest, given)?;
    let vars: Vars = settings.iter().cloned().collect();
    functions::sign_in::build(&vars.with("FARM_TOKEN_KEY", "any")).map(drop)?;
    Ok(settings)
}

/// A setting as it stands, or the file that it names.
fn handed_on(given: &Vars, name: &str) -> Option<(String, String)> {
    let file = given.get(&format!("{name}_FILE"));
    let value = given.get(name).map(str::to_owned);
    let value = value.or_else(|| Some(format!("@{}", file?)))?;
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> Vars {
        Vars::default()
            .with("FARM_OIDC_ISSUER", "https://id.example.org")
            .with("FARM_OIDC_CLIENT_ID", "farm")
            .with("FARM_OIDC_ALLOW", "*@example.org")
            .with("FARM_TOKEN_KEY", "of another farm")
            .with("FARM_HOOKS", "https://example.org/hook")
    }

    #[test]
    fn a_provider_is_handed_on_and_nothing_else() {
        let manifest = functions::manifest::read().unwrap();
        let secret = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&secret, "s").unwrap();
        let file = secret.path().to_str().unwrap();
        let given = provider().with("FARM_OIDC_CLIENT_SECRET_FILE", file);
        let mut settings = to_sign_in(&manifest, &given).unwrap();
        settings.sort();
        let expected = [
            ("FARM_OIDC_ALLOW", "*@example.org".to_owned()),
            ("FARM_OIDC_CLIENT_ID", "farm".to_owned()),
            ("FARM_OIDC_CLIENT_SECRET", format!("@{file}")),
            ("FARM_OIDC_ISSUER", "https://id.example.org".to_owned()),
        ];
        assert_eq!(
            settings,
            expected.map(|(name, value)| (name.to_owned(), value))
        );
        assert_eq!(to_sign_in(&manifest, &Vars::default()).unwrap(), []);
    }

    #[test]
    fn half_a_provider_is_named_at_the_start() {
        let manifest = functions::manifest::read().unwrap();
        let error = to_sign_in(&manifest, &provider()).unwrap_err().to_string();
        assert!(
            error.starts_with("FARM_OIDC_CLIENT_SECRET is not set"),
            "{error}"
        );
    }
}
