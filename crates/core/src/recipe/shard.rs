//! Tests over machines: by how long they take.

/// What a test takes that was never seen, in milliseconds (spec coordinator 5.6).
pub const UNKNOWN: u64 = 3_000;

/// `units` in at most `most` shards that should take about the same time, and at least `target` milliseconds: fewer where
/// there is less to do. Each keeps the order of the list, and they come in the order of their first units. The same
/// units and times give the same shards.
#[must_use]
pub fn shards(
    units: &[String],
    most: u32,
    target: u64,
    took: impl Fn(&str) -> u64,
) -> Vec<Vec<String>> {
    let times: Vec<u64> = units.iter().map(|unit| took(unit).max(1)).collect();
    let count = count(&times, most, target);
    let mut longest: Vec<usize> = (0..units.len()).collect();
    longest.sort_by_key(|unit| (std::cmp::Reverse(times[*unit]), *unit));
    let mut loads: Vec<(u64, Vec<usize>)> = vec![(0, Vec::new()); count];
    // The longest first, each to who has least: never more than a third above the best there is.
    for unit in longest {
        let least = loads.iter_mut().min_by_key(|(load, _)| *load);
        if let Some((load, shard)) = least {
            *load = load.saturating_add(times[unit]);
            shard.push(unit);
        }
    }
    let mut shards: Vec<Vec<usize>> = loads.into_iter().map(|(_, shard)| shard).collect();
    for shard in &mut shards {
        shard.sort_unstable();
    }
    shards.sort_unstable();
    let named = |shard: Vec<usize>| shard.into_iter().map(|unit| units[unit].clone()).collect();
    shards.into_iter().map(named).collect()
}

fn count(times: &[u64], most: u32, target: u64) -> usize {
    let total = times
        .iter()
        .fold(0u64, |sum, time| sum.saturating_add(*time));
    let full = total.div_ceil(target.max(1));
    let most = (most as usize).min(times.len());
    usize::try_from(full).map_or(most, |full| full.min(most))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn little_to_do_makes_few_shards_and_nothing_none() {
        let units: Vec<String> = (0..10).map(|n| format!("t{n}")).collect();
        assert_eq!(shards(&units, 5, 60_000, |_| 3_000).len(), 1);
        assert_eq!(shards(&units, 5, 10_000, |_| 3_000).len(), 3);
        assert_eq!(shards(&units, 5, 1_000, |_| 3_000).len(), 5);
        assert_eq!(shards(&[], 5, 1_000, |_| 3_000).len(), 0);
        assert_eq!(shards(&units[..2], 5, 1, |_| 3_000).len(), 2);
    }

    #[test]
    fn the_longest_has_a_shard_to_itself() {
        let units: Vec<String> = ["a", "long", "b", "c"].map(str::to_owned).to_vec();
        let took = |unit: &str| if unit == "long" { 30_000 } else { 10_000 };
        assert_eq!(
            shards(&units, 2, 1, took),
            [vec!["a", "b", "c"], vec!["long"]]
        );
    }

    proptest! {
        #[test]
        fn every_unit_is_in_one_shard_and_no_shard_is_far_above_the_others(
            times in prop::collection::vec(1..50_000u64, 0..80),
            most in 1..12u32,
            target in 1..200_000u64,
        ) {
            let units: Vec<String> = (0..times.len()).map(|n| n.to_string()).collect();
            let took = |unit: &str| times[unit.parse::<usize>().unwrap()];
            let made = shards(&units, most, target, took);
            prop_assert!(made.len() <= most as usize);
            prop_assert!(made.iter().all(|shard| !shard.is_empty()));
            let mut all: Vec<String> = made.concat();
            all.sort_by_key(|unit| unit.parse::<usize>().unwrap());
            prop_assert_eq!(&all, &units);
            let loads: Vec<u64> = made.iter().map(|shard| shard.iter().map(|unit| took(unit)).sum()).collect();
            let longest = times.iter().copied().max().unwrap_or(0);
            let (Some(most), Some(least)) = (loads.iter().max(), loads.iter().min()) else {
                return Ok(());
            };
            prop_assert!(most - least <= longest, "{loads:?}");
            prop_assert_eq!(made, shards(&units, u32::try_from(loads.len()).unwrap(), 1, took));
        }
    }
}
