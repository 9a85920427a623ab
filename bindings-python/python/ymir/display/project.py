"""Projects and iterations in a notebook: their steps, and the curve of the metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ymir.display.chart import curve
from ymir.display.html import Cell, Safe, card, table, when
from ymir.errors import YmirError

if TYPE_CHECKING:
    from ymir import Iteration, Project, StepResult

__all__ = ["iteration_html", "project_html"]


def iteration_html(iteration: Iteration) -> str:
    """Returns an iteration as HTML, with the curve up to it."""
    try:
        state = iteration._workspace.project(iteration.project).state()
        earlier = [it for it in state.iterations if it.number < iteration.number]
        target = state.definition.target
    except YmirError:
        # The workspace may be closed, or the project's newest record damaged.
        earlier, target = [], None
    metric = "not finished" if iteration.metric is None else f"AP50 {iteration.metric:.3f}"
    about = f"{iteration.project} · {metric} · {iteration.updated:%Y-%m-%d %H:%M}"
    steps = table(["step", "made", "assets", "figure"], map(_step, iteration.results))
    classes = table(
        ["class", "AP", "AP50"],
        [
            (name.removeprefix("AP50/"), iteration.metrics.get(f"AP/{name[5:]}"), value)
            for name, value in iteration.metrics.items()
            if name.startswith("AP50/")
        ],
    )
    parts = f"{steps}{curve(_points([*earlier, iteration]), target)}{classes}"
    title = f"Iteration {iteration.number}"
    return card(title, about, Safe(f'<div class="row">{parts}</div>'))


def project_html(project: Project) -> str:
    """Returns a project as HTML."""
    state = project.state()
    definition = state.definition
    goals = [
        f"target {definition.target:g}" if definition.target is not None else "",
        f"{definition.labels_per_iteration} labels per iteration",
        f"at most {definition.max_iterations} iterations" if definition.max_iterations else "",
        "stopped" if state.stopped else "",
    ]
    about = " · ".join(
        ["project", ", ".join(definition.classes), definition.executor, *filter(None, goals)]
    )
    rows: list[tuple[Cell, ...]] = [
        (
            it.number,
            it.labeled_count,
            it.metric,
            it.metrics.get("AP"),
            (it.results[-1].step.replace("_", " ") if it.results else "") if not it.metric else "",
            when(it.updated),
        )
        for it in state.iterations
    ]
    heads = ["iteration", "labeled", "AP50", "AP", "after step", "updated"]
    chart = curve(_points(state.iterations), definition.target)
    return card(project.name, about, Safe(f'<div class="row">{table(heads, rows)}{chart}</div>'))


def _points(iterations: Iterable[Iteration]) -> list[tuple[int, float]]:
    return [(it.number, it.metric) for it in iterations if it.metric is not None]


def _step(result: StepResult) -> tuple[Cell, ...]:
    made = (
        result.candidates or result.selected or result.labeled or result.training or result.model
        or result.predictions
    )  # fmt: skip
    figure = None if result.metric is None else f"AP50 {result.metric:.3f}"
    return result.step.replace("_", " "), made and made[:10], result.count, figure
