//! Queries: their text, and what they mean.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ymir_core::{
    Annotation, AnnotationCondition, AnnotationNumber, Asset, AssetCondition, AssetId, AssetNumber,
    BBox, Class, ClassId, ClassTable, Compare, ErrorKind, Flags, Mark, Matcher, MediaType, Query,
    Record, Summary, TextTest,
};

fn classes() -> ClassTable {
    let mut table = ClassTable::default();
    for name in ["WBC", "RBC", "red cell"] {
        table.add(name, &[]).unwrap();
    }
    table
}

fn record(annotations: Vec<Annotation>) -> Record {
    let attributes = [("camera", "3"), ("site", "north"), ("odd key", "a b")];
    let attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let asset = Asset {
        id: AssetId::of(b"one"),
        width: 200,
        height: 100,
        channels: 3,
        byte_size: 5000,
        media_type: MediaType::Png,
        file_name: "cell (1).png".to_owned(),
        attributes: BTreeMap::from(attributes),
    };
    Record { asset, annotations }
}

fn boxed(class: u32, w: f64, h: f64) -> Annotation {
    Annotation::new(Class::Id(ClassId(class)), BBox::new(0.0, 0.0, w, h))
}

/// A large WBC and a small RBC that is sure.
fn cells() -> Record {
    let mut red = boxed(1, 10.0, 10.0).with_score(0.9);
    let attributes = [("colour", "red"), ("outcome", "fp")];
    red.attributes = attributes.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    red.flags = Flags { crowd: true, ..Flags::default() };
    record(vec![boxed(0, 100.0, 100.0), red])
}

#[track_caller]
fn holds(text: &str, record: &Record) -> bool {
    let query: Query = text.parse().unwrap_or_else(|e| panic!("{text}: {e}"));
    let read: Query = query.to_string().parse().unwrap();
    assert_eq!(read, query, "{text} was written as {query}");
    Matcher::new(&query, &classes()).unwrap_or_else(|e| panic!("{text}: {e}")).matches(record)
}

#[test]
fn conditions_joined_by_and_look_at_one_annotation() {
    let cells = cells();
    for text in [
        "class:WBC and area>0.4",
        "class:rbc and area<0.01 and score>0.5",
        "class:WBC and (area<0.01 or area>0.4)",
        "any(class:WBC) and any(area<0.01)",
        "any(class:WBC) and any(class:RBC)",
        "class:WBC and any(area<0.01)",
        "area<0.01 and class!=WBC",
        "class:WBC,RBC and score>0.5",
        "camera=3 and class:RBC and flag:crowd",
        "not class:'red cell'",
        "not (class:WBC and area<0.01)",
        "class:RBC and box.colour=red",
        "boxes=2 and boxes(class:WBC)=1 and boxes(area<0.9)>=2",
        "boxes(camera=3)=2",
        "class:WBC or class:'red cell'",
        "outcome:fp and class:RBC",
        "class:RBC and outcome:tp,fp",
    ] {
        assert!(holds(text, &cells), "{text}");
    }
    for text in [
        "outcome:fp and class:WBC",
        "outcome:fn",
        "class:WBC and area<0.01",
        "class:WBC and score>0.5",
        "class:WBC and (score>0.5 or box.colour=red)",
        "not class:WBC",
        "class!=WBC,RBC",
        "negative",
        "boxes(camera=4)>0",
        "class:'red cell' and camera=3",
    ] {
        assert!(!holds(text, &cells), "{text}");
    }
}

