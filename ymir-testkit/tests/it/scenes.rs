//! Rendered scenes: the same everywhere, correct, and with something in them to be learnt.

use std::collections::BTreeSet;

use ymir_core::ErrorKind;
use ymir_testkit::generate::rng::SplitMix64;
use ymir_testkit::generate::scenes::{SceneOptions, class_names, render, write_voc};

#[test]
fn a_scene_depends_on_seed_and_index_alone() {
    let options = SceneOptions::default();
    let other = SceneOptions { seed: 2, ..options.clone() };
    let more = SceneOptions { count: 1000, ..options.clone() };
    let there = std::thread::scope(|scope| {
        let (options, render) = (&options, &render);
        let spawn = |index| scope.spawn(move || render(options, index));
        let threads: Vec<_> = [5, 4, 3].map(spawn).into();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(there, [5, 4, 3].map(|index| render(&options, index)));
    assert_eq!(render(&more, 5), there[0]);
    assert_ne!(render(&other, 5).jpeg, there[0].jpeg);
    let images: BTreeSet<_> = there.iter().map(|scene| &scene.jpeg).collect();
    assert_eq!(images.len(), 3);
}

#[test]
fn the_generator_is_the_published_one() {
    // The first numbers of the reference implementation for this seed.
    let mut rng = SplitMix64::new(1_234_567);
    let expected =
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
    assert_eq!([0; 3].map(|_| rng.next_u64()), expected);
}

#[test]
fn scenes_do_not_change_unnoticed() {
    // Demos and recorded figures depend on them: a change of this digest is a change of those.
    let boxes: Vec<_> =
        (0..12).map(|index| render(&SceneOptions::default(), index).boxes).collect();
    let digest = ymir_core::AssetId::of(format!("{boxes:?}").as_bytes()).to_string();
    assert_eq!(&digest[..16], "bda8378394c8682b");
}

#[test]
fn boxes_lie_in_the_image_which_decodes() {
    for (width, height) in [(192, 144), (64, 48), (40, 200)] {
        let options = SceneOptions { width, height, ..SceneOptions::default() };
        for index in 0..12 {
            let scene = render(&options, index);
            let format = image::guess_format(&scene.jpeg).unwrap();
            assert_eq!(format, image::ImageFormat::Jpeg);
            let image = image::load_from_memory(&scene.jpeg).unwrap();
            assert_eq!((image.width(), image.height()), (width, height));
            for (class, bbox) in &scene.boxes {
                assert!(*class < class_names().len());
                assert_eq!(bbox.clip(width, height), Some(*bbox), "scene {index}");
                assert!(bbox.w >= 4.0 && bbox.h >= 4.0, "{bbox:?}");
                let numbers = [bbox.x, bbox.y, bbox.w, bbox.h];
                assert!(numbers.iter().all(|number| number.fract() == 0.0));
            }
        }
    }
}

#[test]
fn sizes_and_shares_outside_the_allowed_do_no_harm() {
    for (width, height, share) in [(0, 0, f32::NAN), (u32::MAX, 1, 9.0), (1, u32::MAX, -1.0)] {
        let options =
            SceneOptions { width, height, easy: share, rare: share, ..SceneOptions::default() };
        let scene = render(&options, u64::MAX);
        assert_eq!((scene.width, scene.height), (width.clamp(32, 4096), height.clamp(32, 4096)));
    }
}

#[test]
fn every_class_occurs_and_one_is_rare_and_many_scenes_are_easy() {
    let scenes: Vec<_> = (0..100).map(|index| render(&SceneOptions::default(), index)).collect();
    let with = |class| scenes.iter().filter(|s| s.boxes.iter().any(|b| b.0 == class)).count();
    for class in 0..3 {
        assert!((20..75).contains(&with(class)), "{}: {}", class_names()[class], with(class));
    }
    assert!((3..20).contains(&with(3)), "star: {}", with(3));
    let easy = scenes.iter().filter(|scene| scene.boxes.len() < 2).count();
    assert!((35..80).contains(&easy), "{easy} easy scenes");
    let sizes = scenes.iter().flat_map(|s| &s.boxes).map(|(_, b)| b.w.max(b.h));
    let (small, large) = sizes.fold((f64::MAX, 0.0f64), |(a, b), s| (a.min(s), b.max(s)));
    assert!(small < 20.0 && large > 48.0, "sides from {small} to {large}");

    let none = SceneOptions { easy: 0.0, rare: 0.0, ..SceneOptions::default() };
    let scenes = (0..20).map(|index| render(&none, index));
    assert!(scenes.flat_map(|scene| scene.boxes).all(|(class, _)| class < 3));
}

#[test]
fn a_voc_folder_has_images_boxes_and_lists() {
    let directory = tempfile::tempdir().unwrap();
    let options = SceneOptions { width: 64, height: 48, count: 8, ..SceneOptions::default() };
    let splits = [("pool", 0..6), ("val", 6..8), ("few", 4..7)];
    write_voc(directory.path(), &options, &splits).unwrap();
    let read = |path: &str| std::fs::read_to_string(directory.path().join(path)).unwrap();
    assert_eq!(read("ImageSets/Main/val.txt"), "scene_00006\nscene_00007\n");
    assert_eq!(read("ImageSets/Main/few.txt").lines().count(), 3);
    for index in 0..8 {
        let scene = render(&options, index);
        let jpeg = std::fs::read(directory.path().join("JPEGImages").join(&scene.file_name));
        assert_eq!(jpeg.unwrap(), scene.jpeg);
        let xml = read(&format!("Annotations/scene_{index:05}.xml"));
        assert!(xml.contains("<width>64</width><height>48</height>"), "{xml}");
        assert_eq!(xml.matches("<object>").count(), scene.boxes.len());
        for (class, b) in &scene.boxes {
            let name = format!("<name>{}</name>", class_names()[*class]);
            let corners = format!(
                "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>",
                b.x,
                b.y,
                b.x + b.w - 1.0,
                b.y + b.h - 1.0
            );
            assert!(xml.contains(&name) && xml.contains(&corners), "{xml}");
        }
    }
}

#[test]
fn wrong_splits_are_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("voc");
    let options = SceneOptions { count: 8, ..SceneOptions::default() };
    for (name, range) in [("pool", 0..9), ("pool", 3..3), ("../up", 0..1), ("", 0..1)] {
        let error = write_voc(&target, &options, &[("good", 0..1), (name, range)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    assert!(!target.exists());
}
