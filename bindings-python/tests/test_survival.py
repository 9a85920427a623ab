"""Tasks that outlive the program that started them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import ymir
from data import CLASSES

EXECUTOR = Path(__file__).parents[2] / "ymir/tests/common/executor.sh"

PROGRAM = """
import sys
import ymir
from data import CLASSES

workspace = ymir.open(sys.argv[1])
task = workspace.start_train(
    executor="local:" + sys.argv[2], parameters={"lines": 20},
    classes=CLASSES, training="pool", validation="val", model="m")
for event in task.events():
    if event.line is not None and event.line.text == "line 3":
        print(task.id, flush=True)
        if len(sys.argv) > 3:
            break
"""


def start(workspace: ymir.Workspace, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(workspace.root), str(EXECUTOR), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )


def check(workspace: ymir.Workspace, id: str) -> None:
    task = workspace.task(id)
    assert str(task.wait().version) == "m@v1"
    assert len(workspace.log("model", "m")) == 1
    lines = [line.text for line in task.log() if line.text.startswith("line ")]
    assert lines == [f"line {n}" for n in range(1, 21)]
    status = task.status()
    assert status is not None
    assert (status.state, status.owner, status.stalled) == ("done", None, None)
    assert status.spec["parameters"]["lines"] == 20


def test_a_task_goes_on_after_a_kill(filled: ymir.Workspace) -> None:
    program = start(filled)
    assert program.stdout is not None
    id = program.stdout.readline().strip()
    program.kill()
    program.wait()
    check(filled, id)


def test_a_program_that_ends_leaves_its_task_going(filled: ymir.Workspace) -> None:
    program = start(filled, "leave")
    assert program.stdout is not None
    id = program.stdout.readline().strip()
    assert program.wait() == 0
    check(filled, id)


def test_closing_says_which_tasks_go_on(filled: ymir.Workspace) -> None:
    workspace = ymir.open(filled.root)
    options: ymir.TrainOptions = {
        "executor": f"local:{EXECUTOR}",
        "parameters": {"lines": 20},
        "classes": CLASSES,
        "training": "pool",
        "validation": "val",
        "model": "m",
    }
    task = workspace.start_train(**options)
    assert workspace.start_train(**options).id == task.id, "it is joined"
    with pytest.warns(UserWarning, match="goes on without this program"):
        workspace.close()
    assert task.id is not None
    check(filled, task.id)


def test_who_observes_starts_and_adopts_nothing(filled: ymir.Workspace) -> None:
    with ymir.open(filled.root, observe_tasks=True) as workspace:
        assert workspace.tasks() == []
        with pytest.raises(ymir.UnsupportedError):
            workspace.train(
                executor=f"local:{EXECUTOR}",
                classes=CLASSES,
                training="pool",
                validation="val",
                model="m",
            )


def test_what_is_held_and_left_is_listed(filled: ymir.Workspace) -> None:
    assert filled.wait_all() == []
    assert [lease for lease in filled.host_leases() if lease.root == str(filled.root)] == []
    assert isinstance(filled.leftovers(), list)
    assert filled.clean_tasks(0).removed == ()
    assert filled.past_events() == []
    with pytest.raises(ymir.NotFoundError):
        filled.settle("nothing")
    with pytest.raises(ymir.NotFoundError):
        filled.release_leases("nothing")
