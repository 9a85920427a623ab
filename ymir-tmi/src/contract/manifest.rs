use std::collections::BTreeMap;

use serde_norway::Value;
use ymir_core::{Error, ExecutorInfo, ObjectType, Parameters, Result, TmiKind};

use super::yaml_read;

/// The most bytes that a manifest or template may have.
pub(crate) const MAX_MANIFEST_FILE: u64 = 1 << 20;

const MANIFEST: &str = "manifest.yaml";
const TEMPLATES: [(TmiKind, &str); 3] = [
    (TmiKind::Training, "training-template.yaml"),
    (TmiKind::Mining, "mining-template.yaml"),
    (TmiKind::Inference, "infer-template.yaml"),
];

/// The number of executors that take text prompts. What they do beside is no obstacle to that.
const MULTI_MODAL: u32 = 50;

/// The folder in which an executor for several object types keeps the templates of each.
fn folder(object_type: ObjectType) -> &'static str {
    match object_type {
        ObjectType::Detection => "det",
        ObjectType::SemanticSegmentation => "semantic-seg",
        ObjectType::InstanceSegmentation => "instance-seg",
        _ => "classification",
    }
}

/// Returns the paths below `/img-man` that [`read_manifest`] takes.
pub(crate) fn manifest_files() -> Vec<String> {
    let mut files = vec![MANIFEST.to_owned()];
    for (_, template) in TEMPLATES {
        files.push(template.to_owned());
        files.extend(ObjectType::ALL.map(|own| format!("{}/{template}", folder(own))));
    }
    files
}

/// Returns what an executor says about itself, from the files of its `/img-man` by their path
/// below it. `digest` is its identity.
///
/// Which templates there are tells what it can do. Plain `yes`, `no`, `on` and `off` in a template
/// are booleans, as they are to the YAML readers that executors use.
///
/// # Errors
///
/// - `InvalidInput` for a malformed file, with the file and field, or if there is no template.
/// - `Unsupported` for an object type that YMIR does not know, unless it is one of several.
pub fn read_manifest(files: &BTreeMap<String, Vec<u8>>, digest: String) -> Result<ExecutorInfo> {
    let object_types = object_types(files.get(MANIFEST).map(Vec::as_slice))?;
    let mut templates = BTreeMap::new();
    for (kind, name) in TEMPLATES {
        // Images for several object types keep the templates of each in a folder of its own.
        // Tasks are of detection, where the executor does that.
        let mut object_types = object_types.clone();
        object_types.sort_by_key(|object_type| *object_type != ObjectType::Detection);
        let own = object_types.iter().map(|object_type| format!("{}/{name}", folder(*object_type)));
        let path = own.chain([name.to_owned()]).find(|path| files.contains_key(path));
        if let Some(path) = path {
            templates.insert(kind, template(&path, &files[&path])?);
        }
    }
    if templates.is_empty() {
        return Err(Error::invalid(
            "no template was found beside the manifest; an executor needs at least one of \
             training-template.yaml, mining-template.yaml, infer-template.yaml",
        )
        .with("folder", "/img-man"));
    }
    Ok(ExecutorInfo { digest, object_types, templates })
}

fn malformed(file: &str, field: &str, expected: &str) -> Error {
    let error = Error::invalid(format!("a manifest file of the executor is malformed: {expected}"))
        .with("file", format!("/img-man/{file}"));
    if field.is_empty() { error } else { error.with("field", field) }
}

fn parse(file: &str, bytes: &[u8]) -> Result<serde_norway::Mapping> {
    match yaml_read::parse(bytes) {
        Ok(Value::Mapping(mapping)) => Ok(mapping),
        Ok(Value::Null) => Ok(serde_norway::Mapping::new()),
        Ok(_) => Err(malformed(file, "", "expected `key: value` lines")),
        Err(problem) => Err(malformed(file, "", &problem.reason())),
    }
}

fn object_types(manifest: Option<&[u8]>) -> Result<Vec<ObjectType>> {
    let mapping = manifest.map(|bytes| parse(MANIFEST, bytes)).transpose()?.unwrap_or_default();
    let values = match mapping.get("object_type") {
        None | Some(Value::Null) => return Ok(vec![ObjectType::default()]),
        Some(Value::Sequence(values)) => values.clone(),
        Some(value) => vec![value.clone()],
    };
    let mut types = Vec::new();
    for value in &values {
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let Some(number @ 0..=1000) = number else {
            let expected = "expected a number such as 2 (detection), or a list of them";
            return Err(malformed(MANIFEST, "object_type", expected));
        };
        match ObjectType::from_number(number) {
            Ok(known) if types.contains(&known) => {}
            Ok(known) => types.push(known),
            Err(_) if number == MULTI_MODAL && values.len() > 1 => {}
            Err(error) => {
                return Err(error
                    .with("file", "/img-man/manifest.yaml")
                    .with("field", "object_type"));
            }
        }
    }
    match types.is_empty() {
        true => Err(malformed(MANIFEST, "object_type", "expected an object type in the list")),
        false => Ok(types),
    }
}

fn template(file: &str, bytes: &[u8]) -> Result<Parameters> {
    let mut parameters = Parameters::new();
    for (key, value) in parse(file, bytes)? {
        let Value::String(key) = key else {
            return Err(malformed(file, "", "expected names as keys"));
        };
        let value = match value {
            Value::String(text) => boolean(&text).map_or(serde_json::json!(text), Into::into),
            other => serde_json::to_value(other)
                .map_err(|error| malformed(file, &key, "unexpected value").caused_by(error))?,
        };
        parameters.insert(key, value);
    }
    Ok(parameters)
}

/// Returns the boolean that YAML 1.1 reads in a word that YAML 1.2 takes as text.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}
