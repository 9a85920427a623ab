//! Formats are recognised, and archives unpacked without harm.

use std::io::Write;
use std::path::Path;

use ymir_core::{Annotation, BBox, Class, ClassId, ErrorKind, Mask, Shape};
use ymir_formats::{Format, SkipReason};
use zip::write::SimpleFileOptions;

use super::made::{branch, dataset, export, import};
use crate::common::{commit, folder, put, store};
use ymir_testkit::fixture::pictures::jpeg;

#[tokio::test]
async fn every_export_is_recognised() {
    let class = || Class::Id(ClassId(0));
    let shape = Shape::Mask(Mask::new(64, 48, vec![48, 480, 2544]).unwrap());
    let mask = Annotation::new(class(), shape.bbox().unwrap()).with_shape(shape);
    let boxed = Annotation::new(class(), BBox::new(1.0, 2.0, 3.0, 4.0));
    let label = Annotation::of_image(class(), 64, 48);
    for format in Format::ALL {
        let annotation = match format {
            Format::Masks => mask.clone(),
            Format::Folders => label.clone(),
            _ => boxed.clone(),
        };
        let (store, all) = dataset(vec![(vec![], Default::default(), vec![annotation])]).await;
        let version = commit(&store, &branch("there"), all).await;
        let out = folder();
        match export(&store, &version.id, &out, format).await {
            Ok(_) => assert_eq!(Format::detect(&out).unwrap(), format),
            Err(error) => {
                assert!(matches!(format, Format::Auto | Format::Images), "{error}");
                continue;
            }
        }
        let report = import(&store, &out, Format::Auto).await.unwrap();
        assert_eq!((report.imported, report.annotations), (1, 1));
        assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
    }
}

#[test]
fn folders_of_nothing_known_are_refused() {
    let source = folder();
    assert_eq!(Format::detect(&source).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(Format::detect(&source.join("x")).unwrap_err().kind(), ErrorKind::NotFound);
    put(&source, "a.jpg", jpeg(1));
    assert_eq!(Format::detect(&source).unwrap(), Format::Images);
    put(&source, "notes.json", "{\"a\": 1}");
    assert_eq!(Format::detect(&source).unwrap(), Format::Images);
}

fn zip_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut zip = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
}

/// Writes a tar file, whose names may be any.
fn tar_of(to: impl Write, files: &[(&str, &[u8])]) {
    let mut tar = tar::Builder::new(to);
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        tar.append(&header, *content).unwrap();
    }
    let mut link = tar::Header::new_gnu();
    link.set_entry_type(tar::EntryType::Symlink);
    link.set_size(0);
    tar.append_link(&mut link, "data/link", "/etc").unwrap();
    tar.finish().unwrap();
}

#[tokio::test]
async fn archives_are_sources() {
    let image = jpeg(1);
    let files: &[(&str, &[u8])] = &[
        ("data/cat/1.jpg", &image),
        ("../out.jpg", &image),
        ("/abs.jpg", &image),
        ("data/../../x.jpg", &image),
        ("data/cat/1.jpg", b"again"),
        ("data/cat/1.jpg/below.jpg", &image),
    ];
    let place = folder();
    tar_of(std::fs::File::create(place.join("a.tar")).unwrap(), files);
    let file = std::fs::File::create(place.join("a.tar.gz")).unwrap();
    tar_of(flate2::write::GzEncoder::new(file, flate2::Compression::fast()), files);
    let plain = files.iter().filter(|(name, _)| *name != "data/cat/1.jpg/below.jpg");
    let mut plain: Vec<_> = plain.copied().collect();
    // A zip is not written with a name twice.
    plain.remove(4);
    zip_of(&place.join("a.zip"), &plain);
    for (name, unsafe_entries) in [("a.tar", 6), ("a.tar.gz", 6), ("a.zip", 3)] {
        let store = store();
        let report = import(&store, &place.join(name), Format::Auto).await.unwrap();
        assert_eq!((report.imported, report.annotations), (1, 1), "{name}");
        assert_eq!(report.skipped.len(), unsafe_entries, "{name}: {:?}", report.skipped);
        assert!(report.skipped.iter().all(|skip| skip.kind == SkipReason::Unsafe));
    }
    let mut left: Vec<_> =
        std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.tar", "a.tar.gz", "a.zip"]);
}

