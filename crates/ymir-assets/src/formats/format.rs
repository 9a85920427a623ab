use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use ymir_core::{AssetStore, Branch, Error, ErrorKind, Result, VersionId};

use super::export::{ExportOptions, ExportReport, export_voc};
use super::import::{import_images, import_voc};
use super::import_options::ImportOptions;
use super::import_report::ImportReport;
use super::progress::OnProgress;

/// An annotation format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// Pascal VOC: [`import_voc`], [`export_voc`].
    #[default]
    Voc,
    /// A folder of images without annotations: [`import_images`].
    Images,
}

impl Format {
    /// Returns the name, as it is written in options.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Voc => "voc",
            Self::Images => "images",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "voc" => Ok(Self::Voc),
            "images" => Ok(Self::Images),
            _ => Err(Error::invalid("expected a format of voc or images").with("format", text)),
        }
    }
}

/// Imports a folder of a format as a new version of a branch.
///
/// # Errors
///
/// As [`import_voc`].
pub async fn import_dataset(
    store: &Arc<dyn AssetStore>,
    source: &Path,
    format: Format,
    branch: &Branch,
    options: &ImportOptions,
    progress: OnProgress<'_>,
) -> Result<ImportReport> {
    match format {
        Format::Voc => import_voc(store, source, branch, options, progress).await,
        Format::Images => import_images(store, source, branch, options, progress).await,
    }
}

/// Exports a version as a folder of a format.
///
/// # Errors
///
/// `Unsupported` for [`Format::Images`]; else as [`export_voc`].
pub async fn export_dataset(
    store: &Arc<dyn AssetStore>,
    version: &VersionId,
    destination: &Path,
    format: Format,
    options: &ExportOptions,
    progress: OnProgress<'_>,
) -> Result<ExportReport> {
    match format {
        Format::Voc => export_voc(store, version, destination, options, progress).await,
        Format::Images => {
            let message = "a folder of images cannot hold annotations; export as voc, which has \
                           the images in JPEGImages";
            Err(Error::new(ErrorKind::Unsupported, message).with("format", format))
        }
    }
}
