//! What is read back from `/out`, which is hostile.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use proptest::prelude::*;
use tempfile::TempDir;
use ymir_core::{AssetId, BBox, Class, ErrorKind, Layout, ObjectType, Result, Shape, TmiKind};
use ymir_tmi::contract::{
    self, Monitor, MonitorReader, MonitorState, ResultLimits, TrainingResult, read_inference,
    read_manifest, read_mining, sanitise_output,
};

fn read_training(dir: &Path) -> Result<TrainingResult> {
    contract::read_training(dir, &ResultLimits::default())
}

fn read_partial_training(dir: &Path) -> Option<TrainingResult> {
    contract::read_partial_training(dir, &ResultLimits::default())
}

fn out() -> TempDir {
    let dir = TempDir::new().unwrap();
    fs::create_dir_all(dir.path().join("out/models")).unwrap();
    dir
}

fn write(dir: &TempDir, path: &str, text: impl AsRef<[u8]>) {
    let path = dir.path().join("out").join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn layout() -> Layout {
    Layout { input: "/in".into(), output: "/out".into(), manifest: "/img-man/manifest.yaml".into() }
}

fn id(number: u8) -> AssetId {
    AssetId::new([number; 32])
}

fn known(asset: &AssetId) -> bool {
    (1..=3).any(|number| id(number) == *asset)
}

/// Asserts that a result is refused, with these words in the text of the error.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, words: &[&str]) {
    let error = result.expect_err("the result is refused");
    assert_eq!(error.kind(), ErrorKind::ExecutorFailed, "{error}");
    for word in words {
        assert!(error.to_string().contains(word), "no {word:?} in: {error}");
    }
}

const RESULT: &str = "\
best_stage_name: epoch_50
mAP: 0.8
model_stages:
  epoch_10: {stage_name: epoch_10, files: [a.params], timestamp: 1663934600, map: 0.5}
  epoch_50: {stage_name: epoch_50, files: [a.params, deep/b.json], timestamp: 1663934682,
             mAP: 0.8, MAR: 0.6, TP: 50, fp: 30, own_score: 2, loss: .nan, note: fine}
attachments: {plots: [curve.png]}
evaluate_config: {iou_thr: 0.5, conf_thr: 0.005}
";

fn trained() -> TempDir {
    let dir = out();
    write(&dir, "models/result.yaml", RESULT);
    for path in ["epoch_10/a.params", "epoch_50/a.params", "deep/b.json"] {
        write(&dir, &format!("models/{path}"), path);
    }
    write(&dir, "models/attachments/curve.png", "png");
    dir
}

#[test]
fn training_result_of_the_present() {
    let dir = trained();
    let result = read_training(dir.path()).unwrap();
    assert_eq!(result.best_stage, "epoch_50");
    let names: Vec<_> = result.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(names, ["epoch_10", "epoch_50"]);
    let stage = &result.stages[1];
    assert_eq!(stage.timestamp, 1663934682);
    let metrics: Vec<_> = stage.metrics.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    assert_eq!(
        metrics,
        [("fp", 30.0), ("mAP", 0.8), ("mAR", 0.6), ("own_score", 2.0), ("tp", 50.0)]
    );
    assert_eq!(result.stages[0].metrics["mAP"], 0.5);
    // One file in the stage's folder, one in the folder of all, as version 1.0.0 has it.
    let files: Vec<_> = stage.files.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(files, [("a.params", 17), ("deep/b.json", 11)]);
    assert_eq!(fs::read_to_string(&stage.files[0].host).unwrap(), "epoch_50/a.params");
    assert_eq!(fs::read_to_string(&stage.files[1].host).unwrap(), "deep/b.json");
    assert_eq!(result.attachments[0].path, "curve.png");
    assert_eq!(result.evaluate_config["iou_thr"], 0.5);
}

