use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn a_set_is_a_set(steps in prop::collection::vec((any::<bool>(), 0_u64..300), 0..400)) {
        let (mut set, mut model) = (SeqSet::default(), BTreeSet::new());
        for (put, seq) in steps {
            if put {
                prop_assert_eq!(set.insert(Seq(seq)), model.insert(seq));
            } else {
                prop_assert_eq!(set.remove(Seq(seq)), model.remove(&seq));
            }
            prop_assert_eq!(set.contains(Seq(seq)), put);
        }
        let all: Vec<u64> = model.iter().copied().collect();
        prop_assert_eq!(set.iter().map(|seq| seq.0).collect::<Vec<_>>(), all.clone());
        prop_assert_eq!(set.first().map(|seq| seq.0), model.first().copied());
        prop_assert_eq!((set.len(), set.is_empty()), (model.len(), model.is_empty()));
        let after: Vec<u64> = set.after(Seq(100)).map(|seq| seq.0).collect();
        prop_assert_eq!(after, model.range(101..).copied().collect::<Vec<_>>());
        for most in [2, 7, 1000] {
            let parts = set.to_runs(most);
            prop_assert!(parts.iter().all(|part| (1..=most).contains(&part.len())));
            let again = parts.iter().flat_map(|part| SeqSet::from_runs(part));
            prop_assert_eq!(again.map(|seq| seq.0).collect::<Vec<_>>(), all.clone());
        }
    }

    #[test]
    fn a_map_is_a_map(steps in prop::collection::vec((any::<bool>(), 0_u64..300, 0..9), 0..400)) {
        let (mut map, mut model) = (SeqMap::default(), BTreeMap::new());
        for (put, seq, value) in steps {
            if put {
                prop_assert_eq!(map.insert(Seq(seq), value), model.insert(seq, value));
                *map.get_mut(Seq(seq)).unwrap() += 1;
                *model.get_mut(&seq).unwrap() += 1;
            } else {
                prop_assert_eq!(map.remove(Seq(seq)), model.remove(&seq));
            }
            prop_assert_eq!(map.get(Seq(seq)), model.get(&seq));
            prop_assert_eq!(map.contains(Seq(seq)), put);
        }
        prop_assert_eq!(map.len(), model.len());
        prop_assert_eq!(
            map.first().map(|(seq, value)| (seq.0, *value)),
            model.first_key_value().map(|(seq, value)| (*seq, *value))
        );
        let seqs: Vec<u64> = map.seqs().map(|seq| seq.0).collect();
        prop_assert_eq!(seqs, model.keys().copied().collect::<Vec<_>>());
        let owned: Vec<_> = map.into_iter_owned().map(|(seq, value)| (seq.0, value)).collect();
        prop_assert_eq!(owned, model.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn a_run_without_gap_is_two_numbers() {
    let set: SeqSet = (1000..2_000).map(Seq).collect();
    assert_eq!(set.to_runs(100), [[1000, 1000]]);
}
