#!/usr/bin/env python3
"""Writes coco_outlines.json: outlines with the pixels that pycocotools sees in them.

    pip install numpy pycocotools
    python3 coco_outlines.py > coco_outlines.json

A case is {width, height, ring, counts}, counts as COCO's compressed string.
"""
import json
import sys

import numpy as np
from pycocotools import mask

rng = np.random.default_rng(3)


def case(width, height, ring):
    flat = [float(v) for point in ring for v in point]
    counts = mask.frPyObjects([flat], height, width)[0]["counts"].decode()
    return {"width": width, "height": height, "ring": ring, "counts": counts}


def points(number, low, high, digits):
    return [[round(float(v), digits) for v in rng.uniform(low, high, 2)] for _ in range(number)]


cases = [
    case(8, 6, [[1, 1], [5, 1], [5, 4], [1, 4]]),
    case(8, 6, [[0, 0], [8, 0], [8, 6], [0, 6]]),
    case(8, 6, [[-3, -3], [20, -3], [20, 20], [-3, 20]]),
    case(8, 6, [[2.5, 1.5], [2.5, 1.5], [6.5, 1.5], [6.5, 4.5]]),
    case(8, 6, [[1, 1], [6, 1], [3, 1]]),
    case(1, 1, [[0, 0], [1, 0], [0, 1]]),
    case(5, 5, [[0, 0], [5, 5], [5, 0], [0, 5]]),
]
for k in range(40):
    size = [int(v) for v in rng.integers(1, 60, 2)]
    cases.append(case(*size, points(int(rng.integers(3, 12)), -10, 70, k % 4)))
json.dump(cases, sys.stdout)
