//! The GPU allocator and the leases, without any GPU.

use std::collections::BTreeSet;

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use ymir_core::ErrorKind;
use ymir_tmi::gpu::{
    Device, DeviceId, DeviceLease, DeviceSource, FixedDevices, LeaseDir, NoDevices, allocate,
    available,
};

fn id(index: u32) -> DeviceId {
    DeviceId::new(format!("GPU-{index}")).expect("a valid id")
}

fn device(index: u32, numa_node: Option<u32>) -> Device {
    Device {
        id: id(index),
        index,
        name: "test".to_owned(),
        memory_total: 1000,
        memory_used: 0,
        numa_node,
        busy: false,
    }
}

prop_compose! {
    fn any_device(index: u32)(node in prop::option::of(0..3u32), busy: bool, memory_used in 0..1000u64)
        -> Device {
        Device { busy, memory_used, ..device(index, node) }
    }
}

fn hosts() -> impl Strategy<Value = Vec<Device>> {
    (0..12u32).prop_flat_map(|n| (0..n).map(any_device).collect::<Vec<_>>()).prop_shuffle()
}

proptest! {
    #[test]
    fn whole_free_devices_whenever_there_are_enough(
        devices in hosts(),
        leased in btree_set((0..12u32).prop_map(id), 0..6),
        count in 0..13u32,
    ) {
        let usable = |d: &&Device| !d.busy && !leased.contains(&d.id);
        let free: BTreeSet<_> = devices.iter().filter(usable).map(|d| &d.id).collect();
        let seen: BTreeSet<_> = available(&devices, &leased).into_iter().map(|d| &d.id).collect();
        prop_assert_eq!(&seen, &free);
        let granted = allocate(&devices, &leased, count);
        prop_assert_eq!(granted.is_some(), free.len() >= count as usize);
        if let Some(granted) = granted {
            let unique: BTreeSet<_> = granted.iter().collect();
            prop_assert_eq!(unique.len(), count as usize);
            prop_assert_eq!(granted.len(), count as usize);
            prop_assert!(unique.is_subset(&free));
        }
    }

    #[test]
    fn one_node_suffices_when_one_can(devices in hosts(), count in 1..5u32) {
        let none = BTreeSet::new();
        let node = |id: &DeviceId| {
            devices.iter().find(|d| d.id == *id).and_then(|d| d.numa_node)
        };
        let free = available(&devices, &none);
        let room = |at| free.iter().filter(|d| d.numa_node == at).count();
        let whole = free.iter().any(|d| room(d.numa_node) >= count as usize);
        if let Some(granted) = allocate(&devices, &none, count) {
            let nodes: BTreeSet<_> = granted.iter().map(node).collect();
            prop_assert_eq!(nodes.len() == 1, whole);
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(
        (devices, shuffled) in hosts().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        count in 0..5u32,
    ) {
        let none = BTreeSet::new();
        prop_assert_eq!(allocate(&devices, &none, count), allocate(&shuffled, &none, count));
    }

    #[test]
    fn grants_one_after_the_other_are_disjoint(
        devices in hosts(),
        counts in vec(0..4u32, 0..10),
    ) {
        let mut leased = BTreeSet::new();
        for count in counts {
            let before = leased.len();
            let granted = allocate(&devices, &leased, count).unwrap_or_default();
            leased.extend(granted.iter().cloned());
            prop_assert_eq!(leased.len(), before + granted.len());
        }
    }
}

#[test]
fn the_tightest_node_and_the_emptiest_device_come_first() {
    let nodes = [Some(0), Some(0), Some(0), Some(1), Some(1)];
    let mut devices: Vec<_> = (0..).zip(nodes).map(|(n, node)| device(n, node)).collect();
    devices[0].memory_used = 10;
    let none = BTreeSet::new();
    assert_eq!(allocate(&devices, &none, 2), Some(vec![id(3), id(4)]));
    assert_eq!(allocate(&devices, &none, 3), Some(vec![id(1), id(2), id(0)]));
    assert_eq!(allocate(&devices, &none, 4), Some(vec![id(1), id(2), id(0), id(3)]));
    // A device that the driver names twice is there once.
    devices.push(devices[0].clone());
    assert_eq!(allocate(&devices, &none, 6), None);
}

#[test]
fn a_device_id_is_a_plain_file_name() {
    for text in ["", ".", "..", "../x", "a/b", "-a", "a b", "a\0", "ä", &"x".repeat(129)] {
        assert_eq!(DeviceId::new(text).expect_err(text).kind(), ErrorKind::InvalidInput);
    }
    let uuid = "GPU-8932f937-d72c-4106-c12f-20bd9faed9f6";
    assert_eq!(DeviceId::new(uuid).expect("valid").as_str(), uuid);
}

#[test]
fn a_lease_excludes_others_until_it_is_given_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("shared").join("leases");
    let (one, other) = (LeaseDir::new(&path), LeaseDir::new(&path));
    assert_eq!(one.leases().expect("no error"), []);
    assert!(one.try_lease(&id(0), "first").expect("no error"));
    assert!(!one.try_lease(&id(0), "second").expect("no error"));
    assert!(!other.try_lease(&id(0), "third").expect("no error"));
    assert!(other.try_lease(&id(1), "fourth").expect("no error"));
    let note = |device, note: &str| DeviceLease { device, own: true, note: note.to_owned() };
    let mut leases = other.leases().expect("no error");
    leases.sort_by_key(|lease| lease.device.clone());
    assert_eq!(leases, [note(id(0), "first"), note(id(1), "fourth")]);
    one.release(&id(0)).expect("given back");
    one.release(&id(0)).expect("nothing happens");
    assert!(other.try_lease(&id(0), "fifth").expect("no error"));
}

#[cfg(unix)]
#[test]
fn everybody_can_use_the_leases() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("leases");
    assert!(LeaseDir::new(&path).try_lease(&id(0), "").expect("no error"));
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
    };
    assert_eq!(mode(&path), 0o1777);
    assert_eq!(mode(&path.join("GPU-0")), 0o644, "others read it and cannot change it");
}

