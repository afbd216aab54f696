//! What a pod's container runs here: its command and environment, with secrets.
//!
//! A path at which something is mounted is a folder of the pod's own here: where an argument or a variable of the container
//! names such a path, it names that folder instead.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use serde_json::Value;

use super::super::state::{Key, Kind, State};
use super::log;
use super::status::Waiting;
use crate::answer::{text, texts};
use crate::machine::Program;

/// Mounted path → the folder that stands for it.
type Mounts = Vec<(String, PathBuf)>;

/// What to run, or why it cannot begin yet.
pub(super) fn of(
    state: &State,
    key: &Key,
    images: &BTreeMap<String, Vec<String>>,
    folder: &Path,
) -> Result<Program, Waiting> {
    let pod = state.get(key).map_err(|_| wrong("the pod is gone"))?;
    let pod = &pod.body;
    let container = &pod["spec"]["containers"][0];
    let image = text(container, "/image");
    let entry = images.get(image).ok_or_else(|| Waiting {
        reason: "ErrImagePull",
        message: format!("there is no image {image}"),
    })?;
    let mounts = mounted(state, key, pod, folder)?;
    let mut environment = vec![("HOSTNAME".to_owned(), key.name.clone())];
    for variable in list(container, "/env") {
        environment.extend(value_of(state, key, pod, variable)?);
    }
    let said = |pointer| {
        let words = list(container, pointer).iter().filter_map(Value::as_str);
        words.map(|word| moved(&expanded(word, &environment), &mounts))
    };
    let mut words: Vec<String> = said("/command").collect();
    if words.is_empty() {
        // A program of this computer, wherever that lies.
        words.clone_from(entry);
    }
    words.extend(said("/args"));
    Ok(Program {
        folder: folder.to_owned(),
        words,
        environment: environment
            .into_iter()
            .map(|(name, value)| (name, moved(&value, &mounts)))
            .collect(),
        log: log(folder),
    })
}

fn wrong(message: impl Into<String>) -> Waiting {
    Waiting {
        reason: "CreateContainerConfigError",
        message: message.into(),
    }
}

fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// A variable with its value; none if it is optional and there is nothing for it.
fn value_of(
    state: &State,
    key: &Key,
    pod: &Value,
    variable: &Value,
) -> Result<Option<(String, String)>, Waiting> {
    let name = text(variable, "/name").to_owned();
    let Some(from) = variable.get("valueFrom") else {
        return Ok(Some((name, text(variable, "/value").to_owned())));
    };
    if let Some(reference) = from.get("secretKeyRef") {
        let found = secret(state, key, text(reference, "/name")).and_then(|data| {
            let wanted = text(reference, "/key");
            let value = data.into_iter().find(|(name, _)| name == wanted);
            value.ok_or_else(|| wrong(format!("couldn't find key {wanted} in the secret")))
        });
        return match found {
            Ok((_, value)) => Ok(Some((name, String::from_utf8_lossy(&value).into_owned()))),
            Err(_) if reference["optional"] == true => Ok(None),
            Err(waiting) => Err(waiting),
        };
    }
    match text(from, "/fieldRef/fieldPath") {
        "metadata.name" => Ok(Some((name, key.name.clone()))),
        "metadata.namespace" => Ok(Some((name, key.namespace.clone()))),
        "metadata.uid" => Ok(Some((name, text(pod, "/metadata/uid").to_owned()))),
        other => Err(wrong(format!(
            "this emulator cannot take {name} from {other:?}"
        ))),
    }
}

/// What is in a secret.
fn secret(state: &State, key: &Key, name: &str) -> Result<Vec<(String, Vec<u8>)>, Waiting> {
    let of = Key {
        kind: Kind::Secret,
        namespace: key.namespace.clone(),
        name: name.to_owned(),
    };
    let found = state
        .get(&of)
        .map_err(|_| wrong(format!("secret \"{name}\" not found")))?;
    let decode = |text: &str| {
        base64::engine::general_purpose::STANDARD
            .decode(text)
            .unwrap_or_default()
    };
    let data = texts(&found.body, "/data").into_iter();
    Ok(data.map(|(name, value)| (name, decode(&value))).collect())
}

/// Makes the folders that stand for what is mounted.
fn mounted(state: &State, key: &Key, pod: &Value, folder: &Path) -> Result<Mounts, Waiting> {
    let mut mounts = Mounts::new();
    for mount in list(pod, "/spec/containers/0/volumeMounts") {
        let name = text(mount, "/name");
        let mut volumes = list(pod, "/spec/volumes").iter();
        let volume = volumes.find(|volume| text(volume, "/name") == name);
        let volume = volume.ok_or_else(|| wrong(format!("there is no volume {name}")))?;
        let target = folder.join("mounts").join(name);
        let files = match volume.get("secret") {
            Some(of) => secret(state, key, text(of, "/secretName"))?,
            None => Vec::new(),
        };
        write(&target, &files).map_err(|error| wrong(error.to_string()))?;
        mounts.push((
            text(mount, "/mountPath").trim_end_matches('/').to_owned(),
            target,
        ));
    }
    Ok(mounts)
}

fn write(folder: &Path, files: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, content) in files {
        let path = folder.join(name);
        std::fs::write(&path, content)?;
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
    }
    Ok(())
}

/// `$(NAME)` becomes the variable's value, `$$` a dollar sign; what is not known stays as it is.
fn expanded(word: &str, environment: &[(String, String)]) -> String {
    let mut result = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        result += before;
        let variable = after
            .strip_prefix('(')
            .and_then(|after| after.split_once(')'));
        let known = variable.and_then(|(name, behind)| {
            let mut all = environment.iter().rev();
            let (_, value) = all.find(|(known, _)| known == name)?;
            Some((value, behind))
        });
        rest = if let Some((value, behind)) = known {
            result += value;
            behind
        } else {
            result.push('$');
            after.strip_prefix('$').unwrap_or(after)
        };
    }
    result + rest
}

/// The word with a mounted path at its beginning, or behind an `=`, replaced.
fn moved(word: &str, mounts: &Mounts) -> String {
    let (before, path) = match word.split_once('=') {
        Some((before, path)) if path.starts_with('/') => (&word[..=before.len()], path),
        _ => ("", word),
    };
    for (mount, folder) in mounts {
        if let Some(rest) = path.strip_prefix(mount.as_str())
            && (rest.is_empty() || rest.starts_with('/'))
        {
            return format!("{before}{}{rest}", folder.display());
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_put_into_words() {
        let environment = [("A".to_owned(), "one".to_owned())];
        for (word, wanted) in [
            ("--x=$(A)/$(A)", "--x=one/one"),
            ("$$(A) $(B) $ 5$", "$(A) $(B) $ 5$"),
            ("plain", "plain"),
        ] {
            assert_eq!(expanded(word, &environment), wanted);
        }
    }

    #[test]
    fn mounted_paths_are_folders_of_the_pods_own() {
        let mounts = vec![("/run/key".to_owned(), PathBuf::from("/pod/key"))];
        for (word, wanted) in [
            ("/run/key/id", "/pod/key/id"),
            ("--key-file=/run/key/id", "--key-file=/pod/key/id"),
            ("/run/keys", "/run/keys"),
            ("a=/run/key", "a=/pod/key"),
        ] {
            assert_eq!(moved(word, &mounts), wanted);
        }
    }
}
