"""The work by the original's command line, `ymir-cmd`."""

import json
import os
import subprocess
import sys
from pathlib import Path

from step import CLASS, PARTS, Run, run

MIR = Path(sys.executable).with_name("mir")
CLASSES = [{"id": n, "name": f"class_{n}", "aliases": []} for n in range(10)]
NOBODY = {
    f"GIT_{who}_{what}": f"{who}@example.com".lower()
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


def mir(step: Run, *arguments: object) -> None:
    repository = step.work / "repository"
    command = [str(MIR), *map(str, arguments), "--root", str(repository)]
    subprocess.run(
        command,
        cwd=repository,
        env=os.environ | NOBODY,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def load(step: Run, data: Path, revision: str) -> None:
    (step.work / "media").mkdir(exist_ok=True)
    images = sorted((data / "images").iterdir())
    index = step.work / "index.tsv"
    index.write_text("".join(f"{path}\n" for path in images))
    arguments = ["--index-file", index, "--gen-dir", step.work / "media", "--dst-rev", revision]
    annotations = data / "voc/Annotations"
    with step.timed():
        mir(
            step,
            *("import", *arguments, "--gt-dir", annotations, "--anno-type", "det-box"),
            *("--unknown-types-strategy", "add"),
        )


def import_voc(step: Run) -> None:
    (step.work / "repository").mkdir()
    mir(step, "init", "--with-empty-rev", "empty@t0")
    labels = {"labels": CLASSES, "ymir_version": "2.0.0"}
    # JSON is YAML.
    (step.work / "repository/.mir/labels.yaml").write_text(json.dumps(labels))
    load(step, step.data, "all@t1")


def append(step: Run) -> None:
    load(step, step.data / "one", "one@t2")
    with step.timed():
        mir(
            step,
            "merge",
            "--src-revs",
            "tr:all@t1;tr:one@t2",
            "--dst-rev",
            "grown@t3",
            "-s",
            "host",
        )
    step.times = [sum(step.times)]


def filtered(step: Run) -> None:
    with step.timed():
        mir(step, "filter", "--src-revs", "all@t1", "--dst-rev", "filtered@t4", "-p", CLASS)


def merge(step: Run) -> None:
    for n, name in enumerate(PARTS):
        revision = f"part{n}@t{5 + n}"
        mir(step, "filter", "--src-revs", "all@t1", "--dst-rev", revision, "-p", name)
    with step.timed():
        revisions = "tr:part0@t5;tr:part1@t6"
        mir(step, "merge", "--src-revs", revisions, "--dst-rev", "merged@t7", "-s", "host")


run(
    {
        "import voc": import_voc,
        "add one": append,
        "filter": filtered,
        "merge": merge,
    }
)