#[cfg(unix)]
#[test]
fn a_link_in_place_of_a_lease_is_not_followed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let leases = LeaseDir::new(dir.path().join("leases"));
    assert!(leases.try_lease(&id(1), "").expect("no error"));
    let secret = dir.path().join("secret");
    std::fs::write(&secret, "secret").expect("written");
    std::os::unix::fs::symlink(&secret, leases.path().join("GPU-0")).expect("linked");
    assert!(!leases.try_lease(&id(0), "x").expect("no error"));
    let notes = leases.leases().expect("no error").into_iter().map(|lease| lease.note);
    assert!(notes.into_iter().all(|note| note.is_empty()));
    assert_eq!(std::fs::read_to_string(&secret).expect("there"), "secret");
}

#[test]
fn a_path_that_is_no_directory_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("leases");
    std::fs::write(&path, "").expect("written");
    let error = LeaseDir::new(&path).try_lease(&id(0), "").expect_err("no directory");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
}

#[test]
fn sources_list_what_they_have() {
    assert_eq!(NoDevices.devices().expect("no error"), []);
    let devices = vec![device(0, None), device(1, Some(1))];
    assert_eq!(FixedDevices::new(devices.clone()).devices().expect("no error"), devices);
}

/// On a host with a driver it lists the devices, each once; on one without, none.
#[cfg(feature = "nvidia")]
#[test]
fn nvml_lists_devices_or_none() {
    let devices = ymir_tmi::gpu::NvmlDevices::new().devices().expect("no error");
    let driver = std::path::Path::new("/dev/nvidiactl").exists();
    assert_eq!(devices.is_empty(), !driver);
    let ids: BTreeSet<_> = devices.iter().map(|device| &device.id).collect();
    assert_eq!(ids.len(), devices.len());
}
