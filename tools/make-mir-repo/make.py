"""Makes the repository of the original `mir` command that the tests of the import read.

Run with the Python of an environment that has ymir-cmd 2.3.0 (see README.md beside this file):

    python make.py DESTINATION

DESTINATION gets `repo` (the repository), `media` (the images, by SHA-1), `models` (the packages),
`show.json` (what `mir show` printed of each tag), and `mir.tar.gz` with all of them. No container engine is needed: a stand-in for `docker` writes the
results of the training and the mining.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml
from PIL import Image, ImageDraw

ROOT = Path(sys.argv[1]).resolve()
REPO, MEDIA, MODELS, WORK = (ROOT / name for name in ("repo", "media", "models", "work"))
MIR = [sys.executable, "-m", "mir"]
ENV = {
    **os.environ,
    "GIT_AUTHOR_NAME": "mir", "GIT_AUTHOR_EMAIL": "mir@localhost",
    "GIT_COMMITTER_NAME": "mir", "GIT_COMMITTER_EMAIL": "mir@localhost",
    "PATH": f"{WORK / 'bin'}:{os.environ['PATH']}",
}

FAKE_DOCKER = """#!{python}
import os, sys, yaml
binds = dict(a[2:].split(':')[:2][::-1] for a in sys.argv if a.startswith('-v'))
config = yaml.safe_load(open(os.path.join(binds['/in'], 'config.yaml')))
out = binds['/out']
if sys.argv[-1].endswith('broken'):
    print('out of memory on device 0')
    sys.exit(1)
if 'candidate-index.tsv' in os.listdir(binds['/in']):
    names = [line.strip() for line in open(os.path.join(binds['/in'], 'candidate-index.tsv'))]
    names = sorted(os.path.basename(name) for name in names)
    with open(os.path.join(out, 'result.tsv'), 'w') as f:
        for i, name in enumerate(names):
            f.write(f'/in/assets/{{name}}\\t{{1 - i / 100}}\\n')
    boxes = lambda i: [dict(box=dict(x=1 + i, y=2, w=10, h=11), score=0.5 + i / 100,
                            class_name='cat')]
    import json
    json.dump(dict(detection={{name: dict(boxes=boxes(i)) for i, name in enumerate(names)}}),
              open(os.path.join(out, 'infer-result.json'), 'w'))
else:
    os.makedirs(os.path.join(out, 'models', 'epoch_2'), exist_ok=True)
    for name in ['best.bin', 'net.yaml']:
        open(os.path.join(out, 'models', 'epoch_2', name), 'w').write(name)
    yaml.safe_dump(dict(best_stage_name='epoch_2', model_stages=dict(epoch_2=dict(
        stage_name='epoch_2', files=['best.bin', 'net.yaml'], mAP=0.75, timestamp=1700000000))),
        open(os.path.join(out, 'models', 'result.yaml'), 'w'))
