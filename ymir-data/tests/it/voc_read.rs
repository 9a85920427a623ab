//! What an import reads from annotation files and images.

use image::ImageFormat;
use ymir_core::{BBox, MediaType};
use ymir_formats::SkipReason;

use crate::common::voc::{Store, imported, reasons, voc};
use crate::common::{folder, put, store_tests};
use ymir_testkit::fixture::pictures::{jpeg, object, picture, xml};

async fn hostile_xml_is_bounded(store: Store) {
    let source = voc(1);
    let open = "<a>".repeat(100_000);
    let many = object("cat", 1, 1, 5, 5).repeat(100_001);
    let big = format!("<annotation><!--{}--></annotation>", " ".repeat(33 << 20));
    let deep = format!("<annotation>{open}");
    let names = [("deep", deep), ("many", xml("", &many)), ("big", big)];
    for (n, (name, content)) in names.iter().enumerate() {
        put(&source, &format!("JPEGImages/{name}.jpg"), jpeg(10 + n));
        put(&source, &format!("Annotations/{name}.xml"), content);
    }
    let (report, _) = imported(&store, &source).await;
    assert_eq!(report.imported, 1);
    let found: Vec<_> = report.skipped.iter().map(|skip| skip.reason.as_str()).collect();
    assert_eq!(found.len(), 3);
    assert!(found[0].contains("MiB"), "{found:?}");
    assert!(found[1].contains("nested"), "{found:?}");
    assert!(found[2].contains("objects"), "{found:?}");
}

async fn content_tells_the_kind_of_a_file(store: Store) {
    let source = folder();
    let formats = [
        ("png.jpg", ImageFormat::Png, MediaType::Png),
        ("jpg.PNG", ImageFormat::Jpeg, MediaType::Jpeg),
        ("webp.bmp", ImageFormat::WebP, MediaType::Webp),
        ("bmp.JPEG", ImageFormat::Bmp, MediaType::Bmp),
        ("none", ImageFormat::Png, MediaType::Png),
    ];
    for (n, (name, format, _)) in formats.iter().enumerate() {
        put(&source, &format!("JPEGImages/{name}"), picture(n, *format));
        let stem = name.split('.').next().unwrap();
        put(&source, &format!("Annotations/{stem}.xml"), xml("lies.tif", ""));
    }
    let (report, read) = imported(&store, &source).await;
    assert_eq!(report.imported, 5, "{:?}", report.skipped);
    for (name, _, media_type) in formats {
        let record = read.iter().find(|record| record.asset.file_name == name).unwrap();
        assert_eq!(record.asset.media_type, media_type);
        assert_eq!((record.asset.width, record.asset.height), (64, 48));
    }
}

async fn boxes_are_read_with_inclusive_edges_and_cut(store: Store) {
    let source = folder();
    put(&source, "a.jpg", jpeg(1));
    let objects = [
        object("cat", 0, 0, 63, 47),
        object("cat", 50, 40, 200, 200),
        object("cat", 5, 5, 5, 5),
        object("cat", 20, 20, 10, 30),
        object("cat", 500, 500, 600, 600),
        object("cat", -5, 3, 4, 12),
        object("", 1, 1, 5, 5),
        "<object><name>cat</name></object>".to_owned(),
        "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>x</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>".to_owned(),
        "<object><name>cat</name><bndbox><xmin>1</xmin><ymin>NaN</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>".to_owned(),
        "<object><name>cat</name><bndbox><xmin>1.25</xmin><ymin>2.5</ymin><xmax>9.75</xmax><ymax>9</ymax></bndbox></object>".to_owned(),
        "<object><name>cat</name><bndbox><xmin>1</xmin></bndbox><part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part></object>".to_owned(),
    ];
    put(&source, "a.xml", xml("a.jpg", &objects.concat()));
    let (report, read) = imported(&store, &source).await;
    let boxes: Vec<_> = read[0].annotations.iter().map(|a| a.bbox).collect();
    assert_eq!(
        boxes,
        [
            BBox::new(0.0, 0.0, 64.0, 48.0),
            BBox::new(50.0, 40.0, 14.0, 8.0),
            BBox::new(5.0, 5.0, 1.0, 1.0),
            BBox::new(0.0, 3.0, 5.0, 10.0),
            BBox::new(1.25, 2.5, 9.5, 7.5),
        ]
    );
    assert_eq!(report.clipped, 2);
    let dropped: Vec<_> = report.dropped.iter().map(|d| (d.object, d.reason.as_str())).collect();
    let expected = [
        (4, "inverted"),
        (5, "outside"),
        (7, "class name"),
        (8, "no <bndbox>"),
        (9, "<ymin>"),
        (10, "<ymin>"),
        (12, "lacks"),
    ];
    assert_eq!(dropped.len(), expected.len(), "{dropped:?}");
    for ((object, reason), (number, part)) in dropped.into_iter().zip(expected) {
        assert_eq!(object, number);
        assert!(reason.contains(part), "{reason}");
    }
}