#[test]
fn conditions_on_assets_look_at_the_asset() {
    let negative = record(Vec::new());
    let id = AssetId::of(b"one");
    let other = AssetId::of(b"two");
    for text in [
        "all",
        "negative",
        "boxes=0 and not class:WBC",
        "width=200 and height<101 and aspect>=2 and bytes>1e3 and channels=3",
        "type:jpeg,PNG",
        "name:*.png and name:'cell (?).*' and not name:*.PNG",
        "camera=3.0 and camera!=4 and camera<10 and camera:*",
        "site=north and site>'east' and site!=3 and not site<3 and not site>3",
        "'odd key'=\"a b\" and asset.\"odd key\":a*",
        "not lacking=3 and not lacking!=3 and not lacking:*",
        "class:WBC or width=200",
        &format!("id:{other},{id} and not id:{other}"),
        "NOT (width<10 OR height<10) AND all",
    ] {
        assert!(holds(text, &negative), "{text}");
    }
    for text in ["class:WBC", "class!=WBC", "any(width=200)", "area<1", "name:cell", "camera=30"] {
        assert!(!holds(text, &negative), "{text}");
    }
}

#[test]
fn a_class_outside_the_table_is_found_by_its_name() {
    let kept = Annotation::new(Class::Name("Platelet".into()), BBox::new(0.0, 0.0, 1.0, 1.0));
    let record = record(vec![kept]);
    assert!(holds("unlisted:platelet and area<0.1 and class!=WBC", &record));
    assert!(!holds("unlisted:WBC", &record) && !holds("class:WBC,RBC", &record));
}

#[test]
fn an_error_points_at_the_column() {
    for (text, column, expected) in [
        ("", 1, "a condition"),
        ("class", 6, "`:`"),
        ("class:", 7, "the name of a class, found the end"),
        ("class:WBC and", 14, "a condition"),
        ("class:WBC area<1", 11, "`and`, `or` or the end"),
        ("größe=3 and area<x", 18, "a number, found `x`"),
        ("(class:WBC or all", 18, "`and`, `or` or `)`, found the end"),
        ("area 3", 6, "one of ="),
        ("any class:WBC", 5, "`(`"),
        ("boxes>=1.5", 8, "a whole number"),
        ("type:gif", 6, "one of jpeg, png, bmp, webp"),
        ("id:abc", 4, "64 hexadecimal digits"),
        ("flag:big", 6, "one of difficult"),
        ("name:'abc", 6, "no ' at its end"),
        ("clas:WBC", 1, "write `class`, or `asset.clas`"),
        ("aera<0.1", 1, "write `area`"),
        ("camera", 7, "one of ="),
        ("box.=3", 5, "the name of an attribute"),
        ("area<inf", 6, "a number"),
        ("camera==3", 8, "a value (compare by one of = != < <= > >=; a text that begins"),
        ("größe = =3", 9, "found `=3`"),
        ("camera<>3", 8, "in quotes), found `>3`"),
        ("camera=>3", 8, "compare by"),
        ("camera=<3", 8, "compare by"),
        ("box.colour:=red", 12, "compare by"),
        ("area==0.1", 6, "a number (compare by"),
        ("boxes==3", 7, "a whole number (compare by"),
        ("class:=WBC", 7, "the name of a class (compare by"),
        ("name:!*.png", 6, "compare by"),
    ] {
        let error = text.parse::<Query>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let message = error.to_string();
        assert!(message.starts_with(&format!("column {column} of the query: ")), "{message}");
        assert!(message.contains(expected), "{text}: {message}");
    }
}

#[test]
fn a_value_that_begins_with_a_sign_stands_in_quotes() {
    let mut record = record(Vec::new());
    record.asset.attributes.insert("camera".to_owned(), "=3".to_owned());
    assert!(holds("camera='=3' and camera:\"=*\" and camera!=3", &record));
    record.asset.attributes.insert("camera".to_owned(), "a=3;~".to_owned());
    assert!(holds("camera=a=3;~", &record));
}

