//! What there is.

use std::collections::BTreeMap;

use serde_json::Value;

use super::object::Stored;
use super::status::Refusal;
use super::{Node, Options};

/// What kinds of objects there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Namespace,
    Pod,
    Secret,
    ResourceQuota,
}

impl Kind {
    /// Those that lie in namespaces.
    pub(super) const SPACED: [Self; 3] = [Self::Pod, Self::Secret, Self::ResourceQuota];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Pod => "Pod",
            Self::Secret => "Secret",
            Self::ResourceQuota => "ResourceQuota",
        }
    }

    /// As it is in paths.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Pod => "pods",
            Self::Secret => "secrets",
            Self::ResourceQuota => "resourcequotas",
        }
    }

    /// The kind of a path of a namespace.
    pub(super) fn in_path(plural: &str) -> Result<Self, Refusal> {
        let mut all = Self::SPACED.into_iter();
        all.find(|kind| kind.plural() == plural)
            .ok_or_else(Refusal::no_resource)
    }
}

/// Which object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) kind: Kind,
    /// Empty for what lies in none.
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn namespace(name: &str) -> Self {
        Self {
            kind: Kind::Namespace,
            namespace: String::new(),
            name: name.to_owned(),
        }
    }
}

/// Everything of an emulator.
#[derive(Debug)]
pub(super) struct State {
    pub(super) objects: BTreeMap<Key, Stored>,
    pub(super) node: Node,
    version: u64,
}

impl State {
    pub(super) fn new(options: &Options) -> Self {
        let mut state = Self {
            objects: BTreeMap::new(),
            node: options.node,
            version: 0,
        };
        let own = options.namespaces.iter().map(String::as_str);
        for name in own.chain(["default"]) {
            state.put(Key::namespace(name), Value::Null);
        }
        state
    }

    /// The version of the last change.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// A version that is newer than all before.
    pub(super) fn next(&mut self) -> u64 {
        self.version += 1;
        self.version
    }

    /// Keeps a new object, and shows it.
    pub(super) fn put(&mut self, key: Key, body: Value) -> &mut Stored {
        let version = self.next();
        let stored = Stored::new(&key, body, version);
        self.objects.insert(key.clone(), stored);
        self.objects.entry(key).or_default()
    }

    pub(super) fn get(&self, key: &Key) -> Result<&Stored, Refusal> {
        self.objects.get(key).ok_or_else(|| Refusal::not_found(key))
    }

    /// Changes the object, if it is still the one of this uid.
    pub(super) fn update(&mut self, key: &Key, uid: &str, how: impl FnOnce(&mut Value)) {
        let version = self.next();
        let found = self.objects.get_mut(key);
        if let Some(stored) = found.filter(|stored| stored.uid() == uid) {
            how(&mut stored.body);
            stored.body["metadata"]["resourceVersion"] = version.to_string().into();
        }
    }

    /// Takes the object out, if it is still the one of this uid.
    pub(super) fn remove(&mut self, key: &Key, uid: &str) {
        if self.objects.get(key).is_some_and(|one| one.uid() == uid) {
            self.next();
            self.objects.remove(key);
        }
    }

    /// All of a kind, in order; of every namespace if none is said.
    pub(super) fn all(
        &self,
        kind: Kind,
        namespace: Option<&str>,
    ) -> impl Iterator<Item = (&Key, &Stored)> {
        self.objects.iter().filter(move |(key, _)| {
            key.kind == kind && namespace.is_none_or(|namespace| key.namespace == namespace)
        })
    }
}