async fn everything_that_the_format_knows_is_kept(store: Store) {
    let source = folder();
    put(&source, "a.jpg", jpeg(1));
    let full = "<image_quality>0.5</image_quality><object><name>cat</name><pose>Left</pose>\
        <truncated>1</truncated><difficult>1</difficult><occluded>true</occluded>\
        <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax>\
        <rotate_angle>0.25</rotate_angle></bndbox><box_quality>0.75</box_quality>\
        <confidence>0.5</confidence><tags><colour>red &amp; <![CDATA[<white>]]></colour></tags></object>";
    let unset = "<object><name>cat</name><box_quality>-1.0</box_quality><confidence>-1.0</confidence>\
        <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox><tags/></object>";
    put(&source, "a.xml", xml("a.jpg", &format!("{full}{unset}")));
    let (_, read) = imported(&store, &source).await;
    assert_eq!(read[0].asset.attributes["image_quality"], "0.5");
    let [full, unset] = &read[0].annotations[..] else { panic!("two objects") };
    let flags = full.flags;
    assert!(flags.difficult && flags.truncated && flags.occluded && !flags.crowd);
    assert_eq!((full.rotate_angle, full.score, full.quality), (Some(0.25), Some(0.5), Some(0.75)));
    assert_eq!(full.attributes["pose"], "Left");
    assert_eq!(full.attributes["colour"], "red & <white>");
    assert_eq!((unset.score, unset.quality, unset.attributes.len()), (None, None, 0));
}

async fn encodings_are_understood(store: Store) {
    let source = folder();
    let content = xml("", &object("größe 大", 1, 1, 5, 5));
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(content.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let latin = xml("", &object("gr~sse", 1, 1, 5, 5)).replace('\n', " ");
    let mut latin = format!("<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>{latin}").into_bytes();
    let place = latin.iter().position(|byte| *byte == b'~').unwrap();
    latin[place] = 0xf6;
    let wrong = [b"<annotation>\n", &[0xff, 0xfe][..], b"</annotation>"].concat();
    let files = [
        ("bom", [b"\xef\xbb\xbf", content.as_bytes()].concat()),
        ("crlf", content.replace('\n', "\r\n").into_bytes()),
        ("utf16", utf16),
        ("latin", latin),
        ("wrong", wrong),
    ];
    for (n, (name, bytes)) in files.iter().enumerate() {
        put(&source, &format!("{name}.jpg"), jpeg(n));
        put(&source, &format!("{name}.xml"), bytes);
    }
    let (report, _) = imported(&store, &source).await;
    assert_eq!(report.added_classes, ["grösse", "größe 大"]);
    assert_eq!(report.annotations, 4);
    assert_eq!(reasons(&report), [("wrong.xml", SkipReason::BadAnnotation)]);
    assert!(report.skipped[0].reason.contains("line 2"), "{}", report.skipped[0].reason);
}

async fn the_declared_encoding_is_the_one(store: Store) {
    let source = folder();
    let (head, tail) = (xml("", "<object><name>"), "</name></object>");
    let head = head.trim_end().trim_end_matches("</annotation>");
    // Some of these bytes are UTF-8 too, of other characters.
    let names: [(&str, &[u8]); 4] = [
        ("GBK", b"\xc3\xa8"),
        ("windows-1252", b"\x80"),
        ("UTF-16", "é".as_bytes()),
        ("x-none", "ü".as_bytes()),
    ];
    let edges =
        "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object>";
    let tail = tail.replace("</object>", edges) + "</annotation>";
    for (n, (encoding, name)) in names.iter().enumerate() {
        let start = format!("<?xml version=\"1.0\" encoding='{encoding}'?>{head}");
        put(&source, &format!("{n}.jpg"), jpeg(n));
        put(&source, &format!("{n}.xml"), [start.as_bytes(), name, tail.as_bytes()].concat());
    }
    for (n, encoding) in [(4, "GBK"), (5, "x-none")] {
        let bad = format!("<?xml version=\"1.0\" encoding=\"{encoding}\"?><annotation>");
        put(&source, &format!("{n}.jpg"), jpeg(n));
        put(&source, &format!("{n}.xml"), [bad.as_bytes(), b"\xff", b"</annotation>"].concat());
    }
    let (report, _) = imported(&store, &source).await;
    assert_eq!(report.added_classes, ["é", "ü", "€", "猫"]);
    let bad = [("4.xml", SkipReason::BadAnnotation), ("5.xml", SkipReason::BadAnnotation)];
    assert_eq!(reasons(&report), bad);
    assert!(report.skipped[0].reason.contains("not gbk"), "{}", report.skipped[0].reason);
    assert!(report.skipped[1].reason.contains("not supported"), "{}", report.skipped[1].reason);
}

store_tests![
    hostile_xml_is_bounded,
    content_tells_the_kind_of_a_file,
    boxes_are_read_with_inclusive_edges_and_cut,
    everything_that_the_format_knows_is_kept,
    encodings_are_understood,
    the_declared_encoding_is_the_one,
];