#[test]
fn so_many_parentheses_stand_in_each_other_as_the_message_says() {
    let nested = |depth| format!("{}all{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(nested(64).parse::<Query>().unwrap(), Query::All);
    assert!(format!("{}all", "not ".repeat(64)).parse::<Query>().is_ok());
    for depth in [65, 100_000] {
        let error = nested(depth).parse::<Query>().unwrap_err().to_string();
        assert!(error.contains("more than 64"), "{error}");
    }
}

#[test]
fn an_error_shows_a_long_query_near_the_place_alone() {
    let part = "größe>3 and ";
    let text = format!("{}camera==3 and {}all", part.repeat(1000), part.repeat(1000));
    let error = text.parse::<Query>().unwrap_err();
    assert!(error.message().starts_with("column 12008 of the query: "), "{error}");
    let (_, shown) = error.context().iter().find(|(key, _)| key == "query").unwrap();
    assert!(shown.contains("camera==3") && shown.chars().count() < 250, "{shown}");
    assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
}

#[test]
fn classes_are_looked_up() {
    let unknown = Matcher::new(&"class:cow".parse().unwrap(), &classes()).unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    for text in ["class:WBC and area<1 and (class:RBC and all)", "not (class:WBC and class:rbc)"] {
        let error = Matcher::new(&text.parse().unwrap(), &classes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("any(class:WBC) and any(class:RBC)"), "{error}");
    }
    for text in
        ["class:WBC,RBC and class:RBC", "class:WBC and class!=RBC", "any(class:WBC) and class:RBC"]
    {
        assert!(Matcher::new(&text.parse().unwrap(), &classes()).is_ok(), "{text}");
    }
}

fn compare() -> impl Strategy<Value = Compare> {
    prop::sample::select(vec![
        Compare::Equal,
        Compare::NotEqual,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ])
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[0-9]{1,3}",
        "\\PC{0,8}",
        "[ \"'\\\\(),:=<#*?.-]{0,6}",
        prop::sample::select(vec!["and", "or", "not", "class", "asset.x", "box.", "clas", "boxes"])
            .prop_map(str::to_owned),
    ]
}

fn test() -> impl Strategy<Value = TextTest> {
    prop_oneof![
        (compare(), text()).prop_map(|(compare, text)| TextTest::Compare(compare, text)),
        text().prop_map(TextTest::Like),
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![(-10i32..1000).prop_map(f64::from), 0.0..1.0, prop::num::f64::NORMAL]
}

fn class_names() -> impl Strategy<Value = Vec<Class>> {
    let known = prop::sample::select(vec!["WBC", "RBC", "red cell"]);
    prop::collection::vec(known.prop_map(|name| Class::Name(name.to_owned())), 1..3)
}

fn asset_condition() -> impl Strategy<Value = AssetCondition> {
    let numbers = [AssetNumber::Width, AssetNumber::Aspect, AssetNumber::Bytes];
    let kinds = [MediaType::Jpeg, MediaType::Png, MediaType::Bmp, MediaType::Webp];
    let id = any::<[u8; 1]>().prop_map(|bytes| AssetId::of(&bytes));
    prop_oneof![
        (prop::sample::select(numbers.to_vec()), compare(), number())
            .prop_map(|(which, compare, value)| AssetCondition::Number(which, compare, value)),
        prop::collection::vec(prop::sample::select(kinds.to_vec()), 1..3)
            .prop_map(AssetCondition::MediaType),
        text().prop_map(AssetCondition::FileName),
        prop::collection::vec(id, 1..3).prop_map(AssetCondition::Id),
        (text(), test()).prop_map(|(key, test)| AssetCondition::Attribute(key, test)),
    ]
}

fn annotation_condition() -> impl Strategy<Value = AnnotationCondition> {
    let numbers =
        [AnnotationNumber::Area, AnnotationNumber::BoxWidthPixels, AnnotationNumber::Score];
    let marks = [Mark::Difficult, Mark::Truncated, Mark::Occluded, Mark::Crowd];
    prop_oneof![
        (class_names(), any::<bool>())
            .prop_map(|(classes, not)| AnnotationCondition::Class { classes, not }),
        prop::collection::vec(text(), 1..3).prop_map(AnnotationCondition::Unlisted),
        (prop::sample::select(numbers.to_vec()), compare(), number())
            .prop_map(|(which, compare, value)| AnnotationCondition::Number(which, compare, value)),
        prop::sample::select(marks.to_vec()).prop_map(AnnotationCondition::Mark),
        (text(), test()).prop_map(|(key, test)| AnnotationCondition::Attribute(key, test)),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let leaf = prop_oneof![
        1 => Just(Query::All),
        1 => Just(Query::negative()),
        3 => asset_condition().prop_map(Query::Asset),
        3 => annotation_condition().prop_map(Query::Annotation),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Query::Or),
            inner.clone().prop_map(Query::negate),
            (inner, compare(), 0u64..4).prop_map(|(query, compare, n)| Query::Count(
                Box::new(query),
                compare,
                n
            )),
        ]
    })
}

