"""A workspace in a notebook: what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ymir.display.html import Cell, Safe, card, table, when

if TYPE_CHECKING:
    from ymir import Workspace

__all__ = ["workspace_html"]

# As many names of a kind are looked at in detail.
_ROWS = 30


def workspace_html(workspace: Workspace) -> str:
    """Returns a workspace as HTML."""
    if workspace.closed:
        return card(str(workspace.root), "workspace · closed")
    classes = ", ".join(known.name for known in workspace.classes()) or "no classes yet"
    parts = [_datasets(workspace), _predictions(workspace), _models(workspace)]
    return card(
        str(workspace.root), f"workspace · {classes}", *filter(None, [*parts, _projects(workspace)])
    )


def _more(names: list[str]) -> Safe:
    rest = len(names) - _ROWS
    return Safe(f'<div class="none">and {rest} more</div>' if rest > 0 else "")


def _datasets(workspace: Workspace) -> Safe:
    names = workspace.names("dataset")
    rows: list[tuple[Cell, ...]] = []
    for name in names[:_ROWS]:
        dataset = workspace.dataset(name)
        counts, version = dataset.summary, dataset.version
        rows.append(
            (
                str(version),
                counts.assets,
                counts.annotations,
                version.message,
                when(version.created),
            )
        )
    heads = ["version", "assets", "annotations", "made by", "at"]
    return Safe(table(heads, rows, "Datasets") + _more(names))


def _predictions(workspace: Workspace) -> Safe:
    names = workspace.names("prediction")
    rows: list[tuple[Cell, ...]] = []
    for name in names[:_ROWS]:
        said = workspace.predictions(name)
        rows.append(
            (
                str(said.version),
                said.summary.assets,
                said.summary.annotations,
                when(said.version.created),
            )
        )
    if not rows:
        return Safe("")
    heads = ["version", "assets", "annotations", "at"]
    return Safe(table(heads, rows, "Predictions") + _more(names))


def _models(workspace: Workspace) -> Safe:
    names = workspace.names("model")
    rows: list[tuple[Cell, ...]] = []
    for name in names[:_ROWS]:
        model = workspace.model(name)
        figures = ", ".join(f"{key} {value:.3f}" for key, value in [*model.metrics.items()][:3])
        rows.append(
            (str(model.version), ", ".join(model.class_names), figures, when(model.version.created))
        )
    if not rows:
        return Safe("")
    heads = ["version", "classes", "best stage", "at"]
    return Safe(table(heads, rows, "Models") + _more(names))


def _projects(workspace: Workspace) -> Safe:
    names = workspace.names("project")
    rows: list[tuple[Cell, ...]] = []
    for name in names[:_ROWS]:
        state = workspace.project(name).state()
        metrics = [it.metric for it in state.iterations if it.metric is not None]
        rows.append((name, len(state.iterations), metrics[-1] if metrics else None))
    if not rows:
        return Safe("")
    return Safe(table(["project", "iterations", "AP50"], rows, "Projects") + _more(names))
