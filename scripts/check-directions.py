#!/usr/bin/env python3
"""Fails if a crate depends on what ARCHITECTURE.md does not let it depend on.

core <- formats <- {assets, data, mir, eval, tmi, labeling} <- ymir <- {cli, bindings, benches}; those
in braces never import each other; the core's dependency tree has no runtime, store, engine or wire
format; what is heavy or optional is named by one crate alone.
"""
import json
import subprocess
import sys

CORE = {"ymir-core"}
BELOW = CORE | {"ymir-formats"}
SIBLINGS = {"ymir-assets", "ymir-data", "ymir-mir", "ymir-eval", "ymir-tmi", "ymir-labeling"}
ALLOWED = {
    "ymir-core": set(),
    "ymir-formats": CORE,
    **{sibling: BELOW for sibling in SIBLINGS},
    "ymir-testkit": CORE,
    # The facade offers the testkit as a feature, for demos.
    "ymir": BELOW | SIBLINGS | {"ymir-testkit"},
    "ymir-detector": set(),
    "ymir-cli": {"ymir"},
    "ymir-node": {"ymir"},
    "ymir-benches": {"ymir"},
    "ymir-python": {"ymir"},
}
# Tests may also use the suites, doubles and generators of the testkit; what works over any store is
# tested over the one in git too.
ALLOWED_IN_TESTS = {name: {"ymir-testkit"} for name in ALLOWED}
ALLOWED_IN_TESTS["ymir-data"] |= {"ymir-assets"}
ALLOWED_IN_TESTS["ymir-mir"] |= {"ymir-assets"}
NOT_IN_CORE = {"tokio", "git2", "bollard", "prost", "hyper", "reqwest", "rusqlite", "rayon"}
OWNERS = {
    # The original's repositories are git and protobuf too.
    "git2": {"ymir-assets", "ymir-mir"},
    "prost": {"ymir-assets", "ymir-mir"},
    "object_store": {"ymir-assets"},
    "bollard": {"ymir-tmi"},
    "nvml-wrapper": {"ymir-tmi"},
    "rusqlite": {"ymir-tmi"},
}


def main() -> int:
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    members = set(metadata["workspace_members"])
    packages = {package["id"]: package for package in metadata["packages"]}
    ours = {packages[id]["name"]: packages[id] for id in members}
    faults = [f"{name}: not listed in {sys.argv[0]}" for name in ours.keys() - ALLOWED.keys()]
    for name, package in ours.items():
        for dependency in package["dependencies"]:
            target, in_tests = dependency["name"], dependency["kind"] == "dev"
            allowed = ALLOWED.get(name, set()) | (ALLOWED_IN_TESTS[name] if in_tests else set())
            if target in ours and target not in allowed:
                faults.append(f"{name} must not depend on {target}")
            owners = OWNERS.get(target, {name})
            if name not in owners and not in_tests:
                faults.append(f"{name} must not name {target}: only {', '.join(owners)} may")
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    reached, todo = set(), [ours["ymir-core"]["id"]]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            normal = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if normal and dependency["pkg"] not in reached:
                reached.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    for id in reached:
        if packages[id]["name"] in NOT_IN_CORE:
            faults.append(f"ymir-core must not reach {packages[id]['name']}")
    print("\n".join(sorted(faults)) or f"{len(ours)} crates, {len(reached)} crates below the core: fine")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
