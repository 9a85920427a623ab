//! Errors on their way to JavaScript.

use serde::Serialize;
use serde::de::DeserializeOwned;
use ymir::{Error, ErrorKind, ErrorReport};

/// What the TypeScript half knows an error of ours by, in front of the JSON.
const MARK: &str = "ymir:";

/// Returns the error as Node-API carries it: the report as JSON in the reason.
pub(crate) fn to_js(error: Error) -> napi::Error {
    let report = serde_json::to_string(&ErrorReport::from(&error));
    napi::Error::from_reason(format!("{MARK}{}", report.unwrap_or_default()))
}

/// Returns a value as JSON text.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> ymir::Result<String> {
    serde_json::to_string(value)
        .map_err(|e| Error::new(ErrorKind::Unexpected, "a result has no form in JSON").caused_by(e))
}

/// Reads a request that the TypeScript half put together from a caller's options.
pub(crate) fn from_json<T: DeserializeOwned>(what: &str, text: &str) -> ymir::Result<T> {
    let value = serde_json::from_str(text)
        .map_err(|e| Error::invalid(format!("the options of {what} are no JSON: {e}")))?;
    ymir::parse_request(what, value)
}
