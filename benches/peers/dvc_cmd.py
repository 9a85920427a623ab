"""The work by DVC: it versions folders and knows nothing of what is in them."""

import shutil
import subprocess
import sys
from pathlib import Path

from step import Run, run

DVC = Path(sys.executable).with_name("dvc")


def call(step: Run, *command: object) -> None:
    subprocess.run(
        list(map(str, command)),
        cwd=step.work / "repository",
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def load(step: Run) -> None:
    repository = step.work / "repository"
    repository.mkdir()
    call(step, "git", "init", "-q")
    call(step, DVC, "init", "-q")
    call(step, DVC, "config", "core.analytics", "false")
    # Copies of their own, since it takes the files over.
    for folder in ("images", "coco/annotations"):
        shutil.copytree(step.data / folder, repository / "data" / folder)
    with step.timed():
        call(step, DVC, "add", "-q", "data")


def append(step: Run) -> None:
    for image in (step.data / "one/images").iterdir():
        shutil.copy(image, step.work / "repository/data/images")
    with step.timed():
        call(step, DVC, "add", "-q", "data")


run({"import coco": load, "add one": append})
