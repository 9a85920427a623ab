use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Device, DeviceId};

/// Returns the devices that can be granted: neither busy nor leased, each once, by index.
pub fn available<'a>(devices: &'a [Device], leased: &BTreeSet<DeviceId>) -> Vec<&'a Device> {
    let mut seen = BTreeSet::new();
    let mut free: Vec<_> = devices
        .iter()
        .filter(|device| !device.busy && !leased.contains(&device.id) && seen.insert(&device.id))
        .collect();
    free.sort_by_key(|device| (device.index, &device.id));
    free
}

/// Chooses whole devices for a request, in the order in which the executor numbers them; `None` if
/// fewer are available than it asks for.
///
/// It depends on its arguments alone. A request that fits on one NUMA node gets devices of the node
/// with the fewest available ones that suffice, so that larger requests find a whole node later;
/// otherwise the nodes with the most are used first. Within a node, devices with more free memory
/// come first, then those with the lower index.
///
/// ```
/// use std::collections::BTreeSet;
/// use ymir_tmi::gpu::{Device, DeviceId, allocate};
///
/// let id = DeviceId::new("GPU-1")?;
/// let device = Device {
///     id: id.clone(),
///     index: 0,
///     name: "A100".into(),
///     memory_total: 80 << 30,
///     memory_used: 0,
///     numa_node: None,
///     busy: false,
/// };
/// assert_eq!(allocate(&[device.clone()], &BTreeSet::new(), 1), Some(vec![id.clone()]));
/// assert_eq!(allocate(&[device], &BTreeSet::from([id]), 1), None);
/// # Ok::<(), ymir_core::Error>(())
/// ```
pub fn allocate(
    devices: &[Device],
    leased: &BTreeSet<DeviceId>,
    count: u32,
) -> Option<Vec<DeviceId>> {
    let count = usize::try_from(count).ok()?;
    let free = available(devices, leased);
    if free.len() < count {
        return None;
    }
    let mut nodes: BTreeMap<Option<u32>, Vec<&Device>> = BTreeMap::new();
    for device in free {
        nodes.entry(device.numa_node).or_default().push(device);
    }
    let mut nodes: Vec<_> = nodes.into_values().collect();
    // Stable: among nodes of one size the one with the lower number stays first.
    nodes.sort_by_key(|node| Reverse(node.len()));
    let tightest = nodes.iter().rposition(|node| node.len() >= count);
    if let Some(position) = tightest {
        let size = nodes[position].len();
        let first = nodes.iter().position(|node| node.len() == size).unwrap_or(position);
        nodes = vec![nodes.swap_remove(first)];
    }
    for node in &mut nodes {
        node.sort_by_key(|device| (Reverse(device.memory_free()), device.index, &device.id));
    }
    Some(nodes.into_iter().flatten().take(count).map(|device| device.id.clone()).collect())
}