#[test]
fn training_result_of_the_first_version() {
    let dir = out();
    write(&dir, "models/result.yaml", "model: [m-0001.params, m.json]\nmap: 0.625\n");
    write(&dir, "models/m-0001.params", "x");
    write(&dir, "models/m.json", "y");
    let result = read_training(dir.path()).unwrap();
    assert_eq!(result.best_stage, "default_best_stage");
    assert_eq!(result.stages.len(), 1);
    assert_eq!(result.stages[0].metrics["mAP"], 0.625);
    assert_eq!(result.stages[0].files.len(), 2);
}

#[test]
fn training_result_that_is_wrong() {
    let check = |from: &str, to: &str, words: &[&str]| {
        let dir = trained();
        assert!(RESULT.contains(from));
        write(&dir, "models/result.yaml", RESULT.replacen(from, to, 1));
        refused(read_training(dir.path()), words);
    };
    let file = "models/result.yaml";
    check(
        "[a.params]",
        "[../../../etc/passwd]",
        &[file, "model_stages.epoch_10.files", "leads out"],
    );
    check("[a.params]", "[/etc/passwd]", &["absolute"]);
    check("[a.params]", "[nothing]", &["no file nothing", "model_stages.epoch_10.files"]);
    check("[a.params]", "[]", &["at least one file"]);
    check("[a.params]", "a.params", &["list of file names"]);
    check("[a.params]", "[epoch_10]", &["file"]);
    check("best_stage_name: epoch_50", "best_stage_name: epoch_99", &["best_stage_name"]);
    check("best_stage_name: epoch_50", "", &["best_stage_name"]);
    check("  epoch_10: {", "  ../epoch_10: {", &["name"]);
    check("[curve.png]", "[../../../../secret]", &["attachments.plots"]);
    check("model_stages:", "model_stages: [1]\nother:", &["model_stages"]);
    check("model_stages:", "other:", &["model_stages"]);
    check("best_stage_name: epoch_50", "{{{", &["YAML"]);
    let dir = out();
    refused(read_training(dir.path()), &["wrote no result", file]);
    write(&dir, file, "");
    refused(read_training(dir.path()), &["expected a mapping"]);
    // Aliases that would grow beyond all bounds.
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..12 {
        let before = format!("*a{}", i - 1);
        bomb.push_str(&format!("a{i}: &a{i} [{}]\n", [before.as_str(); 10].join(", ")));
    }
    write(&dir, file, bomb);
    refused(read_training(dir.path()), &["YAML"]);
}

