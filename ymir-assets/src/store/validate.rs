use ymir_core::{Annotation, Asset, Class, ClassTable, Error, Record, Result};

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
        check_annotation(annotation, asset, classes)
            .map_err(|e| e.with("asset", asset.id).with("annotation", i))?;
    }
    Ok(())
}

fn check_annotation(annotation: &Annotation, asset: &Asset, classes: &ClassTable) -> Result<()> {
    if let Class::Id(id) = annotation.class
        && classes.name(id).is_none()
    {
        let message = "no class of this id in the workspace; add the class first";
        return Err(Error::invalid(message).with("class_id", id));
    }
    annotation.check(asset.width, asset.height)
}
