//! Round trips through every format that can carry the data.

use proptest::prelude::*;
use ymir_formats::Format;

use super::made::{Says, dataset, images, rounded, trip};

macro_rules! trips {
    ($($name:ident: $format:expr, $says:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(40))]
            $(#[test]
            fn $name(images in images($says)) {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.unwrap().block_on(async {
                    let says: Says = $says;
                    let (store, all) = dataset(images).await;
                    let (there, back, found) = trip(&store, all.clone(), $format).await;
                    prop_assert!(there.lost.is_empty(), "{:?}", there.lost);
                    prop_assert!(back.lost.is_empty(), "{:?}", back.lost);
                    prop_assert!(back.skipped.is_empty(), "{:?}", back.skipped);
                    prop_assert!(back.dropped.is_empty(), "{:?}", back.dropped);
                    match says.exact {
                        true => prop_assert_eq!(found, all),
                        false => prop_assert_eq!(rounded(found), rounded(all)),
                    }
                    Ok(())
                })?;
            })*
        }
    };
}

trips! {
    coco: Format::Coco, Says {
        boxes: true, rotations: true, polygons: true, rings: true, masks: true, keypoints: true,
        scores: true, qualities: true, flags: true, attributes: true, asset_attributes: true,
        splits: true, exact: true, ..Says::default()
    };
    voc: Format::Voc, Says {
        boxes: true, rotations: true, scores: true, qualities: true, flags: true, attributes: true,
        asset_attributes: true, splits: true, exact: true, ..Says::default()
    };
    yolo_boxes: Format::Yolo, Says {
        boxes: true, splits: true, rotations: true, fits: true, ..Says::default()
    };
    yolo_outlines: Format::Yolo, Says { polygons: true, splits: true, ..Says::default() };
    cvat: Format::Cvat, Says {
        boxes: true, rotations: true, polygons: true, masks: true, occluded: true,
        attributes: true, splits: true, ..Says::default()
    };
    labelme: Format::Labelme, Says {
        boxes: true, polygons: true, flags: true, splits: true, ..Says::default()
    };
    ark: Format::Ark, Says {
        boxes: true, rotations: true, qualities: true, splits: true, ..Says::default()
    };
    label_studio: Format::LabelStudio, Says {
        boxes: true, rotations: true, polygons: true, labels: true, scores: true,
        asset_attributes: true, splits: true, ..Says::default()
    };
    darknet: Format::Darknet, Says { boxes: true, splits: true, ..Says::default() };
}
