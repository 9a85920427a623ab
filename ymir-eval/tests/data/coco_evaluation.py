#!/usr/bin/env python3
"""Writes coco_evaluation.json: cases of detection evaluation with the numbers of pycocotools.

    pip install numpy pycocotools
    python3 coco_evaluation.py > coco_evaluation.json

A case is {name, classes, truth, found, numbers, ap}: truth and found have a list per image, of
[class, x, y, w, h, crowd] and [class, x, y, w, h, score]; numbers are the twelve, ap is per class,
-1 where there is nothing to find.
"""
import contextlib
import io
import json
import sys

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

rng = np.random.default_rng(7)


def box(scale):
    size = np.exp(rng.uniform(np.log(4), np.log(scale), 2))
    return [round(float(v), 2) for v in (*rng.uniform(0, 300, 2), *size)]


def jitter(b, sigma):
    dx, dy, dw, dh = rng.normal(0, sigma, 4)
    return [round(float(v), 2) for v in (
        b[0] + dx * b[2], b[1] + dy * b[3], b[2] * np.exp(dw), b[3] * np.exp(dh))]


def random_case(images, classes, truths, noise, digits, crowds, sigma, scale):
    truth, found = [], []
    for _ in range(images):
        t = [[int(rng.integers(classes)), *box(scale), int(rng.random() < crowds)]
             for _ in range(rng.integers(truths // 2 if images < 5 else 0, truths + 1))]
        f = [[c if rng.random() < 0.9 else int(rng.integers(classes)), *jitter(b, sigma),
              round(float(rng.beta(4, 2)), digits)]
             for c, *b, _ in t if rng.random() < 0.85]
        f += [[int(rng.integers(classes)), *box(scale), round(float(rng.beta(1, 4)), digits)]
              for _ in range(rng.integers(0, noise + 1))]
        rng.shuffle(f)
        f = [[int(c), *map(float, rest)] for c, *rest in f]
        truth.append(t)
        found.append(f)
    return truth, found


def evaluate(classes, truth, found):
    annotations, results = [], []
    for image, (t, f) in enumerate(zip(truth, found), 1):
        for c, x, y, w, h, crowd in t:
            annotations.append({"id": len(annotations) + 1, "image_id": image, "category_id": c + 1,
                                "bbox": [x, y, w, h], "area": w * h, "iscrowd": crowd})
        for c, x, y, w, h, score in f:
            results.append({"image_id": image, "category_id": c + 1, "bbox": [x, y, w, h],
                            "score": score})
    coco = COCO()
    coco.dataset = {"images": [{"id": i + 1} for i in range(len(truth))], "info": {},
                    "annotations": annotations,
                    "categories": [{"id": c + 1, "name": str(c)} for c in range(classes)]}
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        if results:
            detections = coco.loadRes(results)
        else:
            detections = COCO()
            detections.dataset = {**coco.dataset, "annotations": []}
            detections.createIndex()
        run = COCOeval(coco, detections, "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()
    precision = run.eval["precision"][:, :, :, 0, 2]
    ap = [float(p[p > -1].mean()) if (p > -1).any() else -1
          for p in (precision[:, :, k] for k in range(classes))]
    return [float(v) for v in run.stats], ap


def main():
    b = [10.0, 10.0, 40.0, 40.0]
    cases = {
        "nothing at all": (2, [[]], [[]]),
        "no predictions": (1, [[[0, *b, 0]]], [[]]),
        "no ground truth": (1, [[], []], [[[0, *b, 0.5]], []]),
        "perfect": (1, [[[0, *b, 0]]], [[[0, *b, 0.5]]]),
        "a class without ground truth": (3, [[[0, *b, 0]]], [[[0, *b, 0.9], [1, *b, 0.8]]]),
        "only a crowd": (1, [[[0, *b, 1]]], [[[0, *b, 0.9], [0, 12.0, 12.0, 5.0, 5.0, 0.8]]]),
        "a crowd takes several": (1, [[[0, 0.0, 0.0, 200.0, 200.0, 1], [0, *b, 0]]], [[
            [0, 20.0, 20.0, 30.0, 30.0, 0.9], [0, 60.0, 60.0, 50.0, 50.0, 0.8], [0, *b, 0.7]]]),
        "two for one": (1, [[[0, *b, 0]]], [[[0, *b, 0.5], [0, *b, 0.5]]]),
        "equal overlaps": (1, [[[0, *b, 0], [0, *b, 0]]], [[[0, *b, 0.5], [0, *b, 0.5]]]),
        "edges of the areas": (1, [[[0, 0.0, 0.0, 32.0, 32.0, 0], [0, 100.0, 0.0, 96.0, 96.0, 0]]],
                               [[[0, 0.0, 0.0, 32.0, 32.0, 0.9], [0, 100.0, 0.0, 96.0, 96.0, 0.9],
                                 [0, 0.0, 200.0, 31.0, 31.0, 0.95]]]),
        "scores of zero and below": (1, [[[0, *b, 0]]], [[[0, 99.0, 99.0, 9.0, 9.0, 0.0],
                                                          [0, *b, -1.0]]]),
        "touching at the threshold": (1, [[[0, 0.0, 0.0, 10.0, 10.0, 0]]],
                                      [[[0, 0.0, 0.0, 10.0, 5.0, 0.9]]]),
        "random": (3, *random_case(30, 3, 6, 4, 4, 0.05, 0.08, 150)),
        "many ties": (2, *random_case(25, 2, 6, 6, 1, 0.1, 0.1, 120)),
        "crowded": (2, *random_case(12, 2, 10, 5, 2, 0.5, 0.15, 200)),
        "many on an image": (1, *random_case(2, 1, 60, 170, 3, 0.03, 0.1, 60)),
        "small and empty images": (4, *random_case(40, 4, 2, 1, 3, 0.05, 0.1, 40)),
    }
    out = []
    for name, (classes, truth, found) in cases.items():
        numbers, ap = evaluate(classes, truth, found)
        out.append({"name": name, "classes": classes, "truth": truth, "found": found,
                    "numbers": numbers, "ap": ap})
    sys.stdout.write("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in out))
    sys.stdout.write("\n]\n")


main()
