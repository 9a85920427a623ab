#!/usr/bin/env python3
"""Writes docs/api/methods.md: which method each language has.

    scripts/api-table.py            writes the table
    scripts/api-table.py --check    fails if it is out of date, or if a language lacks a method
                                    without a reason in docs/api/exceptions.toml

Names are read from the sources: those of Rust in snake case, Python's without `_async`, Node's in
camel case and without `Sync`.
"""
import ast
import re
import sys
from pathlib import Path

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "docs/api/methods.md"
EXCEPTIONS = ROOT / "docs/api/exceptions.toml"
NOUNS = [
    *("Workspace", "Dataset", "Model", "Task", "Project", "Iteration", "Evaluation", "Outcomes"),
    "LabelJob",
]
LANGUAGES = ["Rust", "Python", "Node"]
# What the nouns are called in Rust.
RUST = {"ProjectHandle": "Project", "Evaluated": "Evaluation"}


def rust() -> dict[str, set[str]]:
    found = {noun: set() for noun in NOUNS}
    files = [*(ROOT / "ymir/src").rglob("*.rs")]
    files += [ROOT / "ymir-core/src" / name for name in ("iteration.rs", "model.rs")]
    for file in files:
        noun = None
        for line in file.read_text().splitlines():
            if match := re.match(r"(?:impl|pub struct)(?:<[^>]*>)? (\w+)", line):
                name = RUST.get(match[1], match[1])
                noun = name if name in found and " for " not in line else None
            elif line.startswith("}"):
                noun = None
            elif noun and (match := re.match(r"    pub (?:const |async )*fn (\w+)", line)):
                found[noun].add(match[1])
            elif noun and (match := re.match(r"    pub (\w+): ", line)):
                found[noun].add(match[1])
            elif noun and (match := re.match(r"        (\w+) -> .*,$", line)):
                found[noun].add(match[1])  # getters that a macro makes
    return found


def python() -> dict[str, set[str]]:
    classes = {}
    for file in (ROOT / "bindings-python/python/ymir").rglob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name] = node

    def members(noun: str) -> set[str]:
        if noun not in classes:
            return set()
        found = set()
        for base in classes[noun].bases:
            base = base.value if isinstance(base, ast.Subscript) else base
            found |= members(getattr(base, "id", ""))
        for member in classes[noun].body:
            name = getattr(member, "name", None)
            if isinstance(member, ast.AnnAssign):
                name = member.target.id
            if name == "__len__":
                found.add("len")
            elif name and not name.startswith("_"):
                found.add(name.removesuffix("_async"))
        return found

    return {noun: members(noun) for noun in NOUNS}


def node() -> dict[str, set[str]]:
    found = {noun: set() for noun in NOUNS}
    for file in (ROOT / "bindings-node/src").rglob("*.ts"):
        noun, internal = None, False
        for line in file.read_text().splitlines():
            internal |= "@internal" in line
            if match := re.match(r"export (?:abstract )?(?:class|interface) (\w+)", line):
                noun, internal = match[1] if match[1] in found else None, False
            elif line.startswith("}"):
                noun = None
            elif noun and "private " not in line and (match := re.match(
                r"  (?:static |async |get |readonly |\*)*([a-zA-Z]\w*)[?!]?(?:<[^>]*>)?[(:]", line
            )):
                name = match[1].removesuffix("Sync")
                if name != "constructor" and not internal:
                    found[noun].add(re.sub(r"([A-Z])", lambda m: "_" + m[1].lower(), name))
                internal = False
    return found


def main() -> int:
    exceptions = tomllib.loads(EXCEPTIONS.read_text())
    have = {"Rust": rust(), "Python": python(), "Node": node()}
    faults, lines, notes = [], [], []
    for noun in NOUNS:
        reasons = exceptions.get(noun, {})
        same = reasons.get("same", {})  # a name of one language for what others call otherwise
        for language in LANGUAGES:
            named = have[language][noun]
            have[language][noun] = {same.get(name, name) for name in named}
        methods = sorted(set().union(*(have[language][noun] for language in LANGUAGES)))
        lines += ["", f"## {noun}", "", "| | Rust | Python | Node |", "|---|---|---|---|"]
        for method in methods:
            cells = []
            for language in LANGUAGES:
                reason = reasons.get(language, {}).get(method)
                if method in have[language][noun]:
                    cells.append("✓")
                elif reason:
                    if reason not in notes:
                        notes.append(reason)
                    cells.append(f"[{notes.index(reason) + 1}](#without)")
                else:
                    cells.append("**missing**")
                    faults.append(f"{language} lacks {noun}.{method}: add it, or a reason")
            lines.append(f"| `{method}` | " + " | ".join(cells) + " |")
        known = {name for group in reasons.values() for name in group}
        for name in sorted(known - set(methods) - set(same)):
            faults.append(f"{noun}.{name} has a reason, and no language has it")
    text = "\n".join([
        "# Methods by language", "",
        "Generated by `scripts/api-table.py`; do not edit. Names are Rust's; Python adds `_async` to",
        "each that waits, Node writes them in camel case and adds `Sync` to what also answers at once.",
        *lines, "", "## Without", "",
        *(f"{i}. {note}" for i, note in enumerate(notes, 1)), ""])
    if "--check" in sys.argv:
        if TABLE.read_text() != text:
            faults.append(f"{TABLE.relative_to(ROOT)} is out of date: run scripts/api-table.py")
    else:
        TABLE.write_text(text)
    print("\n".join(faults) or f"{TABLE.relative_to(ROOT)}: every method has its row")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
