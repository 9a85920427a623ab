//! Annotation files that are made to take all memory, or to say too much.

use std::path::Path;
use std::sync::Arc;

use crate::common::{folder, store};
use ymir_core::{AssetStore, Branch, PageOptions, Record, UnknownClasses};
use ymir_data::{ImportOptions, ImportReport, import_dataset};
use ymir_formats::{Format, SkipReason};

const OBJECT: &str = "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax>\
                      <ymax>3</ymax></bndbox></object>";

/// Imports one image with this inside its annotation file.
async fn import(inside: &str) -> ymir_core::Result<(ImportReport, Vec<Record>)> {
    let (source, store): (_, Arc<dyn AssetStore>) = (folder(), store());
    for n in 0..2 {
        std::fs::write(source.join(format!("{n}.png")), picture(n)).unwrap();
    }
    let write = |name: &str, inside: &str| {
        std::fs::write(source.join(name), format!("<annotation>{inside}</annotation>")).unwrap();
    };
    write("0.xml", inside);
    write("1.xml", OBJECT);
    run(&store, &source).await
}

fn picture(n: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(4, 4, image::Rgb([n, 0, 0]));
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

async fn run(
    store: &Arc<dyn AssetStore>,
    source: &Path,
) -> ymir_core::Result<(ImportReport, Vec<Record>)> {
    let branch = Branch::dataset("hostile")?;
    let options = ImportOptions { unknown_classes: UnknownClasses::Add, ..Default::default() };
    let report = import_dataset(store, source, Format::Voc, &branch, &options, &|_| {}).await?;
    let page = store.page(&report.version.id, PageOptions::default()).await?;
    Ok((report, page.records))
}

#[tokio::test]
async fn a_file_of_tags_is_refused() {
    let (report, records) =
        import(&format!("<tags>{}</tags>", "<a/>".repeat(200_001))).await.unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!(report.skipped[0].kind, SkipReason::BadAnnotation);
    assert!(report.skipped[0].reason.contains("more than 200000 tags"));
    let (report, records) = import(&format!("<tags>{}</tags>", "<a/>".repeat(2000))).await.unwrap();
    assert!(report.skipped.is_empty());
    assert!(records.iter().any(|record| record.asset.attributes.contains_key("a")));
}

#[tokio::test]
async fn a_reason_quotes_only_a_part_of_a_long_name() {
    let (report, _) = import(&format!("&{};", "e".repeat(1 << 20))).await.unwrap();
    let reason = &report.skipped[0].reason;
    assert!(reason.contains("the entity &eee"), "{reason}");
    assert!(reason.len() < 600, "{} bytes", reason.len());
}

#[tokio::test]
async fn a_file_name_without_end_is_not_taken() {
    let name = "n".repeat(1 << 20);
    let (_, records) =
        import(&format!("<original_filename>{name}</original_filename>{OBJECT}")).await.unwrap();
    let mut names: Vec<_> = records.iter().map(|record| record.asset.file_name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["0.png", "1.png"]);
}

#[tokio::test]
async fn edges_of_any_size_are_shown_in_a_few_digits() {
    let edges = "<object><name>cat</name><bndbox><xmin>-1e308</xmin><ymin>5</ymin><xmax>1e308</xmax>\
                 <ymax>3</ymax></bndbox></object>";
    let (report, _) = import(edges).await.unwrap();
    let reason = &report.dropped[0].reason;
    assert!(reason.ends_with("xmin -1e308, ymin 5, xmax 1e308, ymax 3"), "{reason}");
}