/// Queries that the counts of a set can often answer.
fn countable() -> impl Strategy<Value = Query> {
    let class = (class_names(), any::<bool>())
        .prop_map(|(classes, not)| Query::Annotation(AnnotationCondition::Class { classes, not }));
    let small =
        Query::Annotation(AnnotationCondition::Number(AnnotationNumber::Area, Compare::Less, 0.2));
    let leaf = prop_oneof![2 => class, 1 => Just(small), 1 => Just(Query::All)];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Query::And),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Query::Or),
            inner.clone().prop_map(Query::negate),
            (inner, compare(), 0u64..3).prop_map(|(query, compare, n)| Query::Count(
                Box::new(query),
                compare,
                n
            )),
        ]
    })
}

proptest! {
    #[test]
    fn the_text_of_a_query_reads_as_the_query(query in query()) {
        let text = query.to_string();
        let read: Query = text.parse().map_err(|e| TestCaseError::fail(format!("{text}: {e}")))?;
        prop_assert_eq!(&read, &query, "{}", text);
    }

    #[test]
    fn whatever_is_written_is_read_or_refused(text in "\\PC{0,40}") {
        if let Ok(query) = text.parse::<Query>() {
            let again: Query = query.to_string().parse().unwrap();
            prop_assert_eq!(again, query);
        }
    }

    /// Where the counts tell, they tell what looking at each record does.
    #[test]
    fn counts_agree_with_records(
        query in countable(),
        assets in prop::collection::vec(prop::collection::vec((0u32..4, 1u32..100), 0..4), 0..4),
    ) {
        // Of no class that the table has: one in four.
        let annotation = |(class, w): &(u32, u32)| {
            let mut annotation = boxed(*class, f64::from(*w), 100.0);
            if *class == 3 {
                annotation.class = Class::Name("other".into());
            }
            annotation
        };
        let records: Vec<Record> =
            assets.iter().map(|boxes| record(boxes.iter().map(annotation).collect())).collect();
        let mut summary = Summary::default();
        records.iter().for_each(|record| summary.add(record));
        // What asks one annotation to be of two classes is refused.
        let Ok(matcher) = Matcher::new(&query, &classes()) else { return Ok(()) };
        let count = records.iter().filter(|record| matcher.matches(*record)).count() as u64;
        if let Some(told) = matcher.count_in(&summary) {
            prop_assert_eq!(told, count, "{}", query);
        }
    }

    /// An `or` may be multiplied out.
    #[test]
    fn or_is_distributive(a in query(), b in query(), c in query()) {
        let short = a.clone().and(b.clone().or(c.clone()));
        let long = a.clone().and(b).or(a.and(c));
        let (Ok(short), Ok(long)) =
            (Matcher::new(&short, &classes()), Matcher::new(&long, &classes()))
        else {
            return Ok(());
        };
        for record in [cells(), record(Vec::new())] {
            prop_assert_eq!(short.matches(&record), long.matches(&record));
        }
    }
}
