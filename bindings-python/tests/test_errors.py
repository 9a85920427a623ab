from __future__ import annotations

import asyncio
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import ymir
from ymir import errors

ALL = [getattr(errors, name) for name in errors.__all__ if name.endswith("Error")]


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_the_tree(cls: type[ymir.YmirError]) -> None:
    error = cls("cannot do it", context={"path": "/x"}, retryable=True)
    assert isinstance(error, ymir.YmirError)
    assert str(error) == "cannot do it (path: /x)"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is cls
    assert (str(again), again.message) == (str(error), "cannot do it")
    assert (again.context, again.retryable) == ({"path": "/x"}, True)


def test_codes_differ() -> None:
    leaves = [cls for cls in ALL if cls is not ymir.YmirError]
    assert len({cls.code for cls in leaves}) == len(leaves) == 13


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (ymir.NotFoundError, LookupError),
        (ymir.InvalidInputError, ValueError),
        (ymir.AlreadyExistsError, FileExistsError),
        (ymir.TimeoutError, TimeoutError),
        (ymir.UnauthorizedError, PermissionError),
        (ymir.UnsupportedError, NotImplementedError),
        (ymir.UnavailableError, ConnectionError),
        (ymir.ResourceExhaustedError, MemoryError),
    ],
)
def test_builtins_catch_them(cls: type[ymir.YmirError], builtin: type[Exception]) -> None:
    assert issubclass(cls, builtin)


def test_what_the_user_sees(filled: ymir.Workspace, tmp_path: Path) -> None:
    with pytest.raises(ymir.NotFoundError) as caught:
        ymir.open(tmp_path / "nowhere")
    assert caught.value.code == "not_found"
    assert caught.value.kind == "NotFound"
    assert caught.value.context["path"] == str(tmp_path / "nowhere")
    assert "no workspace here" in str(caught.value)
    assert not caught.value.retryable
    with pytest.raises(ymir.InvalidInputError, match="not an id"):
        filled.dataset("pool").get("not an id")
    with pytest.raises(ymir.InvalidInputError, match="unknown field `colour`"):
        filled.start_train(colour="red", executor="local:/x", classes=[], training="pool",
                     validation="val", model="m")  # type: ignore[call-arg]  # fmt: skip
    options: Any = {"dataset": "pool", "labeled": "labeled"}
    with pytest.raises(ymir.InvalidInputError, match=r"classes=\['disc'\]") as caught_names:
        filled.label(labeler=ymir.Oracle("pool"), classes="disc", **options)
    assert caught_names.value.context == {"field": "classes"}
    with pytest.raises(ymir.InvalidInputError, match=r"ymir\.Folder\('/tmp/x'\)"):
        filled.label(labeler="/tmp/x", classes=["disc"], **options)
    with pytest.raises(TypeError, match="Dataset or a Model"):
        filled.dataset(3)  # type: ignore[arg-type]


def test_sync_and_async_raise_the_same(filled: ymir.Workspace) -> None:
    with pytest.raises(ymir.NotFoundError) as sync:
        filled.dataset("pool@v9")

    async def main() -> None:
        await filled.dataset_async("pool@v9")

    with pytest.raises(ymir.NotFoundError) as later:
        asyncio.run(main())
    assert str(sync.value) == str(later.value)
    assert sync.value.context == later.value.context


def test_a_corrupt_repository(filled: ymir.Workspace) -> None:
    root = filled.root
    filled.close()
    shutil.rmtree(root / "repo.git" / "objects")
    with pytest.raises(ymir.CorruptedError, match="restore it from a clone"):
        ymir.open(root)
