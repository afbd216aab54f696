use proptest::prelude::*;

use super::Avro;

fn avro(definition: &str) -> Avro {
    Avro::parse(definition).unwrap_or_else(|problem| panic!("{definition}: {problem}"))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type": "record", "name": "R", "namespace": "n", "fields": [{fields}]}}"#)
}

const LINKED: &str = r#"{"type": "record", "name": "L", "fields": [
    {"name": "next", "type": ["null", "L"], "default": null}]}"#;

#[test]
fn definitions_of_the_specification_are_taken() {
    for definition in [
        r#""int""#,
        r#"{"type": "string", "logicalType": "uuid"}"#,
        r#"{"type": "array", "items": ["null", "string"]}"#,
        r#"{"type": "map", "values": {"type": "fixed", "name": "f", "size": 16}}"#,
        LINKED,
        &record(
            r#"{"name": "a", "type": {"type": "enum", "name": "E", "symbols": ["X", "Y"]}, "default": "X"},
                   {"name": "b", "type": "E"}, {"name": "c", "type": ["null", "n.E"]}"#,
        ),
        &record(r#"{"name": "a", "type": ["string", "null"], "default": null}"#),
    ] {
        avro(definition);
    }
}

#[test]
fn other_definitions_are_refused_with_a_reason() {
    for (definition, part) in [
        ("", "EOF"),
        ("{}", "type"),
        ("3", "no type"),
        (r#"["null", "int"]"#, "union"),
        (r#"{"type": "array"}"#, "items"),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["a", "a"]}"#,
            "twice",
        ),
        (r#"{"type": "fixed", "name": "F", "size": -1}"#, "size"),
        (
            r#"{"type": "record", "name": "1R", "fields": []}"#,
            "no name",
        ),
        (
            &record(r#"{"name": "a", "type": "nothing"}"#),
            "unknown type",
        ),
        (
            &record(r#"{"name": "a", "type": "int", "default": "s"}"#),
            "default",
        ),
        (
            &record(r#"{"name": "a", "type": "int"}, {"name": "a", "type": "int"}"#),
            "twice",
        ),
        (&record(r#"{"name": "a", "type": ["int", "int"]}"#), "twice"),
        (
            &record(r#"{"name": "a", "type": ["int", ["null"]]}"#),
            "union in a union",
        ),
        (&"[".repeat(100_000), "recursion"),
    ] {
        let problem = Avro::parse(definition).expect_err(definition);
        let problem = problem.replace("directly ", "");
        assert!(problem.contains(part), "{problem}");
    }
}

/// The cases were put to Google's emulator, which says the same.
#[test]
fn json_messages_fit_or_not() {
    let r = record(r#"{"name": "x", "type": "int"}"#);
    let u = record(
        r#"{"name": "x", "type": ["null", "string"]},
           {"name": "y", "type": {"type": "enum", "name": "E", "symbols": ["P", "Q"]}}"#,
    );
    let f = record(r#"{"name": "x", "type": "float"}"#);
    let b = record(r#"{"name": "x", "type": ["null", {"type": "fixed", "name": "F", "size": 2}]}"#);
    for (definition, message, fits) in [
        (&r, r#"{"x": 1}"#, true),
        (&r, r#"{"x": 1, "more": 2}"#, true),
        (&r, r#"{"x": 1.0}"#, true),
        (&r, r#"{"x": 1.5}"#, false),
        (&r, r#"{"x": "1"}"#, false),
        (&r, r#"{"x": 3000000000}"#, false),
        (&r, "{}", false),
        (&r, "", false),
        (&u, r#"{"x": null, "y": "P"}"#, true),
        (&u, r#"{"y": "Q", "x": {"string": "s"}}"#, true),
        (&u, r#"{"x": "s", "y": "P"}"#, false),
        (&u, r#"{"x": {"int": 1}, "y": "P"}"#, false),
        (&u, r#"{"x": null, "y": "Z"}"#, false),
        (&f, r#"{"x": 1}"#, true),
        (&f, r#"{"x": "NaN"}"#, false),
        (&b, r#"{"x": {"n.F": "aÿ"}}"#, true),
        (&b, r#"{"x": {"n.F": "abc"}}"#, false),
        (&b, r#"{"x": {"n.F": "aĀ"}}"#, false),
    ] {
        let found = avro(definition).check_json(message.as_bytes());
        assert_eq!(found.is_ok(), fits, "{definition} {message}: {found:?}");
    }
}

#[test]
fn binary_messages_fit_or_not() {
    let all = record(
        r#"{"name": "b", "type": "boolean"}, {"name": "i", "type": "int"},
           {"name": "s", "type": "string"}, {"name": "d", "type": "double"},
           {"name": "l", "type": {"type": "array", "items": "long"}},
           {"name": "u", "type": ["null", "int"]}"#,
    );
    let message = [
        &[1u8, 2, 4, b'a', b'b'][..],
        &[0; 8],
        // Two items, then one in a block with its length, then the end; then the union's int.
        &[4, 2, 2, 1, 2, 2, 0, 2, 6],
    ]
    .concat();
    let avro = avro(&all);
    assert_eq!(avro.check_binary(&message), Ok(()));
    for end in 0..message.len() {
        assert!(avro.check_binary(&message[..end]).is_err(), "cut at {end}");
    }
    let longer = [&message[..], &[0]].concat();
    assert!(avro.check_binary(&longer).unwrap_err().contains("too much"));
    assert!(avro.check_binary(&[2]).unwrap_err().contains("boolean"));
}

#[test]
fn hostile_messages_end_soon() {
    let linked = avro(LINKED);
    let deep = vec![2u8; 5_000_000];
    assert!(linked.check_binary(&deep).unwrap_err().contains("deeper"));
    let mut three = vec![2u8; 3];
    three.push(0);
    assert_eq!(linked.check_binary(&three), Ok(()));
    let nulls = avro(r#"{"type": "array", "items": "null"}"#);
    let many = [
        0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0,
    ];
    assert!(nulls.check_binary(&many).unwrap_err().contains("far more"));
    let long = avro(r#""bytes""#);
    assert!(long.check_binary(&many[..10]).is_err());
}

#[test]
fn revisions_are_compatible_where_each_reads_the_other() {
    let field = |more: &str| record(&format!(r#"{{"name": "x", "type": "int"}}{more}"#));
    let optional = field(r#", {"name": "y", "type": "int", "default": 0}"#);
    let required = field(r#", {"name": "y", "type": "int"}"#);
    let long = record(r#"{"name": "x", "type": "long"}"#);
    let nullable = record(r#"{"name": "x", "type": ["null", "int"]}"#);
    let symbols =
        |more: &str| format!(r#"{{"type": "enum", "name": "E", "symbols": ["A", "B"{more}]}}"#);
    for (reader, writer, fits) in [
        (&field(""), &required, true),
        (&optional, &field(""), true),
        (&required, &field(""), false),
        (&long, &field(""), true),
        (&field(""), &long, false),
        (&nullable, &field(""), true),
        (&field(""), &nullable, false),
        (&symbols(r#", "C""#), &symbols(""), true),
        (&symbols(""), &symbols(r#", "C""#), false),
        (
            &LINKED.to_owned(),
            &LINKED.replace("\"L\"", "\"n.L\""),
            true,
        ),
        (&LINKED.to_owned(), &field(""), false),
    ] {
        let found = avro(reader).can_read(&avro(writer));
        assert_eq!(found.is_ok(), fits, "{reader} {writer}: {found:?}");
    }
}

proptest! {
    #[test]
    fn no_definition_and_no_message_makes_it_panic(
        definition in r#"([{}\[\]":, ]|type|record|name|fields|items|enum|symbols|int|null|R){0,16}"#,
        data in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let _ = Avro::parse(&definition);
        let all = avro(&record(
            r#"{"name": "m", "type": {"type": "map", "values": ["null", "R"]}},
               {"name": "f", "type": {"type": "fixed", "name": "F", "size": 3}}"#,
        ));
        let _ = all.check_binary(&data);
        let _ = all.check_json(&data);
    }

    #[test]
    fn numbers_of_every_size_are_walked(number: i64, small: i32) {
        let zigzag = |n: i64| ((n << 1) ^ (n >> 63)).cast_unsigned();
        let written = |mut bits: u64| {
            let mut bytes = Vec::new();
            while bits >= 0x80 {
                bytes.push(bits.to_le_bytes()[0] | 0x80);
                bits >>= 7;
            }
            bytes.push(bits.to_le_bytes()[0]);
            bytes
        };
        prop_assert_eq!(avro(r#""long""#).check_binary(&written(zigzag(number))), Ok(()));
        prop_assert_eq!(avro(r#""int""#).check_binary(&written(zigzag(small.into()))), Ok(()));
        let fits = i32::try_from(number).is_ok();
        prop_assert_eq!(avro(r#""int""#).check_binary(&written(zigzag(number))).is_ok(), fits);
    }
}