#[test]
fn links_and_devices_are_not_read() {
    let dir = trained();
    let secret = dir.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let models = dir.path().join("out/models");
    let replace = |path: &str, make: &dyn Fn(&Path)| {
        let path = models.join(path);
        if path.is_dir() {
            fs::remove_dir_all(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        make(&path);
    };
    replace("epoch_10/a.params", &|path| symlink(&secret, path).unwrap());
    refused(read_training(dir.path()), &["links are not followed", "epoch_10"]);
    // What came before can be kept all the same.
    let partial = read_partial_training(dir.path()).unwrap();
    assert_eq!(partial.stages.len(), 1);
    assert_eq!(partial.best_stage, "epoch_50");
    let fifo = |path: &Path| {
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
    };
    replace("epoch_10/a.params", &fifo);
    refused(read_training(dir.path()), &["no regular file"]);
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("a.params"), "x").unwrap();
    replace("epoch_10", &|path| symlink(&elsewhere, path).unwrap());
    refused(read_training(dir.path()), &["links are not followed"]);
    replace("result.yaml", &|path| symlink(&secret, path).unwrap());
    refused(read_training(dir.path()), &["links are not followed", "result.yaml"]);
    write(&dir, "x", "");
    symlink(&secret, dir.path().join("out/result.tsv")).unwrap();
    refused(read_mining(dir.path(), &layout(), &known), &["links"]);
    symlink(&secret, dir.path().join("out/infer-result.json")).unwrap();
    refused(read_inference(dir.path(), &known), &["links"]);
    let moved = TempDir::new().unwrap();
    symlink(dir.path().join("out"), moved.path().join("out")).unwrap();
    read_mining(moved.path(), &layout(), &known).expect_err("out itself is a link");
}

#[test]
fn huge_files_are_refused() {
    let dir = out();
    let huge = |path: &str, size: u64| {
        let file = fs::File::create(dir.path().join("out").join(path)).unwrap();
        file.set_len(size).unwrap();
    };
    huge("models/result.yaml", 1 << 40);
    refused(read_training(dir.path()), &["longer than"]);
    huge("result.tsv", 1 << 40);
    refused(read_mining(dir.path(), &layout(), &known), &["longer than"]);
    huge("result.tsv", 1 << 20);
    refused(read_mining(dir.path(), &layout(), &known), &["line: 1", "too long"]);
    huge("infer-result.json", 1 << 40);
    refused(read_inference(dir.path(), &known), &["longer than"]);
}

#[test]
fn partial_training_takes_what_is_whole() {
    let dir = trained();
    fs::remove_file(dir.path().join("out/models/epoch_50/a.params")).unwrap();
    let partial = read_partial_training(dir.path()).unwrap();
    assert_eq!(partial.stages.len(), 1);
    assert_eq!(partial.best_stage, "epoch_10");
    write(&dir, "models/result.yaml", "best_stage_name: epo");
    assert_eq!(read_partial_training(dir.path()), None);
    assert_eq!(read_partial_training(out().path()), None);
}

#[test]
fn mining_result() {
    let dir = out();
    let line =
        |number: u8, score: &str| format!("/in/assets/0{number}/{}.jpg\t{score}\n", id(number));
    let read = |text: String| {
        write(&dir, "result.tsv", text);
        read_mining(dir.path(), &layout(), &known)
    };
    refused(read_mining(dir.path(), &layout(), &known), &["wrote no result"]);
    let scored = read([line(1, "0.1"), line(3, "-2e3"), line(2, " 0.9\r")].concat()).unwrap();
    assert_eq!(scored, [(id(2), 0.9), (id(1), 0.1), (id(3), -2000.0)]);
    let last_line_open = read(line(1, "1").trim_end().to_owned()).unwrap();
    assert_eq!(last_line_open, [(id(1), 1.0)]);
    refused(read(String::new()), &["no asset"]);
    refused(read([line(1, "0.1"), line(1, "0.2")].concat()), &["line: 2", "twice"]);
    refused(read([line(1, "0.1"), line(2, "nan")].concat()), &["line: 2", "finite"]);
    refused(read(line(1, "inf")), &["finite"]);
    refused(read(line(1, "")), &["line: 1"]);
    refused(read(line(9, "1")), &["none of the candidates"]);
    refused(read("/in/assets/x.jpg\t1\n".to_owned()), &["no path of a candidate"]);
    refused(read(format!("/elsewhere/{}.jpg\t1\n", id(1))), &["no path of a candidate"]);
    refused(read("only one field\n".to_owned()), &["<tab>"]);
    write(&dir, "result.tsv", b"\xff\t1\n");
    refused(read_mining(dir.path(), &layout(), &known), &["UTF-8"]);
}

#[test]
fn inference_result() {
    let dir = out();
    let read = |text: String| {
        write(&dir, "infer-result.json", text);
        read_inference(dir.path(), &known)
    };
    let one = |boxes: &str| format!("{{\"detection\": {{\"{}.jpg\": {boxes}}}}}", id(1));
    let result = read(format!(
        "{{\"other\": [1, {{}}], \"detection\": {{
            \"{}.jpg\": {{\"boxes\": [
                {{\"box\": {{\"x\": 1, \"y\": 2.5, \"w\": 3, \"h\": 4, \"rotate_angle\": 0.5}},
                  \"class_name\": \"cat\", \"score\": 0.75, \"extra\": null}},
                {{\"box\": {{\"x\": 1, \"y\": 2, \"w\": 3, \"h\": 4}}, \"class_name\": \"cat\"}},
                {{\"box\": {{\"x\": 1, \"y\": 2, \"w\": -3, \"h\": 4}}, \"class_name\": \"cat\",
                  \"score\": 0.5}},
                {{\"box\": {{\"x\": 1, \"y\": 2, \"w\": 3, \"h\": 4}}, \"class_name\": \"cat\",
                  \"score\": 1.5}}
            ]}},
            \"/in/assets/02/{}.png\": {{\"annotations\": []}}
        }}}}",
        id(1),
        id(2)
    ))
    .unwrap();
    assert_eq!((result.without_score, result.invalid), (1, 2));
    assert_eq!(result.annotations.keys().copied().collect::<Vec<_>>(), [id(1), id(2)]);
    let annotation = &result.annotations[&id(1)][0];
    assert_eq!(result.annotations[&id(1)].len(), 1);
    assert_eq!(annotation.class, Class::Name("cat".to_owned()));
    assert_eq!(annotation.bbox, BBox::new(1.0, 2.5, 3.0, 4.0));
    assert_eq!((annotation.score, annotation.rotate_angle), (Some(0.75), Some(0.5)));

    // What the contract has no place for.
    let with = |details: &str| {
        one(&format!(
            "{{\"boxes\": [{{\"box\": {{\"x\": 1, \"y\": 2, \"w\": 3, \"h\": 4}},
                \"class_name\": \"cat\", \"score\": 0.5, \"ymir\": {details}}}]}}"
        ))
    };
    let more = "{\"quality\": 0.5, \"attributes\": {\"k\": \"v\"}, \"shape\": \"image\"}";
    let annotation = read(with(more)).unwrap().annotations[&id(1)][0].clone();
    assert_eq!((annotation.quality, annotation.shape), (Some(0.5), Some(Shape::Image)));
    assert_eq!(annotation.attributes["k"], "v");
    assert_eq!(read(with("null")).unwrap().annotations[&id(1)][0].quality, None);
    refused(read(with("{\"qualities\": 1}")), &["qualities", &id(1).to_string()]);
    refused(read(with("{\"shape\": \"round\"}")), &["round", &id(1).to_string()]);

    refused(read_inference(out().path(), &known), &["wrote no result"]);
    refused(read(String::new()), &["infer-result.json"]);
    refused(read("{}".to_owned()), &["detection"]);
    refused(read("[]".to_owned()), &["detection"]);
    refused(read(one("{\"boxes\": [{\"box\": 3}]}")), &["line 1", &id(1).to_string()]);
    refused(read(one("{}")), &["boxes"]);
    let crowd = |count: usize| {
        let raw = "{\"box\":{\"x\":0,\"y\":0,\"w\":1,\"h\":1},\"class_name\":\"a\",\"score\":1}";
        one(&format!("{{\"boxes\": [{}]}}", vec![raw; count].join(",")))
    };
    assert_eq!(read(crowd(10_000)).unwrap().annotations[&id(1)].len(), 10_000);
    refused(read(crowd(10_001)), &["10000 boxes", &id(1).to_string()]);
    let nan = "{\"boxes\": [{\"box\": {\"x\": NaN, \"y\": 1, \"w\": 1, \"h\": 1}}]}";
    refused(read(one(nan)), &["line 1"]);
    refused(
        read(one("{\"boxes\": []}").replace(&id(1).to_string(), "cat")),
        &["candidates", "cat"],
    );
    refused(read(format!("{}x", one("{\"boxes\": []}"))), &["trailing"]);
    let twice = format!("{{\"boxes\": []}}, \"{}.png\": {{\"boxes\": []}}", id(1));
    refused(read(one(&twice)), &["twice"]);
    refused(read("[".repeat(100_000)), &["infer-result.json"]);
    refused(read(format!("{{\"x\": {}", "[".repeat(100_000))), &["infer-result.json"]);
}

#[test]
fn monitor_keeps_the_last_good_value() {
    let mut reader = MonitorReader::default();
    assert_eq!(reader.update(b""), None);
    assert_eq!(reader.update(b"t1\t1663934682"), None);
    assert_eq!(reader.last(), None);
    let value = reader.update(b"t1\t1663934682.5\t0.5\t2\t0\thalf\nmore").unwrap().clone();
    assert_eq!((value.fraction, value.state), (0.5, MonitorState::Running));
    assert_eq!((value.return_code, value.message.as_str()), (Some(0), "half"));
    assert_eq!(reader.update(b"t1\t1663934682.5\t0.5\t2\t0\thalf\nmore"), None);
    assert_eq!(reader.update(b"t1\t16639"), None);
    assert_eq!(reader.update(b"\xff\xfe\t\t\t"), None);
    assert_eq!(reader.last(), Some(&value));
    let failed = reader.update(b"t1\t1663934683\t1.5\t4\t300103\n\nTraceback\n").unwrap();
    assert_eq!((failed.fraction, failed.state), (1.0, MonitorState::Error));
    assert_eq!((failed.return_code, failed.message.as_str()), (Some(300103), "Traceback"));
    for bad in ["t1\t1\tnan\t2", "t1\t1\t0.5\t9", "t1\tx\t0.5\t2", "\t1\t0.5\t2", "t1 1 0.5 2"] {
        assert_eq!(Monitor::parse(bad.as_bytes()), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn monitor_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Monitor::parse(&bytes);
    }

    #[test]
    fn monitor_takes_any_fields(
        fields in proptest::collection::vec("[0-9a-z.\\-+\\n\\r \u{e9}]{0,8}", 0..8),
        cut in 0_usize..64,
    ) {
        let text = fields.join("\t");
        let cut = cut.min(text.len());
        let mut reader = MonitorReader::default();
        for bytes in [text.as_bytes(), &text.as_bytes()[..cut]] {
            if let Some(monitor) = reader.update(bytes) {
                prop_assert!((0.0..=1.0).contains(&monitor.fraction));
            }
        }
    }

    #[test]
    fn readers_take_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = out();
        for file in ["models/result.yaml", "result.tsv", "infer-result.json"] {
            write(&dir, file, &bytes);
        }
        let kind = |error: ymir_core::Error| error.kind();
        prop_assert_eq!(read_training(dir.path()).map_err(kind), Err(ErrorKind::ExecutorFailed));
        prop_assert_eq!(
            read_mining(dir.path(), &layout(), &known).map_err(kind),
            Err(ErrorKind::ExecutorFailed)
        );
        prop_assert_eq!(
            read_inference(dir.path(), &known).map_err(kind),
            Err(ErrorKind::ExecutorFailed)
        );
    }
}

#[test]
fn manifest() {
    let read = |files: &[(&str, &str)]| {
        let files: BTreeMap<_, _> = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
            .collect();
        read_manifest(&files, "sha256:1".to_owned())
    };
    let info = read(&[
        ("manifest.yaml", "object_type: [4, 2]\nenable_livecode: false\n"),
        ("det/training-template.yaml", "lr: 1e-3\nflip: yes\nname: 'x'\n"),
        ("training-template.yaml", "lr: 5\n"),
        ("mining-template.yaml", ""),
    ])
    .unwrap();
    assert_eq!(info.templates[&TmiKind::Training]["lr"], 0.001);
    assert_eq!(info.templates[&TmiKind::Training]["flip"], true);
    assert!(info.templates[&TmiKind::Mining].is_empty());
    assert!(!info.templates.contains_key(&TmiKind::Inference));
    let kind = |files: &[(&str, &str)]| read(files).unwrap_err().kind();
    let template = ("infer-template.yaml", "a: 1");
    assert_eq!(info.object_types, [ObjectType::InstanceSegmentation, ObjectType::Detection]);
    let types = |text: &str| read(&[("manifest.yaml", text), template]).map(|i| i.object_types);
    assert_eq!(types("object_type: 1").unwrap(), [ObjectType::Classification]);
    assert_eq!(types("object_type: [3, 50]").unwrap(), [ObjectType::SemanticSegmentation]);
    for number in [0, 5, 50, 100] {
        let error = types(&format!("object_type: {number}")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(&number.to_string()), "{error}");
    }
    assert_eq!(types("object_type: []").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(kind(&[("manifest.yaml", "object_type: two"), template]), ErrorKind::InvalidInput);
    assert_eq!(kind(&[("manifest.yaml", "")]), ErrorKind::InvalidInput);
    assert_eq!(kind(&[("infer-template.yaml", "- a")]), ErrorKind::InvalidInput);
    assert_eq!(kind(&[("infer-template.yaml", "3: a")]), ErrorKind::InvalidInput);
    let error = read(&[("manifest.yaml", "object_type: -1"), template]).unwrap_err();
    assert!(error.to_string().contains("/img-man/manifest.yaml"), "{error}");
    assert!(error.to_string().contains("object_type"), "{error}");
}

/// Documents that keep a parser busy for long, or fill the memory.
fn hostile_yaml() -> Vec<String> {
    vec![
        "[".repeat(200_000),
        "{a: ".repeat(50_000),
        format!("model: [{}]", "[],".repeat(400_000)),
        "- ".repeat(100_000),
        "? ".repeat(100_000),
        "a:\n".repeat(1_100_000),
    ]
}

#[test]
fn yaml_is_bounded_before_it_is_parsed() {
    for text in hostile_yaml() {
        let dir = out();
        fs::write(dir.path().join("out/models/result.yaml"), &text).unwrap();
        let error = read_training(dir.path()).expect_err("it is too much");
        assert_eq!(error.kind(), ErrorKind::ExecutorFailed);
        assert!(error.to_string().contains("result.yaml"), "{error}");
        if text.len() < 1 << 20 {
            let files = [("training-template.yaml".to_owned(), text.into_bytes())].into();
            let error = read_manifest(&files, "digest".to_owned()).expect_err("it is too much");
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains("training-template.yaml"), "{error}");
        }
    }
}

#[test]
fn model_is_measured_in_bytes_that_are_there() {
    let dir = out();
    let models = dir.path().join("out/models");
    fs::write(models.join("result.yaml"), "model: [weights.bin]\nmAP: 0.5\n").unwrap();
    let weights = fs::File::create(models.join("weights.bin")).unwrap();
    weights.set_len(10 << 30).unwrap();
    refused(read_training(dir.path()), &["weights.bin", "holes", "cp --sparse=never"]);
    weights.set_len(1000).unwrap();
    let limits = ResultLimits { model_bytes: 999 };
    let refusal = contract::read_training(dir.path(), &limits);
    refused(refusal, &["weights.bin", "exceed 999 bytes", "raise the limit"]);
    let limits = ResultLimits { model_bytes: 1000 };
    assert_eq!(contract::read_training(dir.path(), &limits).unwrap().stages[0].files[0].size, 1000);
}

#[test]
fn output_is_made_safe() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let dir = out();
    let below = dir.path().join("out/models/deep");
    fs::create_dir(&below).unwrap();
    let root = rustix::process::geteuid().is_root();
    for (name, mode) in [("plain", 0o640), ("set_user", 0o4755), ("set_group", 0o2755)] {
        let path = below.join(name);
        fs::write(&path, name).unwrap();
        if root {
            std::os::unix::fs::chown(&path, Some(12345), Some(12345)).unwrap();
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let made = std::process::Command::new("mkfifo").arg(below.join("pipe")).status().unwrap();
    assert!(made.success());
    symlink("/etc/passwd", below.join("link")).unwrap();
    fs::set_permissions(&below, fs::Permissions::from_mode(0o3777)).unwrap();

    sanitise_output(dir.path()).unwrap();
    let own = fs::metadata(dir.path().join("out")).unwrap().uid();
    for (path, mode) in [("plain", 0o640), ("set_user", 0o755), ("set_group", 0o755), ("", 0o777)] {
        let metadata = fs::metadata(below.join(path)).unwrap();
        assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (mode, own), "{path}");
    }
    assert!(!below.join("pipe").exists());
    assert!(fs::symlink_metadata(below.join("link")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(below.join("plain")).unwrap(), "plain");
}
