#!/usr/bin/env python3
"""Keeps the programs in documents true.

    scripts/documents.py write      puts programs into the documents that show them
    scripts/documents.py check      fails where a document shows another text than the program has
    scripts/documents.py run LANGUAGE FILE DIR -- COMMAND…
                                    runs the blocks of a language in a document, one after the other
                                    and all of them twice, in a directory: COMMAND gets the file

A document shows a program where a comment names its path, followed by a block of code:
`<!-- program: ymir/examples/open.rs -->`. A block is run unless its fence says `ignore`.
"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "docs/programs.md", "ymir/README.md"]
SHOWN = re.compile(r"(<!-- program: (\S+) -->\n+```[^\n]*\n)(.*?)(```\n)", re.DOTALL)
SUFFIXES = {"python": "py", "js": "mjs", "sh": "sh"}


def shown(document: Path) -> str:
    """Returns the text of a document with each program as its file has it."""
    def program(found: re.Match[str]) -> str:
        return found[1] + (ROOT / found[2]).read_text() + found[4]

    return SHOWN.sub(program, document.read_text())


def blocks(document: Path, language: str) -> list[str]:
    """Returns the blocks of a language that can be run."""
    found = re.findall(r"^```(\S+)([^\n]*)\n(.*?)^```$", document.read_text(), re.DOTALL | re.MULTILINE)
    return [text for name, rest, text in found if name == language and "ignore" not in rest]


def run(language: str, document: Path, directory: Path, command: list[str]) -> int:
    """Runs the blocks of a document twice; returns how many there are."""
    programs = blocks(document, language)
    for turn in (1, 2):
        for number, text in enumerate(programs, 1):
            program = directory / f"block-{number}.{SUFFIXES[language]}"
            program.write_text(text)
            print(f"-- {document}, block {number} of {language}, run {turn}", flush=True)
            subprocess.run([*command, program.name], cwd=directory, check=True)
    return len(programs)


def main() -> int:
    match sys.argv[1:]:
        case ["write"]:
            for name in DOCUMENTS:
                (ROOT / name).write_text(shown(ROOT / name))
        case ["check"]:
            stale = [name for name in DOCUMENTS if shown(ROOT / name) != (ROOT / name).read_text()]
            for name in stale:
                print(f"{name} shows other programs than there are: run scripts/documents.py write")
            return len(stale)
        case ["run", language, document, directory, "--", *command]:
            if run(language, Path(document), Path(directory), command) == 0:
                print(f"{document} has no block of {language} to run")
                return 1
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
