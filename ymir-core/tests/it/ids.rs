//! Ids as bytes and as text.

use ymir_core::{ChunkId, ErrorKind, Selector, VersionId, VersionSpec};

#[test]
fn an_id_has_the_length_that_its_store_gives_it() {
    let short = VersionId::new([0xab; 16]);
    let git = VersionId::new([0xab; 20]);
    let long = VersionId::new([0xab; 32]);
    for (id, len) in [(short, 16), (git, 20), (long, 32)] {
        assert_eq!(id.as_bytes(), vec![0xab; len]);
        assert_eq!(id.to_string(), "ab".repeat(len));
        assert_eq!(id.to_string().parse::<VersionId>().unwrap(), id);
        assert_eq!(VersionId::try_from(id.as_bytes()).unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<VersionId>(&json).unwrap(), id);
    }
    assert!(short != git && git != long);
    assert!(short < git && git < long && VersionId::new([0xaa; 32]) < short);
    // Zeros at the end belong to the id.
    let mut zeros = [0xab; 20];
    zeros[16..].fill(0);
    assert_ne!(VersionId::new(zeros), short);
}

#[test]
fn what_is_no_id_is_refused() {
    for text in ["", "abcd", "xyz", &"ab".repeat(15), &"ab".repeat(33), &"a".repeat(41)] {
        let error = text.parse::<VersionId>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    }
    for len in [0, 15, 33] {
        assert!(ChunkId::try_from(vec![1; len].as_slice()).is_err(), "{len}");
    }
}

#[test]
fn a_version_is_named_by_as_many_digits_as_its_id_may_have() {
    let digits = "0f".repeat(32);
    let spec: VersionSpec = format!("train@{digits}").parse().unwrap();
    assert_eq!(spec.selector, Selector::Id(digits.clone()));
    for bad in ["0f0", &format!("{digits}0")] {
        assert!(format!("train@{bad}").parse::<VersionSpec>().is_err(), "{bad}");
    }
}
