"""Workspaces whose images and models are in an object store."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import ymir
from data import Memorizer, train


@dataclass
class Server:
    """An S3 server with the bucket `images`."""

    endpoint: str
    bucket: Path

    def location(self, prefix: str) -> ymir.BlobLocation:
        return ymir.BlobLocation(f"s3://images/{prefix}", endpoint=self.endpoint)

    def stored(self, prefix: str) -> int:
        return sum(1 for file in (self.bucket / prefix).rglob("*") if file.is_file())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    program = os.environ.get("YMIR_S3_SERVER", "s3s-fs")
    if shutil.which(program) is None:
        assert "YMIR_REQUIRE_S3" not in os.environ, f"there is no program {program}"
        pytest.skip(f"no S3 server: {program} is not installed, see scripts/check-python.sh")
    root = tmp_path_factory.mktemp("s3")
    (root / "images").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    keys = ["--access-key", "key", "--secret-key", "secret"]
    command = [program, "--host", "127.0.0.1", "--port", str(port), *keys, str(root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        for _ in range(600):
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Server(f"http://127.0.0.1:{port}", root / "images")
        process.terminate()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


def test_the_loop_of_a_workspace_runs_on_an_object_store(
    server: Server, tmp_path: Path, voc: Path
) -> None:
    root = tmp_path / "workspace"
    with ymir.init(root, blobs=server.location("loop")) as made:
        made.import_dataset(voc, "pool", split="train", unknown_classes="add")
        made.import_dataset(voc, "val", split="val")
        assert server.stored("loop") == 12
        assert not (root / "blobs").exists()
        train(made, Memorizer()).wait()
        assert server.stored("loop") > 12, "the model is there, too"
    config = json.loads((root / "ymir.json").read_text())
    assert config["blobs"] == {"url": "s3://images/loop", "endpoint": server.endpoint}

    shutil.rmtree(root / "blob-cache")
    with ymir.open(root) as opened:
        assert opened.fsck(blobs=True).problems == ()
        pool = opened.dataset("pool")
        originals = {file.read_bytes() for file in (voc / "JPEGImages").iterdir()}
        assert {opened.image(record.id) for record in pool} <= originals
        assert opened.collect_garbage(grace=0.0).blobs == 0
        unpickled = pickle.loads(pickle.dumps(opened))
        assert unpickled.image(pool[0].id) in originals
        unpickled.close()


def test_a_forked_child_reaches_it_by_the_way_that_was_given(
    server: Server, tmp_path: Path, voc: Path
) -> None:
    root = tmp_path / "workspace"
    nowhere = ymir.BlobLocation("s3://images/fork", endpoint="http://127.0.0.1:9")
    ymir.init(root, blobs=nowhere).close()
    with ymir.open(root, blobs=server.location("fork")) as workspace:
        workspace.import_dataset(voc, "pool", unknown_classes="add")
        first = workspace.dataset("pool")[0].id
        shutil.rmtree(root / "blob-cache")
        child = os.fork()
        if child == 0:
            os._exit(0 if workspace.image(first) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_what_is_wrong_is_said(
    server: Server, tmp_path: Path, voc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ymir.InvalidInputError, match="s3://bucket/prefix"):
        ymir.init(tmp_path / "a", blobs=ymir.BlobLocation("images"))
    root = tmp_path / "workspace"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with (
        ymir.open(root, create=True, blobs=server.location("wrong")) as workspace,
        pytest.raises(ymir.UnauthorizedError, match="check the credentials"),
    ):
        workspace.import_dataset(voc, "pool", unknown_classes="add")
    with pytest.raises(ymir.InvalidInputError, match="s3://images/wrong"):
        asyncio.run(ymir.open_async(root, blobs=server.location("other")))
