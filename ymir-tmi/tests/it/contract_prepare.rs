//! What an executor finds in `/in`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use ymir_core::{
    Annotation, Asset, AssetId, BBox, Class, ClassId, ErrorKind, ExecutorInfo, Layout, MediaType,
    ObjectType, Parameters, Record, TaskId, TmiKind,
};
use ymir_tmi::contract::{ContractTask, Item, Prepared, SampleSet, TaskClass, TaskWriter, prepare};

fn asset(number: u8) -> Asset {
    Asset {
        id: AssetId::new([number; 32]),
        width: 100,
        height: 50,
        channels: 3,
        byte_size: 1000,
        media_type: if number.is_multiple_of(2) { MediaType::Png } else { MediaType::Jpeg },
        file_name: format!("{number}.bin"),
        attributes: BTreeMap::new(),
    }
}

fn record(number: u8, boxes: &[(u32, BBox)]) -> Record {
    let annotation =
        |(class, bbox): &(u32, BBox)| Annotation::new(Class::Id(ClassId(*class)), *bbox);
    Record { asset: asset(number), annotations: boxes.iter().map(annotation).collect() }
}

fn parameters(pairs: &[(&str, Value)]) -> Parameters {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn task(kinds: &[TmiKind]) -> ContractTask {
    let class = |id, name: &str| TaskClass { id: ClassId(id), name: name.to_owned() };
    let template = |kind| (kind, parameters(&[("batch", json!(8)), ("gpu_id", json!("7"))]));
    ContractTask {
        task: TaskId::new("t1").unwrap(),
        kinds: kinds.to_vec(),
        classes: vec![class(4, "person & dog"), class(2, "no")],
        parameters: Parameters::new(),
        executor: ExecutorInfo {
            digest: "sha256:0".to_owned(),
            object_types: vec![ObjectType::Detection],
            templates: [TmiKind::Training, TmiKind::Mining, TmiKind::Inference]
                .map(template)
                .into(),
        },
        object_type: ObjectType::Detection,
        gpus: 0,
        model_files: Vec::new(),
    }
}

fn docker_layout() -> Layout {
    Layout { input: "/in".into(), output: "/out".into(), manifest: "/img-man/manifest.yaml".into() }
}

fn train(dir: &Path, task: &ContractTask, training: &[Record], validation: &[Record]) -> Prepared {
    prepare(
        dir,
        &docker_layout(),
        task,
        training.iter().map(Item::from),
        validation.iter().map(Item::from),
        [],
    )
    .unwrap()
}

fn yaml(path: &Path) -> Value {
    serde_norway::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

const ONES: &str = "0101010101010101010101010101010101010101010101010101010101010101";
const TWOS: &str = "0202020202020202020202020202020202020202020202020202020202020202";

#[test]
fn training_directory_is_complete() {
    let dir = TempDir::new().unwrap();
    let mut task = task(&[TmiKind::Training]);
    task.gpus = 2;
    task.model_files = vec!["epoch_1/model.bin".to_owned(), "epoch_1/sub/a b.json".to_owned()];
    task.parameters = parameters(&[("batch", json!(4)), ("shm_size", json!("128G"))]);
    let boxes = [
        (4, BBox::new(0.0, 0.0, 100.0, 50.0)),
        (2, BBox::new(10.4, 20.6, 5.0, 5.0)),
        (9, BBox::new(1.0, 1.0, 5.0, 5.0)),
        (4, BBox::new(200.0, 1.0, 5.0, 5.0)),
    ];
    let prepared = train(dir.path(), &task, &[record(1, &boxes)], &[record(2, &[])]);

    let input = dir.path().join("in");
    let env = yaml(&input.join("env.yaml"));
    assert_eq!(env["protocol_version"], "1.1.0");
    assert_eq!(env["task_id"], "t1");
    assert_eq!(
        [&env["run_training"], &env["run_mining"], &env["run_infer"]],
        [&json!(true), &json!(false), &json!(false)]
    );
    assert_eq!(env["manifest_file"], "/img-man/manifest.yaml");
    assert_eq!(
        env["input"],
        json!({
            "root_dir": "/in", "assets_dir": "/in/assets", "annotations_dir": "/in/annotations",
            "models_dir": "/in/models", "training_index_file": "/in/train-index.tsv",
            "val_index_file": "/in/val-index.tsv", "candidate_index_file": "",
            "config_file": "/in/config.yaml",
        })
    );
    assert_eq!(
        env["output"],
        json!({
            "root_dir": "/out", "models_dir": "/out/models", "tensorboard_dir": "/out/tensorboard",
            "training_result_file": "/out/models/result.yaml",
            "mining_result_file": "/out/result.tsv", "infer_result_file": "/out/infer-result.json",
            "monitor_file": "/out/monitor.txt",
            "executor_log_file": "/out/ymir-executor-out.log",
        })
    );
    let config = yaml(&input.join("config.yaml"));
    assert_eq!(
        config,
        json!({
            "batch": 4, "class_names": ["person & dog", "no"], "export_format": "voc:raw",
            "gpu_id": "0,1", "object_type": 2, "shm_size": "128G", "task_id": "t1",
            "pretrained_model_params":
                ["/in/models/epoch_1/model.bin", "/in/models/epoch_1/sub/a b.json"],
        })
    );
    assert_eq!(prepared.config, fs::read_to_string(input.join("config.yaml")).unwrap());
    assert_eq!(json!(prepared.parameters), config);
    assert_eq!(prepared.shared_memory, Some(128 << 30));
    assert_eq!(prepared.skipped_annotations, 2);

    let index = fs::read_to_string(input.join("train-index.tsv")).unwrap();
    assert_eq!(index, format!("/in/assets/01/{ONES}.jpg\t/in/annotations/01/{ONES}.xml\n"));
    let index = fs::read_to_string(input.join("val-index.tsv")).unwrap();
    assert_eq!(index, format!("/in/assets/02/{TWOS}.png\t/in/annotations/02/{TWOS}.xml\n"));

    let files: Vec<_> = prepared.assets.iter().map(|(_, path)| path.clone()).collect();
    let at = |path: String| input.join(path);
    assert_eq!(files, [at(format!("assets/01/{ONES}.jpg")), at(format!("assets/02/{TWOS}.png"))]);
    assert_eq!(
        prepared.models,
        [at("models/epoch_1/model.bin".to_owned()), at("models/epoch_1/sub/a b.json".to_owned()),]
    );
    for path in files.iter().chain(&prepared.models) {
        assert!(path.parent().unwrap().is_dir() && !path.exists());
    }
    for folder in ["out", "out/models", "out/tensorboard"] {
        assert!(dir.path().join(folder).is_dir());
    }
}

#[test]
fn voc_corners_are_whole_and_inclusive() {
    let dir = TempDir::new().unwrap();
    let boxes = [
        (4, BBox::new(0.0, 0.0, 100.0, 50.0)),
        (2, BBox::new(10.4, 20.6, 5.0, 5.0)),
        (2, BBox::new(-5.0, 49.7, 10.0, 10.0)),
    ];
    let mut record = record(1, &boxes);
    record.annotations[0].rotate_angle = Some(0.5);
    record.annotations[0].quality = Some(0.75);
    record.annotations[0].flags.difficult = true;
    record.annotations[0].attributes =
        [("weather".to_owned(), "<rain>".to_owned()), ("no name".to_owned(), "x".to_owned())]
            .into();
    train(dir.path(), &task(&[TmiKind::Training]), &[record], &[]);
    let voc = fs::read_to_string(dir.path().join(format!("in/annotations/01/{ONES}.xml"))).unwrap();
    insta::assert_snapshot!(voc);
}

#[test]
fn ark_and_coco_and_none() {
    let boxes = [(2, BBox::new(10.0, 20.0, 5.5, 5.0)), (4, BBox::new(0.0, 0.0, 100.0, 50.0))];
    let records = [record(1, &boxes), record(3, &[])];
    let mut task = task(&[TmiKind::Training]);
    let mut written = |format: &str| {
        let dir = TempDir::new().unwrap();
        task.parameters = parameters(&[("export_format", json!(format))]);
        train(dir.path(), &task, &records, &[]);
        dir
    };
    let dir = written("det-ark:raw");
    let ark = fs::read_to_string(dir.path().join(format!("in/annotations/01/{ONES}.txt"))).unwrap();
    assert_eq!(ark, "1, 10, 20, 15, 24, -1, 0\n0, 0, 0, 99, 49, -1, 0\n");

    let dir = written("coco:raw");
    let index = fs::read_to_string(dir.path().join("in/train-index.tsv")).unwrap();
    let lines: Vec<_> = index.lines().map(|line| line.split_once('\t').unwrap().1).collect();
    assert_eq!(lines, ["/in/annotations/coco-annotations.json"; 2]);
    let coco = fs::read(dir.path().join("in/annotations/coco-annotations.json")).unwrap();
    let coco: Value = serde_json::from_slice(&coco).unwrap();
    let names: Vec<_> =
        coco["images"].as_array().unwrap().iter().map(|i| &i["file_name"]).collect();
    assert_eq!(names[0], &json!(format!("{ONES}.jpg")));
    assert_eq!(names.len(), 2);
    assert_eq!(coco["annotations"][0]["bbox"], json!([10.0, 20.0, 5.5, 5.0]));
    assert_eq!(coco["annotations"][0]["image_id"], coco["images"][0]["id"]);
    let category = &coco["annotations"][0]["category_id"];
    let named = coco["categories"].as_array().unwrap().iter().find(|c| c["id"] == *category);
    assert_eq!(named.unwrap()["name"], "no");

    let dir = written("none:raw");
    let index = fs::read_to_string(dir.path().join("in/train-index.tsv")).unwrap();
    assert_eq!(index.lines().next(), Some(format!("/in/assets/01/{ONES}.jpg").as_str()));
    assert_eq!(fs::read_dir(dir.path().join("in/annotations")).unwrap().count(), 0);
}

#[test]
fn mining_and_inference_in_one_run() {
    let dir = TempDir::new().unwrap();
    let mut task = task(&[TmiKind::Inference, TmiKind::Mining]);
    task.executor
        .templates
        .insert(TmiKind::Mining, parameters(&[("a", json!(1)), ("b", json!(1))]));
    task.executor
        .templates
        .insert(TmiKind::Inference, parameters(&[("b", json!(2)), ("c", json!(2))]));
    task.model_files = vec!["best/m".to_owned()];
    let assets = [asset(1), asset(2)];
    let items = assets.iter().map(|asset| Item { asset, annotations: &[] });
    prepare(dir.path(), &docker_layout(), &task, [], [], items).unwrap();
    let input = dir.path().join("in");
    assert_eq!(
        yaml(&input.join("config.yaml")),
        json!({
            "a": 1, "b": 1, "c": 2, "class_names": ["person & dog", "no"], "gpu_id": "",
            "model_params_path": ["/in/models/best/m"], "object_type": 2, "run_infer": true,
            "run_mining": true, "task_id": "t1",
        })
    );
    let env = yaml(&input.join("env.yaml"));
    assert_eq!(env["run_mining"], true);
    assert_eq!(env["run_infer"], true);
    assert_eq!(env["input"]["training_index_file"], "");
    let index = fs::read_to_string(input.join("candidate-index.tsv")).unwrap();
    assert_eq!(index, format!("/in/assets/01/{ONES}.jpg\n/in/assets/02/{TWOS}.png\n"));
    assert!(!input.join("train-index.tsv").exists());
}

#[test]
fn asset_of_both_sets_is_there_once() {
    let dir = TempDir::new().unwrap();
    let first = record(1, &[(4, BBox::new(0.0, 0.0, 5.0, 5.0))]);
    let second = record(1, &[]);
    let prepared = train(dir.path(), &task(&[TmiKind::Training]), &[first], &[second]);
    assert_eq!(prepared.assets.len(), 1);
    let line = |name: &str| fs::read_to_string(dir.path().join("in").join(name)).unwrap();
    let path = |line: String| line.trim_end().split_once('\t').unwrap().1.replace("/in/", "in/");
    let boxes = |path: String| {
        fs::read_to_string(dir.path().join(path)).unwrap().matches("<object>").count()
    };
    assert_eq!(boxes(path(line("train-index.tsv"))), 1);
    assert_eq!(boxes(path(line("val-index.tsv"))), 0);
}

#[test]
fn wrong_input_is_refused() {
    let layout = docker_layout();
    let refused = |change: &dyn Fn(&mut ContractTask), word: &str| {
        let dir = TempDir::new().unwrap();
        let mut task = task(&[TmiKind::Training]);
        change(&mut task);
        let error = TaskWriter::create(&dir.path().join("t"), &layout, &task).expect_err(word);
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!dir.path().join("t").exists(), "nothing is written");
    };
    let set = |name: &'static str, value: Value| {
        move |task: &mut ContractTask| {
            task.parameters.insert(name.to_owned(), value.clone());
        }
    };
    for reserved in ["task_id", "class_names", "gpu_id", "run_mining", "pretrained_model_params"] {
        refused(&set(reserved, json!("x")), reserved);
    }
    for format in ["yolo:raw", "voc:lmdb", ":"] {
        refused(&set("export_format", json!(format)), "export_format");
    }
    refused(&set("export_format", json!(3)), "export_format");
    for size in ["12X", "-1G", "99999999999999G", "0", "G"] {
        refused(&set("shm_size", json!(size)), "shm_size");
    }
    for file in ["../x", "/etc/passwd", "a//b", "a/./b", "a\nb", ""] {
        refused(&|task| task.model_files = vec![file.to_owned()], "model_files");
    }
    refused(&|task| task.classes.clear(), "class");
    refused(&|task| task.kinds = vec![TmiKind::Training, TmiKind::Mining], "kinds");
    refused(&|task| task.kinds.clear(), "kinds");

    let dir = TempDir::new().unwrap();
    let training = task(&[TmiKind::Training]);
    let error = prepare(&dir.path().join("a"), &layout, &training, [], [], []).unwrap_err();
    assert!(error.to_string().contains("training set"), "{error}");
    let mining = task(&[TmiKind::Mining]);
    let error = prepare(&dir.path().join("b"), &layout, &mining, [], [], []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let twice = [record(1, &[]), record(1, &[])];
    let items = twice.iter().map(Item::from);
    let error = prepare(&dir.path().join("c"), &layout, &training, items, [], []).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");
    let items = twice.iter().map(Item::from);
    let error = prepare(&dir.path().join("d"), &layout, &training, [], [], items).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let error = prepare(&dir.path().join("d"), &layout, &training, [], [], []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");

    let mut unable = task(&[TmiKind::Training]);
    unable.executor.templates.remove(&TmiKind::Training);
    let error = prepare(&dir.path().join("e"), &layout, &unable, [], [], []).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn config_means_the_same_to_readers_of_old_yaml() {
    let dir = TempDir::new().unwrap();
    let mut task = task(&[TmiKind::Training]);
    task.parameters = parameters(&[
        ("lr", json!(1e-5)),
        ("big", json!(1e20)),
        ("half", json!(0.5)),
        ("word", json!("on")),
        ("time", json!("12:30")),
        ("date", json!("2001-01-01")),
        ("text", json!("a: b # c\n\u{7f}\u{2028}\"\\é")),
        ("nested", json!({"a": [1, [2, "x:y"]], "b": {}, "yes": null})),
        ("empty", json!("")),
        ("list", json!([])),
    ]);
    let prepared = train(dir.path(), &task, &[record(1, &[])], &[]);
    insta::assert_snapshot!(prepared.config);
    // And to those of the new.
    let read: Parameters = serde_norway::from_str(&prepared.config).unwrap();
    assert_eq!(read, prepared.parameters);
}

#[test]
fn local_layout_names_host_paths() {
    let dir = TempDir::new().unwrap();
    let root = dir.path().join("with space");
    let layout =
        Layout { input: root.join("in"), output: root.join("out"), manifest: root.join("m.yaml") };
    let records = [record(1, &[])];
    let items = records.iter().map(Item::from);
    prepare(&root, &layout, &task(&[TmiKind::Training]), items, [], []).unwrap();
    let index = fs::read_to_string(root.join("in/train-index.tsv")).unwrap();
    let (_, annotations) = index.trim_end().split_once('\t').unwrap();
    assert!(Path::new(annotations).is_file());
    let env = yaml(&root.join("in/env.yaml"));
    assert!(Path::new(env["input"]["config_file"].as_str().unwrap()).is_file());
    let bad = Layout { input: "/tab\there".into(), ..layout };
    let error = TaskWriter::create(&root.join("x"), &bad, &task(&[TmiKind::Mining])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn chunks_make_the_directory_that_all_at_once_make() {
    let numbered = |n: u32| {
        let mut record = record(1, &[(4, BBox::new(1.0, 2.0, 3.0, 4.0))]);
        let mut id = [0; 32];
        id[..4].copy_from_slice(&n.to_be_bytes());
        record.asset.id = AssetId::new(id);
        record
    };
    // More than are kept in memory; every third is in both sets.
    let training: Vec<Record> = (0..9000).map(numbered).collect();
    let validation: Vec<Record> = (0..9500).step_by(3).map(numbered).collect();
    let mut task = task(&[TmiKind::Training]);
    task.parameters = parameters(&[("export_format", json!("ymir:raw"))]);
    let (whole, parts) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let expected = train(whole.path(), &task, &training, &validation);

    let mut writer = TaskWriter::create(parts.path(), &docker_layout(), &task).unwrap();
    let mut files = Vec::new();
    for (set, records) in [(SampleSet::Training, &training), (SampleSet::Validation, &validation)] {
        for chunk in records.chunks(700) {
            files.extend(writer.add(set, chunk).unwrap());
        }
    }
    for (set, again) in
        [(SampleSet::Training, &training[17]), (SampleSet::Validation, &validation[3000])]
    {
        let error = writer.add(set, std::slice::from_ref(again)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let prepared = writer.finish().unwrap();
    assert!(prepared.assets.is_empty());
    let relative = |files: &[(AssetId, std::path::PathBuf)], root: &Path| -> Vec<_> {
        let path = |path: &Path| path.strip_prefix(root).unwrap().to_owned();
        files.iter().map(|(id, file)| (*id, path(file))).collect()
    };
    assert_eq!(relative(&files, parts.path()), relative(&expected.assets, whole.path()));
    for file in ["train-index.tsv", "val-index.tsv", "config.yaml", "env.yaml"] {
        let read = |root: &TempDir| fs::read(root.path().join("in").join(file)).unwrap();
        assert!(read(&whole) == read(&parts), "{file}");
    }
    let left: Vec<_> =
        fs::read_dir(parts.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}