#[tokio::test]
async fn archives_of_windows_are_sources() {
    let place = folder();
    let image = jpeg(1);
    let files: &[(&str, &[u8])] = &[
        ("data\\cat\\1.jpg", &image),
        ("..\\out.jpg", &image),
        ("\\abs.jpg", &image),
        ("C:\\abs.jpg", &image),
        ("data\\..\\..\\x.jpg", &image),
    ];
    zip_of(&place.join("a.zip"), files);
    let report = import(&store(), &place.join("a.zip"), Format::Folders).await.unwrap();
    assert_eq!((report.imported, report.annotations), (1, 1));
    assert_eq!(report.unknown_classes[0].name, "cat");
    assert_eq!(report.skipped.len(), 4, "{:?}", report.skipped);
    assert!(report.skipped.iter().all(|skip| skip.kind == SkipReason::Unsafe));
}

#[tokio::test]
async fn errors_name_the_archive_and_no_folder_that_is_gone() {
    let place = folder();
    let cases: [(&str, &[u8], Format); 4] = [
        ("notes.md", b"", Format::Auto),
        ("data.yaml", b"names: 3", Format::Auto),
        ("a.jpg", b"no image", Format::Auto),
        ("a.jpg", b"no image", Format::Yolo),
    ];
    for (name, content, format) in cases {
        let archive = place.join("a.zip");
        zip_of(&archive, &[(name, content)]);
        let error = import(&store(), &archive, format).await.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(&archive.display().to_string()), "{text}");
        assert!(!text.contains(".ymir-import-"), "{text}");
    }
}

#[tokio::test]
async fn bombs_and_damaged_archives_are_refused() {
    let place = folder();
    let zeros = vec![0; 1 << 20];
    let mut zip = zip::ZipWriter::new(std::fs::File::create(place.join("bomb.zip")).unwrap());
    zip.start_file("a.jpg", SimpleFileOptions::default()).unwrap();
    for _ in 0..700 {
        zip.write_all(&zeros).unwrap();
    }
    zip.finish().unwrap();
    put(&place, "none.zip", b"PK no zip");
    put(&place, "none.tar.gz", b"no gzip");
    zip_of(&place.join("cut.zip"), &[("a.jpg", &jpeg(1))]);
    let whole = std::fs::read(place.join("cut.zip")).unwrap();
    put(&place, "cut.zip", &whole[..whole.len() - 30]);
    // Stored as they are, so that only the checksum tells a flipped bit.
    let file = std::fs::File::create(place.join("flipped.tar.gz")).unwrap();
    let stored = flate2::write::GzEncoder::new(file, flate2::Compression::none());
    tar_of(stored, &[("a.jpg", &jpeg(1))]);
    let mut gz = std::fs::read(place.join("flipped.tar.gz")).unwrap();
    put(&place, "trailer.tar.gz", &gz[..gz.len() - 4]);
    gz[1000] ^= 1;
    put(&place, "flipped.tar.gz", &gz);
    put(&place, "other.tar.xz", b"xz");
    let error = import(&store(), &place.join("other.tar.xz"), Format::Images).await.unwrap_err();
    assert!(error.to_string().contains(".tar.gz"), "{error}");
    for (name, kind) in [
        ("bomb.zip", ErrorKind::ResourceExhausted),
        ("none.zip", ErrorKind::Corrupted),
        ("none.tar.gz", ErrorKind::Corrupted),
        ("cut.zip", ErrorKind::Corrupted),
        ("flipped.tar.gz", ErrorKind::Corrupted),
        ("trailer.tar.gz", ErrorKind::Corrupted),
    ] {
        let error = import(&store(), &place.join(name), Format::Images).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
}
