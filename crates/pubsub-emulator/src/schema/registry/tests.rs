use super::*;
use crate::proto::schema::Type;

fn name() -> SchemaName {
    SchemaName::parse("projects/p/schemas/abc").unwrap()
}

fn schema(definition: &str) -> Schema {
    Schema {
        r#type: Type::Avro.into(),
        definition: definition.to_owned(),
        ..Schema::default()
    }
}

fn stamp(number: u64) -> Stamp {
    let time = Timestamp::default();
    Stamp { number, time }
}

fn with_revisions(number: u64) -> (Registry, Vec<String>) {
    let mut registry = Registry::default();
    let mut ids = Vec::new();
    for n in 0..number {
        let add = if n == 0 {
            Registry::create
        } else {
            Registry::commit
        };
        let made = add(&mut registry, name(), schema("\"int\""), stamp(n)).unwrap();
        ids.push(made.revision_id);
    }
    (registry, ids)
}

fn settings(first: &str, last: &str) -> SchemaSettings {
    SchemaSettings {
        schema: name().as_str().to_owned(),
        first_revision_id: first.to_owned(),
        last_revision_id: last.to_owned(),
        ..SchemaSettings::default()
    }
}

#[test]
fn a_schema_has_up_to_twenty_revisions() {
    let (mut registry, ids) = with_revisions(20);
    let mut distinct = ids.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 20);
    let refusal = registry
        .commit(name(), schema("\"int\""), stamp(99))
        .unwrap_err();
    assert_eq!(refusal.code, tonic::Code::ResourceExhausted);
    let gone = Reference::parse(&format!("{}@{}", name(), ids[0])).unwrap();
    registry.delete_revision(&gone).unwrap();
    let back = registry.rollback(name(), &ids[1], stamp(99)).unwrap();
    assert_ne!(back.revision_id, ids[1]);
    assert!(registry.get(&gone).is_err());
}

#[test]
fn the_last_revision_goes_only_with_its_schema() {
    let (mut registry, ids) = with_revisions(1);
    let only = Reference::parse(&format!("{}@{}", name(), ids[0])).unwrap();
    assert!(registry.delete_revision(&only).is_err());
    registry.delete(&name()).unwrap();
    assert!(registry.delete(&name()).is_err());
}

#[test]
fn a_topic_allows_a_range_of_revisions_newest_first() {
    let (registry, ids) = with_revisions(4);
    for (first, last, expected) in [
        ("", "", vec![3, 2, 1, 0]),
        (&*ids[1], &*ids[2], vec![2, 1]),
        (&*ids[3], "", vec![3]),
    ] {
        let allowed = registry.allowed(&settings(first, last)).unwrap();
        let allowed: Vec<_> = allowed.iter().map(|s| &s.revision_id).collect();
        let expected: Vec<_> = expected.iter().map(|n| &ids[*n]).collect();
        assert_eq!(allowed, expected);
    }
    assert!(registry.allowed(&settings(&ids[2], &ids[1])).is_err());
    assert!(registry.allowed(&settings("none", "")).is_err());
}

#[test]
fn it_reads_back_what_it_wrote() {
    let (registry, _) = with_revisions(3);
    let back = Registry::from_revisions(registry.all_revisions()).unwrap();
    assert_eq!(back, registry);
}

#[test]
fn a_revision_must_parse_and_go_with_the_one_before() {
    let (mut registry, _) = with_revisions(1);
    let mut other = schema("message A {}");
    other.r#type = Type::ProtocolBuffer.into();
    for bad in [other, schema("{"), schema("\"string\"")] {
        let refusal = registry.commit(name(), bad, stamp(9)).unwrap_err();
        assert_eq!(refusal.code, tonic::Code::InvalidArgument);
    }
}
