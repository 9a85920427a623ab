from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import ymir
from data import Memorizer, write_voc
from test_projects import create


def parsed(html: str) -> ElementTree.Element:
    """Returns HTML as a tree: all of it is well-formed."""
    return ElementTree.fromstring(f"<div>{html.replace('&ndash;', '-')}</div>")


def text(html: str) -> str:
    return " ".join(parsed(html).itertext())


def test_a_workspace_shows_what_is_in_it(filled: ymir.Workspace) -> None:
    list(create(filled, name="cells").iterate())
    shown = text(filled._repr_html_())
    for part in ("Datasets", "pool@v1", "Predictions", "Models", "cells@v", "Projects", "disc"):
        assert part in shown
    filled.close()
    assert "closed" in text(filled._repr_html_())


def test_a_dataset_shows_counts_and_pictures(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    html = pool._repr_html_()
    tree = parsed(html)
    pictures = tree.findall(".//figure")
    assert len(pictures) == 8
    assert len(tree.findall(".//figure//rect")) == pool.summary.annotations
    assert html.count("data:image/jpeg;base64,") == 8
    assert "disc" in text(html)


def test_an_iteration_shows_steps_and_the_curve(filled: ymir.Workspace) -> None:
    project = create(filled, target=1.0)
    first, second = project.iterate()
    tree = parsed(second._repr_html_())
    assert len(tree.findall(".//circle")) == 2
    assert len(parsed(first._repr_html_()).findall(".//circle")) == 1
    assert "prepare training" in " ".join(tree.itertext())
    assert "target 1" in " ".join(tree.itertext())
    assert "host:Memorizer" in text(project._repr_html_())
    assert second.model is not None
    assert "boxes.txt" in text(second.model._repr_html_())
    filled.close()
    # What is at hand is shown still.
    assert len(parsed(second._repr_html_()).findall(".//circle")) == 1


def test_everything_is_escaped(workspace: ymir.Workspace, tmp_path: Path) -> None:
    source = write_voc(tmp_path / "voc", images=3)
    evil = "<script>alert(1)</script>"
    name = "<img src=x>.png"
    (source / "JPEGImages" / "scene0000.png").rename(source / "JPEGImages" / name)
    (source / "Annotations" / "scene0000.xml").rename(source / "Annotations" / "<img src=x>.xml")
    for file in (source / "Annotations").iterdir():
        content = file.read_text().replace("disc", "&lt;script&gt;alert(1)&lt;/script&gt;")
        file.write_text(content.replace("scene0000.png", "&lt;img src=x&gt;.png"))
    workspace.import_dataset(source, "pool", unknown_classes="add")
    names = [known.name for known in workspace.classes()]
    assert evil in names
    model = workspace.start_train(
        executor=Memorizer(), classes=names, training="pool", validation="pool", model="m"
    ).wait()
    for thing in (workspace, workspace.dataset("pool"), model):
        html = thing._repr_html_()
        assert "<script" not in html
        assert "<img" not in html
        parsed(html)
    assert name in text(workspace.dataset("pool")._repr_html_())


def test_a_picture_that_is_lost_spoils_nothing(filled: ymir.Workspace) -> None:
    pool = filled.dataset("pool")
    path = pool.image_path(pool[0])
    path.chmod(0o600)
    path.unlink()
    html = pool._repr_html_()
    assert html.count("data:image/jpeg;base64,") == 7
    assert "no picture" in text(html)
