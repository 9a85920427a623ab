//! Images that look alike.

use std::sync::Arc;

use ymir_core::{AssetId, AssetStore, BlobSource, Branch, ErrorKind, Version};
use ymir_data::operations::{DISTANCE_MAX, dedup, near_duplicates};

use crate::common::{commit, folder, record};

type Store = Arc<dyn AssetStore>;

async fn with_images(store: &Store, images: Vec<Vec<u8>>) -> (Version, Vec<AssetId>) {
    let sources = images.into_iter().map(BlobSource::Bytes).collect();
    let ids: Vec<_> = store.put_blobs(sources).await.unwrap().iter().map(|b| b.id).collect();
    let with_image = |(n, id): (usize, &AssetId)| {
        let mut record = record(n, vec![]);
        record.asset.id = *id;
        record
    };
    let records = ids.iter().enumerate().map(with_image).collect();
    (commit(store, &Branch::dataset("all").unwrap(), records).await, ids)
}

#[cfg(feature = "decode")]
#[tokio::test]
async fn the_same_picture_in_other_files_is_found() {
    use image::ImageFormat;
    use image::imageops::FilterType;
    use ymir_testkit::generate::scenes::{SceneOptions, write_voc};

    let scenes = folder().join("scenes");
    let options = SceneOptions { count: 6, width: 160, height: 120, ..SceneOptions::default() };
    write_voc(&scenes, &options, &[("all", 0..6)]).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(scenes.join("JPEGImages")).unwrap().collect();
    files.sort_by_key(|file| file.as_ref().unwrap().path());
    let mut images = Vec::new();
    for (i, file) in files.into_iter().enumerate() {
        let path = file.unwrap().path();
        images.push(std::fs::read(&path).unwrap());
        if i < 2 {
            let picture = image::open(&path).unwrap().resize_exact(128, 96, FilterType::Triangle);
            let mut other = std::io::Cursor::new(Vec::new());
            picture.write_to(&mut other, ImageFormat::Png).unwrap();
            images.push(other.into_inner());
        }
    }
    let store = crate::common::git_store();
    let (version, ids) = with_images(&store, images).await;
    let found = near_duplicates(&store, &version.id, 3, &|_| ()).await.unwrap();
    let mut expected = vec![vec![ids[0], ids[1]], vec![ids[2], ids[3]]];
    expected.iter_mut().for_each(|group| group.sort_unstable());
    expected.sort_unstable();
    assert_eq!(found, expected);

    let target = Branch::dataset("once").unwrap();
    let once = dedup(&store, &version.id, 3, &target, &|_| ()).await.unwrap();
    let mut kept = crate::common::ids(&store, &once.id).await;
    assert_eq!(kept.len(), 6);
    kept.extend(expected.iter().map(|group| group[1]));
    kept.sort_unstable();
    assert_eq!(kept, crate::common::ids(&store, &version.id).await);
    assert_eq!(dedup(&store, &version.id, 3, &target, &|_| ()).await.unwrap(), once);

    let far = near_duplicates(&store, &version.id, DISTANCE_MAX + 1, &|_| ()).await.unwrap_err();
    assert_eq!(far.kind(), ErrorKind::InvalidInput);
    let (broken, _) = with_images(&store, vec![b"no image".to_vec()]).await;
    let error = near_duplicates(&store, &broken.id, 3, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[cfg(feature = "decode")]
#[tokio::test]
async fn what_looks_like_an_image_of_another_version_is_excluded() {
    use ymir_core::VersionId;
    use ymir_data::operations::exclude_similar;

    let store = crate::common::git_store();
    let images = [(64, false), (48, false), (32, false), (64, true), (48, true)];
    let images = images.map(|(side, falling)| gradient(side, falling)).to_vec();
    let (version, ids) = with_images(&store, images.clone()).await;
    let target = Branch::dataset("apart").unwrap();
    let apart = async |others: &[VersionId]| {
        let version =
            exclude_similar(&store, &version.id, others, 3, &target, &|_| ()).await.unwrap();
        (version.clone(), crate::common::ids(&store, &version.id).await)
    };
    // Without others, one of each pair that looks alike stays: the one whose id comes first.
    let mut firsts = vec![*ids[..3].iter().min().unwrap(), *ids[3..].iter().min().unwrap()];
    firsts.sort_unstable();
    assert_eq!(apart(&[]).await.1, firsts);

    // An image that only the other has is enough, and so is the same one.
    for image in [gradient(80, false), images[1].clone()] {
        let (other, _) = with_images(&store, vec![image]).await;
        let (made, kept) = apart(&[other.id, other.id]).await;
        assert_eq!(kept, [*ids[3..].iter().min().unwrap()]);
        assert_eq!(apart(&[other.id]).await.0, made, "it is found again");
        let inputs = store.manifest(&made.id).await.unwrap().task;
        assert_eq!(inputs.input("excluded"), Some(other.id));
    }
    // What cannot be decoded looks like nothing.
    let (broken, ids) = with_images(&store, vec![b"x".to_vec(), b"y".to_vec()]).await;
    let kept = exclude_similar(&store, &broken.id, &[version.id], 3, &target, &|_| ()).await;
    assert_eq!(crate::common::ids(&store, &kept.unwrap().id).await.len(), ids.len());
    let far = exclude_similar(&store, &version.id, &[], DISTANCE_MAX + 1, &target, &|_| ()).await;
    assert_eq!(far.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[cfg(feature = "decode")]
#[tokio::test]
async fn an_image_is_looked_at_once() {
    use ymir_data::operations::exclude_similar;

    let dir = folder();
    let store: Store = Arc::new(ymir_assets::GitAssetStore::init(&dir).unwrap());
    let (version, ids) = with_images(&store, vec![gradient(64, false), gradient(48, false)]).await;
    let groups = async || near_duplicates(&store, &version.id, 3, &|_| ()).await;
    let found = groups().await.unwrap();
    assert_eq!(found[0].len(), 2);
    // Without the files nothing can be looked at any more, and need not be.
    std::fs::remove_dir_all(dir.join("blobs")).unwrap();
    assert_eq!(groups().await.unwrap(), found);
    let target = Branch::dataset("apart").unwrap();
    let apart = exclude_similar(&store, &version.id, &[], 3, &target, &|_| ()).await.unwrap();
    assert_eq!(crate::common::ids(&store, &apart.id).await, [*ids.iter().min().unwrap()]);
    std::fs::remove_file(dir.join("state/looks")).unwrap();
    assert_eq!(groups().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[cfg(feature = "decode")]
fn gradient(side: u32, falling: bool) -> Vec<u8> {
    let value = |x: u32| (if falling { side - 1 - x } else { x } * 255 / side) as u8;
    let image = image::GrayImage::from_fn(side, side, |x, _| image::Luma([value(x)]));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[cfg(feature = "decode")]
#[tokio::test]
async fn an_import_skips_what_looks_like_another_image() {
    use ymir_data::{ImportOptions, import_dataset};
    use ymir_formats::{Format, SkipReason};

    let source = folder().join("images");
    std::fs::create_dir(&source).unwrap();
    let write = |name: &str, bytes| std::fs::write(source.join(name), bytes).unwrap();
    write("a.png", gradient(64, false));
    write("b.png", gradient(48, false));
    write("c.png", gradient(64, true));
    write("d.png", gradient(64, false));
    let store = crate::common::git_store();
    let branch = Branch::dataset("pool").unwrap();
    let options = ImportOptions { skip_near_duplicates: Some(3), ..ImportOptions::default() };
    let report =
        import_dataset(&store, &source, Format::Images, &branch, &options, &|_| ()).await.unwrap();
    assert_eq!(report.imported, 2);
    let [skipped] = &report.skipped[..] else { panic!("{:?}", report.skipped) };
    assert_eq!((skipped.path.as_str(), skipped.kind), ("b.png", SkipReason::NearDuplicate));
    assert_eq!(skipped.reason, "it looks like a.png");
    // A file with the same bytes is a duplicate, as ever.
    assert_eq!(report.duplicates.len(), 1);

    write("b.png", gradient(32, true));
    write("e.png", gradient(80, false));
    let more = ImportOptions { append: true, ..options.clone() };
    let report =
        import_dataset(&store, &source, Format::Images, &branch, &more, &|_| ()).await.unwrap();
    let skipped: Vec<_> = report.skipped.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(skipped, ["b.png", "e.png"]);
    assert!(report.skipped[0].reason.starts_with("it looks like asset "));
    assert_eq!(crate::common::ids(&store, &report.version.id).await.len(), 2);

    let far = ImportOptions { skip_near_duplicates: Some(DISTANCE_MAX + 1), ..options };
    let error =
        import_dataset(&store, &source, Format::Images, &branch, &far, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[cfg(not(feature = "decode"))]
#[tokio::test]
async fn looking_needs_a_feature() {
    let store = crate::common::store();
    let (version, _) = with_images(&store, vec![]).await;
    let target = Branch::dataset("once").unwrap();
    let error = dedup(&store, &version.id, DISTANCE_MAX, &target, &|_| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(near_duplicates(&store, &version.id, 0, &|_| ()).await.is_err());
    assert!(folder().exists());
}
