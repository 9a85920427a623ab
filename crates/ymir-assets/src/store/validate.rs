use ymir_core::{Annotation, Class, ClassTable, Error, Record, Result};

/// The most bytes that the file of an asset may have: 1 TiB.
const ASSET_BYTES_MAX: u64 = 1 << 40;

/// Checks what a record must be to be stored.
pub(super) fn check(record: &Record, classes: &ClassTable) -> Result<()> {
    let asset = &record.asset;
    if asset.byte_size > ASSET_BYTES_MAX {
        let message = format!("the byte_size of an asset is at most {ASSET_BYTES_MAX}");
        return Err(Error::invalid(message)
            .with("asset", asset.id)
            .with("byte_size", asset.byte_size));
    }
    for (i, annotation) in record.annotations.iter().enumerate() {
        check_annotation(annotation, classes)
            .map_err(|e| e.with("asset", asset.id).with("annotation", i))?;
    }
    Ok(())
}

fn check_annotation(annotation: &Annotation, classes: &ClassTable) -> Result<()> {
    if let Class::Id(id) = annotation.class
        && classes.name(id).is_none()
    {
        let message = "no class of this id in the workspace; add the class first";
        return Err(Error::invalid(message).with("class_id", id));
    }
    let bbox = annotation.bbox;
    if [bbox.x, bbox.y, bbox.w, bbox.h].iter().any(|v| !v.is_finite()) {
        let message = "x, y, w and h of a box must be finite numbers";
        return Err(Error::invalid(message).with("bbox", format!("{bbox:?}")));
    }
    if bbox.w < 0.0 || bbox.h < 0.0 {
        let message = "w and h of a box must not be negative";
        return Err(Error::invalid(message).with("bbox", format!("{bbox:?}")));
    }
    let optional = [
        ("rotate_angle", annotation.rotate_angle),
        ("score", annotation.score),
        ("quality", annotation.quality),
    ];
    for (field, value) in optional {
        if value.is_some_and(|value| !value.is_finite()) {
            let message = format!("the {field} of an annotation must be a finite number");
            return Err(Error::invalid(message));
        }
    }
    Ok(())
}
