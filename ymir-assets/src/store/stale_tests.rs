use std::collections::BTreeSet;

use super::*;

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn what_the_dead_left_goes_and_what_is_in_use_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let packs = ["pack-a.pack", "pack-a.idx", "pack-half.pack"];
    for name in
        packs.into_iter().chain(["tmp_pack_a", ".tmpValue", ".tmpLocked", "blob-a", "link-a"])
    {
        fs::write(path(name), name).unwrap();
    }
    // A lock that its maker left behind is known by its second link.
    fs::create_dir(path("refs")).unwrap();
    fs::hard_link(path(".tmpLocked"), path("refs/branch.lock")).unwrap();
    let before = names(dir.path());

    remove_stale(dir.path());
    assert_eq!(names(dir.path()), before, "none is as old as a day");

    remove_older(dir.path(), Duration::ZERO);
    let left = [".tmpLocked", "pack-a.idx", "pack-a.pack", "refs"].map(str::to_owned);
    assert_eq!(names(dir.path()), BTreeSet::from(left));

    fs::remove_file(path("refs/branch.lock")).unwrap();
    remove_older(dir.path(), Duration::ZERO);
    assert!(!names(dir.path()).contains(".tmpLocked"));
}
