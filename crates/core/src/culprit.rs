//! Which commit broke it? What to build next between a green and a red commit, until the two are neighbours.

/// What is known of a commit on one builder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It came out well.
    Green,
    /// It failed.
    Red,
    /// It was lost, or failed only by tests that are known to flake: it says nothing, and building it again may not either.
    Unsure,
    /// It is not decided: not built, or not yet.
    Open,
}

/// What to do about a line of commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Search {
    /// There is nothing to look for: no red, no green before it, or it is mended.
    Nothing,
    /// The commit at this position halves what is left.
    Build {
        /// The position.
        at: usize,
        /// The newest green before the red.
        green: usize,
        /// The oldest red after that green.
        red: usize,
    },
    /// Nothing is left to build.
    Found {
        /// The newest green before the red.
        green: usize,
        /// Who it may have been, likeliest first: the oldest red, then what nothing is known of between it and the green.
        suspects: Vec<usize>,
    },
}

/// The next step for `line`, newest commit first.
#[must_use]
pub fn search(line: &[Known]) -> Search {
    let sure = |known: &Known| matches!(known, Known::Green | Known::Red);
    let Some(newest) = line
        .iter()
        .position(sure)
        .filter(|at| line[*at] == Known::Red)
    else {
        return Search::Nothing;
    };
    let Some(green) = line.iter().position(|known| *known == Known::Green) else {
        return Search::Nothing;
    };
    let red = line[..green]
        .iter()
        .rposition(|known| *known == Known::Red)
        .unwrap_or(newest);
    let between = red + 1..green;
    let middle = usize::midpoint(red, green);
    let open = between.clone().filter(|at| line[*at] == Known::Open);
    if let Some(at) = open.min_by_key(|at| (at.abs_diff(middle), *at)) {
        return Search::Build { at, green, red };
    }
    Search::Found {
        green,
        suspects: std::iter::once(red).chain(between).collect(),
    }
}

/// Which commits of `line`, newest first, are red while the one before is green: whom [`search`] names alone, all along
/// the line.
#[must_use]
pub fn breakers(line: &[Known]) -> Vec<usize> {
    let pairs = line.windows(2).enumerate();
    let breaks = pairs.filter(|(_, pair)| **pair == [Known::Red, Known::Green]);
    breaks.map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> Vec<Known> {
        let known = |letter| match letter {
            'g' => Known::Green,
            'r' => Known::Red,
            'x' => Known::Unsure,
            _ => Known::Open,
        };
        text.chars().map(known).collect()
    }

    #[test]
    fn nothing_is_looked_for_without_a_red_and_a_green_before_it() {
        for text in ["", "...", "g..g", "r..", "..gr.g", "x..g", "rrr"] {
            assert_eq!(search(&line(text)), Search::Nothing, "{text}");
        }
    }

    #[test]
    fn the_middle_goes_first_and_what_was_lost_is_passed_over() {
        let at = |text: &str| match search(&line(text)) {
            Search::Build { at, .. } => at,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(at("r.......g"), 4);
        assert_eq!(at("r...r...g"), 6);
        assert_eq!(at("r...x...g"), 3);
        assert_eq!(at("..r..gggg"), 3);
    }

    #[test]
    fn a_culprit_between_lost_commits_is_a_list() {
        let found = |green, suspects: &[usize]| Search::Found {
            green,
            suspects: suspects.to_vec(),
        };
        assert_eq!(search(&line("..rg.")), found(3, &[2]));
        assert_eq!(search(&line("rrxxg")), found(4, &[1, 2, 3]));
    }

    #[test]
    fn who_broke_it_is_red_right_after_a_green() {
        assert_eq!(breakers(&line("r")), [0; 0]);
        assert_eq!(breakers(&line("rg.rgrrxg.r.grrg")), [0, 3, 14]);
    }

    proptest! {
        /// Both ways to look agree: the search names one alone where, and only where, that one is a breaker.
        #[test]
        fn breakers_are_those_whom_the_search_names_alone(text in "[grx.]{0,12}") {
            let line = line(&text);
            for at in 0..line.len() {
                let alone = Search::Found { green: 1, suspects: vec![0] };
                let named = search(&line[at..]) == alone;
                prop_assert_eq!(named, breakers(&line).contains(&at), "{} at {}", text, at);
            }
        }

        /// Whatever commit broke it is found, by as few builds as halving takes.
        #[test]
        fn the_search_ends_with_the_one_that_broke_it(length in 2_usize..100, at in 0.0..1.0_f64) {
            let culprit = ((length - 1) as f64 * at) as usize;
            let mut line = vec![Known::Open; length];
            line[0] = Known::Red;
            line[length - 1] = Known::Green;
            let mut built = 0;
            while let Search::Build { at, .. } = search(&line) {
                line[at] = if at <= culprit { Known::Red } else { Known::Green };
                built += 1;
            }
            prop_assert_eq!(search(&line), Search::Found { green: culprit + 1, suspects: vec![culprit] });
            prop_assert!(built <= length.ilog2() + 1);
        }
    }
}
