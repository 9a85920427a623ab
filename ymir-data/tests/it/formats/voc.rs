//! Pascal VOC as other programs write it.

use ymir_formats::Format;

use super::made::import;
use crate::common::{add_class, folder, put, records, store};
use ymir_testkit::fixture::pictures::{jpeg, object, xml};

#[tokio::test]
async fn what_voc_has_beside_boxes_is_read_or_counted() {
    let attributes = "<attributes><attribute><name>color</name><value>red</value></attribute>\
                      <attribute><value>nameless</value></attribute></attributes>";
    let parts = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part><polygon/><polygon/>";
    let cat = object("cat", 1, 2, 10, 20);
    let cat = cat.replace("</object>", &format!("{attributes}{parts}</object>"));
    let (store, source) = (store(), folder());
    add_class(&store, "cat").await;
    put(&source, "JPEGImages/a.jpg", jpeg(1));
    put(&source, "Annotations/a.xml", xml("a.jpg", &cat));
    put(&source, "SegmentationClass/a.png", b"any");
    put(&source, "SegmentationObject/a.png", b"any");
    let report = import(&store, &source, Format::Auto).await.unwrap();
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.what.as_str(), lost.count)).collect();
    let masks = "masks beside the boxes (the format masks reads them)";
    assert_eq!(lost, [(masks, 2), ("part of objects", 1), ("polygon of objects", 2)]);
    let all = records(&store, &report.version.id).await;
    let [cat] = &all[0].annotations[..] else { panic!("{all:?}") };
    assert_eq!((cat.bbox.x, cat.bbox.w), (1.0, 10.0));
    let attributes: Vec<_> = cat.attributes.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("color", "red")]);
}
