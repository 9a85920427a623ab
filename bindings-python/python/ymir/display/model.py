"""A model in a notebook: its stages and their metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ymir.display.html import card, size, table, when

if TYPE_CHECKING:
    from ymir import Model

__all__ = ["model_html"]

_METRICS = 6


def model_html(model: Model) -> str:
    """Returns a model as HTML."""
    about = f"model · {', '.join(model.class_names)} · {model.version.message}"
    names = sorted({name for stage in model.stages for name in stage.metrics})[:_METRICS]
    stages = table(
        ["stage", *names, "files", "size", "saved"],
        [
            (
                f"{stage.name} (best)" if stage.name == model.best_stage else stage.name,
                *(stage.metrics.get(name) for name in names),
                ", ".join(file.path for file in stage.files),
                size(sum(file.size for file in stage.files)),
                when(stage.timestamp),
            )
            for stage in model.stages
        ],
    )
    return card(str(model.version), about, stages)
