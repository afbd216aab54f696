//! In which order builders stand beside each other, and what stands above them (spec `dashboard.md`, 5.3). The names of
//! the Go project's builders say what they are: `os-arch-rest`.

use std::cmp::Ordering;

/// Operating systems by rank; those that are not named here come after `dragonfly`.
const RANKS: [(&str, u8); 9] = [
    ("all", 0),
    ("darwin", 1),
    ("freebsd", 1),
    ("linux", 1),
    ("windows", 1),
    ("android", 3),
    ("openbsd", 4),
    ("netbsd", 5),
    ("dragonfly", 6),
];
const RACE_RANK: u8 = 2;
const OTHER_RANK: u8 = 10;
/// What a builder that is there for a while is moved back by.
const TEMPORARY: u8 = 20;

/// Further systems whose names tell that builders are named by system.
const FURTHER: [&str; 9] = [
    "aix", "illumos", "ios", "js", "macos", "nacl", "plan9", "solaris", "wasip1",
];

/// The group of all builders that look for races, whatever they run on.
const RACE: &str = "race";

/// A builder's name, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column<'a> {
    /// All of it.
    pub(crate) name: &'a str,
    /// Its operating system; `race` for all that look for races.
    pub(crate) group: &'a str,
    /// Its architecture; the operating system in the group `race`. Empty where the name has no such part.
    pub(crate) arch: &'a str,
    /// What follows; empty in the group `race`.
    pub(crate) rest: &'a str,
}

impl<'a> Column<'a> {
    /// Of a builder's name.
    pub(crate) fn new(name: &'a str) -> Self {
        let (os, after) = name.split_once('-').unwrap_or((name, ""));
        if is_race(name) {
            return Self {
                name,
                group: RACE,
                arch: os,
                rest: "",
            };
        }
        let (arch, rest) = after.split_once('-').unwrap_or((after, ""));
        Self {
            name,
            group: os,
            arch,
            rest,
        }
    }

    /// Whether it is of a port that a release waits for (5.3.5).
    pub(crate) fn is_first_class(&self) -> bool {
        let first = [RACE, "android"].contains(&self.group) || rank_of(self.group) <= 1;
        first && !is_temporary(self.name)
    }

    fn rank(&self) -> u8 {
        let rank = match self.group {
            RACE => RACE_RANK,
            os => rank_of(os),
        };
        rank + if is_temporary(self.name) {
            TEMPORARY
        } else {
            0
        }
    }
}

/// How two builders are ordered: by rank, then by the bytes of their names.
pub(crate) fn by_rank(one: &str, other: &str) -> Ordering {
    let key = |name| (Column::new(name).rank(), name);
    key(one).cmp(&key(other))
}

/// Whether builders are named by what they run on, so that groups of them mean something.
pub(crate) fn are_systems<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| {
        let system = name.split_once('-').map(|(system, _)| system);
        system.is_some_and(|system| rank_of(system) < OTHER_RANK || FURTHER.contains(&system))
    })
}

fn is_race(name: &str) -> bool {
    name.contains("-race-") || name.ends_with("-race")
}

fn is_temporary(name: &str) -> bool {
    name.ends_with("-temp")
}

fn rank_of(os: &str) -> u8 {
    let found = RANKS.iter().find(|(known, _)| *known == os);
    found.map_or(OTHER_RANK, |(_, rank)| *rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(mut names: Vec<&str>) -> Vec<&str> {
        names.sort_by(|one, other| by_rank(one, other));
        names
    }

    #[test]
    fn columns_stand_in_the_order_of_the_specification() {
        let names = vec![
            "windows-arm",
            "aix-ppc64",
            "linux-amd64-race",
            "linux-amd64",
            "linux-amd64-temp",
            "android-386-emu",
        ];
        let expected = [
            "linux-amd64",
            "windows-arm",
            "linux-amd64-race",
            "android-386-emu",
            "aix-ppc64",
            "linux-amd64-temp",
        ];
        assert_eq!(ordered(names), expected);
    }

    #[test]
    fn groups_stand_in_the_order_of_2019() {
        let names = vec![
            "solaris-amd64-smartosbuildlet",
            "plan9-arm",
            "nacl-386",
            "misc-vet-vetall",
            "js-wasm",
            "aix-ppc64",
            "dragonfly-amd64",
            "netbsd-386",
            "openbsd-386",
            "android-386-emu",
            "windows-amd64-race",
            "darwin-amd64-race",
            "windows-386-2008",
            "linux-386",
            "freebsd-386-10_4",
            "darwin-386-10_14",
            "all-compile",
        ];
        let groups: Vec<&str> = ordered(names)
            .into_iter()
            .map(|name| Column::new(name).group)
            .collect();
        let expected = "all darwin freebsd linux windows race race android openbsd netbsd dragonfly aix js misc nacl \
                        plan9 solaris";
        assert_eq!(groups.join(" "), expected);
    }

    #[test]
    fn a_name_says_system_architecture_and_the_rest() {
        let parts = |name| {
            let column = Column::new(name);
            (column.group, column.arch, column.rest)
        };
        assert_eq!(parts("linux-amd64"), ("linux", "amd64", ""));
        let nocgo = ("linux", "amd64", "nocgo-x");
        assert_eq!(parts("linux-amd64-nocgo-x"), nocgo);
        assert_eq!(parts("linux-amd64-race"), ("race", "linux", ""));
        assert_eq!(parts("linux-amd64-race-x"), ("race", "linux", ""));
        assert_eq!(parts("linux-amd64-racer"), ("linux", "amd64", "racer"));
        assert_eq!(parts("pi"), ("pi", "", ""));
    }

    #[test]
    fn first_class_is_what_2019_called_supported() {
        let first = |name| Column::new(name).is_first_class();
        for name in [
            "linux-mips",
            "windows-arm",
            "openbsd-amd64-race",
            "android-386-emu",
            "all-x",
        ] {
            assert!(first(name), "{name}");
        }
        for name in ["openbsd-386", "aix-ppc64", "pi", "linux-amd64-temp"] {
            assert!(!first(name), "{name}");
        }
    }

    #[test]
    fn other_projects_name_builders_otherwise() {
        assert!(are_systems(["pi", "linux-test"]));
        assert!(!are_systems(["pi", "linux", "unit-tests", "e2e-chrome"]));
    }
}