"""


def mir(*args, fails=False, repo=REPO):
    done = subprocess.run([*MIR, *map(str, args), "--root", str(repo)], env=ENV, cwd=repo,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if (done.returncode != 0) != fails:
        sys.exit(f"mir {' '.join(map(str, args))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


def picture(path, seed):
    rng = random.Random(seed)
    image = Image.new("RGB", (64, 48), tuple(rng.randrange(256) for _ in range(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y = rng.randrange(40), rng.randrange(30)
        draw.rectangle([x, y, x + 16, y + 12], fill=tuple(rng.randrange(256) for _ in range(3)))
    image.save(path)


def voc(path, objects, cks=None, quality=None):
    text = ["<annotation>", f"<filename>{path.stem}.jpg</filename>"]
    if quality is not None:
        text.append(f"<image_quality>{quality}</image_quality>")
    if cks:
        text.append("<cks>" + "".join(f"<{k}>{v}</{k}>" for k, v in cks.items()) + "</cks>")
    for name, (xmin, ymin, xmax, ymax), extra in objects:
        angle = extra.pop("rotate_angle", None)
        angle = f"<rotate_angle>{angle}</rotate_angle>" if angle is not None else ""
        tags = extra.pop("tags", None)
        tags = "<tags>" + "".join(f"<{k}>{v}</{k}>" for k, v in tags.items()) + "</tags>" \
            if tags else ""
        rest = "".join(f"<{k}>{v}</{k}>" for k, v in extra.items())
        text.append(f"<object><name>{name}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
                    f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax>{angle}</bndbox>{tags}{rest}</object>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text + ["</annotation>\n"]))


def sources():
    """Writes twelve images with annotations and predictions."""
    images = WORK / "images"
    images.mkdir(parents=True)
    for i in range(12):
        suffix = {10: "png", 11: "bmp"}.get(i, "jpg")
        picture(images / f"img_{i:02}.{suffix}", i)
        # The eighth has no annotations at all.
        if i != 7:
            objects = [("cat", (5, 6, 20, 25), {"tags": {"pose": "left"}, "box_quality": 0.9})]
            if i % 2:
                objects.append(("Puppy", (30, 10, 63, 47), {}))
            if i % 3 == 0:
                objects.append(("zebra", (1, 1, 12, 13), {"rotate_angle": 0.25}))
            cks = {"camera": f"c{i % 2}", "weather": "sunny"} if i < 6 else None
            voc(WORK / f"gt/img_{i:02}.xml", objects, cks, 0.5 if i == 0 else None)
        found = [("cat", (6, 6, 21, 24), {"confidence": 0.875}),
                 ("dog", (2, 3, 9, 9), {"confidence": 0.25})]
        if i % 4 != 3:
            voc(WORK / f"pred/img_{i:02}.xml", found)
    stages = {"epoch_1": {"stage_name": "epoch_1", "files": ["a.bin"], "timestamp": 1700000000,
                          "ci_averaged_evaluation": {"ap": 0.5}}}
    meta = {"eval_class_names": ["cat", "dog"], "executor_config": {"class_names": ["cat", "dog"]},
            "model": {"model_hash": "f" * 40, "mAP": 0.5, "stages": stages,
                      "best_stage_name": "epoch_1", "class_names": ["cat", "dog"]}}
    (WORK / "pred/meta.yaml").write_text(yaml.safe_dump(meta))
    coco = {
        "images": [{"id": i + 1, "file_name": f"img_{i:02}.jpg", "width": 64, "height": 48}
                   for i in range(4)],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "person"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 5, 10, 8], "area": 40,
             "iscrowd": 0, "segmentation": [[5, 5, 15, 5, 10, 13]]},
            {"id": 2, "image_id": 2, "category_id": 2, "bbox": [0, 0, 64, 48], "area": 1536,
             "iscrowd": 1, "segmentation": {"size": [48, 64], "counts": "`0PT1"}},
        ],
    }
    for kind in ("seg", "seg-pred"):
        (WORK / kind).mkdir()
        (WORK / kind / "coco-annotations.json").write_text(json.dumps(coco))


def index(name, numbers):
    paths = sorted((WORK / "images").iterdir())
    file = WORK / f"{name}.tsv"
    file.write_text("".join(f"{paths[i]}\n" for i in numbers))
    return file


def load(rev, numbers, *more, kind="det-box", source=None, unknown="add", fails=False):
    args = ["import", "--index-file", index(rev.replace("/", "_"), numbers), "--gen-dir", MEDIA,
            "--dst-rev", rev, "--anno-type", kind, "--unknown-types-strategy", unknown, *more]
    mir(*args, *(["--src-revs", source] if source else []), fails=fails)


def package():
    """Writes a model package as the original exports it."""
    folder = WORK / "package"
    (folder / "best").mkdir(parents=True)
    (folder / "best/model.bin").write_text("weights")
    info = {"executor_config": {"class_names": ["cat", "dog"], "epochs": 3},
            "task_context": {"executor": "ymir/trainer:1.0", "mAP": 0.625},
            "stages": {"best": {"stage_name": "best", "files": ["model.bin"], "mAP": 0.625,
                                "timestamp": 1700000000}},
            "best_stage_name": "best", "object_type": 2, "package_version": "2.0.0"}
    (folder / "ymir-info.yaml").write_text(yaml.safe_dump(info))
    with tarfile.open(WORK / "package.tar.gz", "w:gz") as tar:
        tar.add(folder / "best/model.bin", "best/model.bin")
        tar.add(folder / "ymir-info.yaml", "ymir-info.yaml")
    return WORK / "package.tar.gz"


def config(name, **more):
    file = WORK / f"{name}.yaml"
    executor = {"class_names": ["cat", "dog"], "gpu_count": 0, "export_format": "det-ark:raw", **more}
    file.write_text(yaml.safe_dump({"executor_config": executor, "task_context": {}}))
    return file


def main():
    ROOT.mkdir(parents=True)
    for folder in (REPO, MEDIA, MODELS, WORK / "bin"):
        folder.mkdir(parents=True)
    docker = WORK / "bin/docker"
    docker.write_text(FAKE_DOCKER.format(python=sys.executable))
    docker.chmod(0o755)
    sources()

    mir("init", "--with-empty-rev", "empty@t00")
    labels = [{"id": 0, "name": "cat", "aliases": ["kitten"]},
              {"id": 1, "name": "dog", "aliases": ["puppy", "hound"]}, {"id": 2, "name": "person"}]
    (REPO / ".mir/labels.yaml").write_text(yaml.safe_dump({"labels": labels, "ymir_version": "2.0.0"}))

    gt, pred = ["--gt-dir", WORK / "gt"], ["--pred-dir", WORK / "pred"]
    load("pets@t01", range(8), *gt)
    load("pets@t02", range(10), *gt, source="pets")
    load("judged@t03", range(2, 12), *gt, *pred)
    load("team/bare@t04", range(3), kind="no-annotations")
    load("broken@t05", range(3), "--gt-dir", WORK / "seg", kind="seg", unknown="stop")
    voc(WORK / "odd/img_00.xml", [("unicorn", (1, 1, 5, 5), {})])
    load("broken@t06", range(1), "--gt-dir", WORK / "odd", unknown="stop", fails=True)
    load("shapes@t07", range(4), "--gt-dir", WORK / "seg", "--ins-seg", kind="seg")
    mir("filter", "--src-revs", "pets@t02", "--dst-rev", "dogs@t08", "-p", "dog")
    mir("sampling", "--src-revs", "pets@t02", "--dst-rev", "few@t09", "--count", 4)
    mir("merge", "--src-revs", "tr:pets@t01;va:judged@t03", "--dst-rev", "joined@t10", "-s", "host")
    mir("copy", "--src-root", REPO, "--src-revs", "judged@t03", "--dst-rev", "copied@t11",
        "--src-user-label-file", REPO / ".mir/labels.yaml")

    out = mir("models", "--package-path", package(), "--dst-rev", "model@t12",
              "--model-location", MODELS, "-w", WORK / "t12")
    model = next(iter(MODELS.iterdir())).name
    train = ["train", "--model-location", MODELS, "--media-location", MEDIA, "--src-revs",
             "tr:pets@t01;va:dogs@t08", "-s", "host", "--task-config-file", config("train")]
    mir(*train, "--dst-rev", "trained@t13", "-w", WORK / "t13", "--executor", "ymir/trainer:1.0")
    mir(*train, "--dst-rev", "failed@t14", "-w", WORK / "t14", "--executor", "ymir/broken",
        fails=True)
    mir("mining", "--model-location", MODELS, "--media-location", MEDIA, "--src-revs", "pets@t02",
        "--dst-rev", "mined@t15", "-w", WORK / "t15", "--executor", "ymir/miner:1.0",
        "--model-hash", f"{model}@best", "--topk", 5, "--add-prediction", "-s", "host",
        "--task-config-file", config("mine"))

    tags = subprocess.run(["git", "tag"], cwd=REPO, env=ENV, stdout=subprocess.PIPE, text=True)
    show = {}
    for tag in tags.stdout.split():
        text = mir("show", "--src-revs", tag)
        number = lambda pattern: int(re.search(pattern, text).group(1))
        show[tag] = {"assets": number(r"metadatas.mir: (\d+) assets"),
                     "pred": number(r"pred: (\d+)"), "gt": number(r"    gt: (\d+)"),
                     "code": number(r"code: (\d+)")}
    (ROOT / "show.json").write_text(json.dumps(show, indent=2) + "\n")

    mir("checkout", "master")
    subprocess.run(["git", "gc", "--quiet", "--prune=now"], cwd=REPO, env=ENV, check=True)
    git = REPO / ".git"
    shutil.rmtree(git / "hooks")
    shutil.rmtree(git / "logs")
    (git / "index").unlink()
    with tarfile.open(ROOT / "mir.tar.gz", "w:gz") as tar:
        for name in ("repo", "media", "models", "show.json"):
            tar.add(ROOT / name, name)


main()
