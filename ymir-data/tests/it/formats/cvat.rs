//! CVAT's XML: what it says, and what hostile files do.

use ymir_core::{Annotation, Class, ClassId, Selector, Shape};
use ymir_formats::{Format, SPLIT, SkipReason};

use super::made::{branch, dataset, export, import, trip};
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::jpeg;

fn document(image: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><annotations><version>1.1</version><meta><task><labels/></task>\
         </meta><image id=\"0\" name=\"sub/a.jpg\" subset=\"Train\" width=\"64\" height=\"48\">\
         {image}</image></annotations>"
    )
}

#[tokio::test]
async fn every_kind_of_object_is_read_or_named() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "sub/a.jpg", jpeg(1));
    let objects = r#"
        <box label="cat" occluded="1" xtl="1" ytl="2" xbr="11" ybr="22" rotation="90.0">
          <attribute name="fur &amp; tail">long &lt;</attribute></box>
        <polygon label="cat" points="1,1;5,1;5,5"/>
        <mask label="cat" rle="1, 2, 1" left="10" top="20" width="2" height="2"/>
        <tag label="cat"/>
        <polyline label="cat" points="1,1;2,2"/>"#;
    put(&source, "annotations.xml", document(objects));
    let report = import(&store, &source, Format::Cvat).await.unwrap();
    assert_eq!(report.lost[0].what, "lines");
    let all = records(&store, &report.version.id).await;
    assert_eq!(all[0].asset.attributes[SPLIT], "Train");
    let [rotated, outline, mask, label] = &all[0].annotations[..] else { panic!("{all:?}") };
    assert_eq!(rotated.rotate_angle, Some(std::f64::consts::FRAC_PI_2));
    assert_eq!(rotated.attributes["fur & tail"], "long <");
    assert!(rotated.flags.occluded && !outline.flags.occluded);
    assert_eq!(outline.bbox.w, 4.0);
    let Some(Shape::Mask(mask)) = &mask.shape else { panic!() };
    // (11, 20) and (10, 21), down the columns.
    assert_eq!(mask.counts(), [10 * 48 + 21, 1, 46, 1, 53 * 48 - 21]);
    assert_eq!(label.shape, Some(Shape::Image));
}

#[tokio::test]
async fn labels_of_images_come_back() {
    let label = Annotation::of_image(Class::Id(ClassId(1)), 64, 48);
    let (store, all) = dataset(vec![(vec![], Default::default(), vec![label])]).await;
    let (there, _, found) = trip(&store, all.clone(), Format::Cvat).await;
    assert!(there.lost.is_empty());
    assert_eq!(found, all);
}

#[tokio::test]
async fn hostile_documents_do_no_harm() {
    let whole = document("<tag label=\"cat\"/>");
    let entities = "<!DOCTYPE a [<!ENTITY b \"xx\">]><annotations><image name=\"a.jpg\"><tag label=\"cat\"><attribute name=\"x\">&b;</attribute></tag></image></annotations>";
    for text in [
        whole[..whole.len() - 20].to_owned(),
        document(&"<x>".repeat(1000)),
        document("<tag label=\"&nope;\"/>"),
        entities.to_owned(),
        document("<tag label=\"cat\"></box>"),
    ] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        put(&source, "annotations.xml", &text);
        let report = import(&store, &source, Format::Cvat).await.unwrap();
        let skip = report.skipped.iter().find(|skip| skip.path == "annotations.xml");
        assert_eq!(skip.unwrap().kind, SkipReason::BadAnnotation, "{text}");
    }
    for object in [
        r#"<box label="cat" xtl="1" ytl="2" xbr="0" ybr="22"/>"#,
        r#"<box label="cat" xtl="NaN" ytl="2" xbr="3" ybr="22"/>"#,
        r#"<box label="cat" xtl="1"/>"#,
        r#"<box xtl="1" ytl="2" xbr="3" ybr="22"/>"#,
        r#"<polygon label="cat" points="1,1;5,1"/>"#,
        r#"<polygon label="cat" points="1,1;5,inf;6,7"/>"#,
        r#"<mask label="cat" rle="1, 2, 1" left="63" top="20" width="2" height="2"/>"#,
        r#"<mask label="cat" rle="4294967295,4294967295" left="1" top="2" width="2" height="2"/>"#,
        r#"<mask label="cat" rle="x" left="1" top="2" width="2" height="2"/>"#,
        r#"<mask label="cat" rle="0" left="1" top="2" width="0" height="0"/>"#,
        r#"<mask label="cat" rle="4" left="4000000000" top="2" width="4000000000" height="2"/>"#,
    ] {
        let (store, source) = (store(), folder());
        put(&source, "a.jpg", jpeg(1));
        put(&source, "annotations.xml", document(object));
        let report = import(&store, &source, Format::Cvat).await.unwrap();
        assert_eq!((report.annotations, report.dropped.len()), (0, 1), "{object}: {report:?}");
    }
}

/// Tools that read projects take from each subset that stands at the front its images.
#[tokio::test]
async fn subsets_stand_at_the_front_and_on_every_image() {
    let images = [vec!["train"], vec![]].map(|splits| (splits, Default::default(), vec![]));
    let (store, all) = dataset(images.into()).await;
    let (_, _, found) = trip(&store, all.clone(), Format::Cvat).await;
    assert_eq!(found, all);
    let version = store.resolve(&branch("there"), &Selector::Latest).await.unwrap();
    let out = folder();
    export(&store, &version.id, &out, Format::Cvat).await.unwrap();
    let text = std::fs::read_to_string(out.join("annotations.xml")).unwrap();
    let meta = &text[text.find("<project>").unwrap()..text.find("</project>").unwrap()];
    for subset in ["default", "train"] {
        assert!(meta.contains(&format!("<subset>{subset}</subset>")), "{meta}");
        assert!(text.contains(&format!("subset=\"{subset}\"")), "{text}");
    }
}

#[tokio::test]
async fn shapes_of_tracks_are_on_their_frames() {
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "images/frame_000000.jpg", jpeg(1));
    put(&source, "images/frame_000001.jpg", jpeg(2));
    let shape = |frame: u32, outside: u32| {
        format!(
            "<box frame=\"{frame}\" outside=\"{outside}\" occluded=\"0\" xtl=\"{}\" ytl=\"2\" \
             xbr=\"20\" ybr=\"9\"><attribute name=\"fur\">long</attribute></box>",
            frame + 1
        )
    };
    let shapes = [shape(0, 0), shape(1, 0), shape(7, 0), shape(8, 1)].concat();
    let text = format!(
        "<annotations><meta/><track id=\"4\" label=\"cat\" group_id=\"2\">{shapes}</track>\
         <track id=\"5\" label=\"cat\">{}</track></annotations>",
        shape(1, 1)
    );
    put(&source, "annotations.xml", text);
    let report = import(&store, &source, Format::Cvat).await.unwrap();
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    assert_eq!(lost, [("shapes of tracks on frames without an image", 1)]);
    assert_eq!(report.skipped[0].path, "annotations.xml");
    assert!(report.skipped[0].reason.contains("frame_000005.png"), "{report:?}");
    let all = records(&store, &report.version.id).await;
    for record in &all {
        let [object] = &record.annotations[..] else { panic!("{all:?}") };
        let frame = if record.asset.file_name == "frame_000000.jpg" { 0.0 } else { 1.0 };
        assert_eq!((object.bbox.x, object.bbox.w), (frame + 1.0, 19.0 - frame));
        let values = ["track_id", "group_id", "fur"].map(|key| object.attributes[key].as_str());
        assert_eq!(values, ["4", "2", "long"]);
    }
}
