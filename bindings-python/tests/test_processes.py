"""Threads, forks and signals."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest
import ymir
from data import Memorizer, train, write_voc


def test_eight_threads_read(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    ids = [record.id for record in pool]

    def read(_: int) -> int:
        return sum(len(pool[id].annotations) for id in ids * 20)

    with ThreadPoolExecutor(8) as threads:
        sums = set(threads.map(read, range(8)))
    assert sums == {pool.summary.annotations * 20}


def test_a_counting_thread_is_not_blocked(workspace: ymir.Workspace, tmp_path: Path) -> None:
    source = write_voc(tmp_path / "many", images=200)
    turns, stop = 0, threading.Event()

    def count() -> None:
        nonlocal turns
        while not stop.wait(0.001):
            turns += 1

    thread = threading.Thread(target=count)
    thread.start()
    before, begin = turns, time.perf_counter()
    workspace.import_dataset(source, "pool", unknown_classes="add")
    during, elapsed = turns - before, time.perf_counter() - begin
    stop.set()
    thread.join()
    # Held back, it would have had two turns at most.
    assert during > max(2, elapsed / 0.02), f"{during} turns in {elapsed} s"


# Python 3.12 and later warn of every fork of a process with threads.
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_reads_and_imports(filled: ymir.Workspace, voc: Path) -> None:
    pool = filled.dataset("pool")
    expected = [record.id for record in pool]
    executor = Memorizer()
    train(filled, executor).wait()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child(answers: Queue[object]) -> None:
        try:
            answers.put([record.id for record in pool])
            report = filled.import_dataset(voc, "child", split="val")
            answers.put(report.imported)
            answers.put(str(train(filled, executor, "of-child").wait().version))
            # Handles of the parent end here without harm.
            filled.close()
        except BaseException as error:
            answers.put(repr(error))

    process = context.Process(target=child, args=(answers,))
    process.start()
    assert answers.get(timeout=20) == expected
    assert answers.get(timeout=20) == 4
    assert answers.get(timeout=20) == "of-child@v1"
    process.join(20)
    assert process.exitcode == 0
    assert [record.id for record in pool] == expected
    assert filled.names("dataset") == ["child", "pool", "val"]


PROGRAM = """
import sys, time
import ymir
from data import CLASSES

class Endless:
    def train(self, task):
        print("began", flush=True)
        while True:
            time.sleep(0.01)

workspace = ymir.open(sys.argv[1])
options = dict(classes=CLASSES, validation="val", executor=Endless())
try:
    if sys.argv[2] == "task":
        workspace.start_train(training="pool", model="m", **options).wait()
    else:
        project = workspace.create_project(
            "p", pool="pool", training="pool", labeler=ymir.Oracle("pool"), **options)
        list(project.iterate())
except KeyboardInterrupt:
    print("interrupted", [status.state for status in workspace.tasks()], flush=True)
"""


@pytest.mark.parametrize("what", ["task", "project"])
def test_ctrl_c_cancels_and_returns(filled: ymir.Workspace, what: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(filled.root), what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "began\n"
    time.sleep(0.2)
    program.send_signal(signal.SIGINT)
    said = program.stdout.readline()
    _, errors = program.communicate(timeout=20)
    assert said.startswith("interrupted"), errors
    if what == "task":
        assert said == "interrupted ['terminated']\n"
    assert program.returncode == 0, errors
    filled.wait_all()
    (status,) = filled.tasks()
    assert status.state in ("terminated", "failed")


def test_an_interpreter_that_ends_takes_its_executors_along(filled: ymir.Workspace) -> None:
    program = PROGRAM.replace(".wait()", "; time.sleep(0.5)")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    ended = subprocess.run(
        [sys.executable, "-c", program, str(filled.root), "task"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""


AWAITS = """
import asyncio, sys
import ymir

async def main():
    workspace = await ymir.open_async(sys.argv[1])
    for _ in range(3):
        await workspace.names_async("dataset")

asyncio.run(main())
"""


def run_program(program: str, root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, str(root)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        timeout=30,
        check=False,
    )


def test_an_interpreter_that_ends_waits_for_callbacks(filled: ymir.Workspace) -> None:
    for _ in range(30):
        ended = run_program(AWAITS, filled.root)
        assert (ended.returncode, ended.stderr) == (0, "")


STUBBORN = """
import sys, threading, time
import ymir
from data import CLASSES

class Stubborn:
    def work(self):
        print("began", flush=True)
        while True:
            try:
                time.sleep(0.001)
            except BaseException:
                pass

    def train(self, task):
        self.work()

    def create(self, job):
        pass

    def status(self, job):
        self.work()

    def annotations(self, handle, after, limit):
        return []

workspace = ymir.open(sys.argv[1])
"""
TRAINS = """
task = workspace.start_train(
    executor=Stubborn(), classes=CLASSES, training="pool", validation="val", model="m")
time.sleep(0.5)
sys.exit(3)
"""
LABELS = """
options = dict(labeler=Stubborn(), dataset="pool", classes=CLASSES, labeled="labeled")
threading.Thread(target=lambda: workspace.label(**options), daemon=True).start()
time.sleep(0.5)
sys.exit(3)
"""


def test_a_daemon_thread_says_nothing_when_the_interpreter_ends(filled: ymir.Workspace) -> None:
    heeding = STUBBORN.replace("pass", "raise", 1)
    ended = run_program(heeding + LABELS, filled.root)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "began\n", "")


@pytest.mark.parametrize("rest", [TRAINS, LABELS], ids=["executor", "labeler"])
def test_code_that_does_not_stop_holds_no_interpreter_up(filled: ymir.Workspace, rest: str) -> None:
    ended = run_program(STUBBORN + rest, filled.root)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "began\n", "")


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_stream_that_was_opened_before_a_fork_says_so(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    batches, events = pool.loader(batch=2), filled.events()
    next(batches)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def child(answers: Queue[object]) -> None:
        for stream in (batches, events):
            try:
                answers.put(sum(1 for _ in stream))
            except ymir.InvalidInputError as error:
                answers.put(str(error))
        answers.put(sum(len(batch.assets) for batch in pool.loader(batch=2)))

    process = context.Process(target=child, args=(answers,))
    process.start()
    for _ in (batches, events):
        assert "opened before the process forked" in str(answers.get(timeout=20))
    assert answers.get(timeout=20) == len(pool)
    process.join(20)
    assert sum(len(batch.assets) for batch in batches) == len(pool) - 2
