"""Evaluation by faster-coco-eval or by pycocotools, COCO's reference implementation: whichever the
environment has."""

import contextlib
import io

from step import Run, run

try:
    from faster_coco_eval import COCO
    from faster_coco_eval import COCOeval_faster as Evaluation
except ImportError:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval as Evaluation


def evaluate(step: Run) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(step.data / "evaluation/truth.json"))
        found = truth.loadRes(str(step.data / "evaluation/found.json"))
        with step.timed():
            evaluation = Evaluation(truth, found, "bbox")
            evaluation.evaluate()
            evaluation.accumulate()
        evaluation.summarize()
    step.numbers = [float(number) for number in evaluation.stats[:12]]


run({"evaluate": evaluate})
