//! Workspaces whose blobs are in an object store.

use serde_json::json;
use ymir::{BlobLocation, ErrorKind, Workspace, WorkspaceOptions, WorkspaceRequest, parse_request};

fn options(url: &str) -> WorkspaceOptions {
    let endpoint = Some("http://127.0.0.1:9".to_owned());
    let blobs = Some(BlobLocation { url: url.to_owned(), endpoint, region: None });
    WorkspaceOptions { blobs, ..WorkspaceOptions::default() }
}

#[cfg(feature = "s3")]
#[tokio::test]
async fn a_workspace_remembers_where_its_blobs_are() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("workspace");
    let malformed = Workspace::init_with(&root, options("images")).await.unwrap_err();
    assert_eq!(malformed.kind(), ErrorKind::InvalidInput);
    let made = Workspace::init_with(&root, options("s3://images/team")).await.unwrap();
    let text = std::fs::read_to_string(root.join("ymir.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["format"], 2, "older versions must not open it");
    let expected = json!({
        "url": "s3://images/team", "endpoint": "http://127.0.0.1:9",
    });
    assert_eq!(config["blobs"], expected);

    // It goes to the object store, which is not there, and not to its directory.
    let opened = Workspace::open(&root).await.unwrap();
    assert_eq!(opened.id(), made.id());
    let nothing = ymir::AssetId::of(b"nothing");
    let error = opened.store().read_blob(&nothing).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::NotFound, "{error}");
    Workspace::open_with(&root, options("s3://images/team")).await.unwrap();
    let other = Workspace::open_with(&root, options("s3://images/other")).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::InvalidInput);
    assert!(other.to_string().contains("s3://images/team"), "{other}");
}

#[cfg(not(feature = "s3"))]
#[tokio::test]
async fn an_object_store_needs_a_feature() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("workspace");
    let error = Workspace::init_with(&root, options("s3://images/team")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("feature `s3`"), "{error}");

    // One that a build with the feature made, too.
    Workspace::init(&root).await.unwrap();
    let path = root.join("ymir.json");
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(config["format"], 1, "older versions can open it");
    config["format"] = 2.into();
    config["blobs"] = json!({ "url": "s3://images/team" });
    std::fs::write(&path, config.to_string()).unwrap();
    let error = Workspace::open(&root).await.unwrap_err();
    assert!(error.to_string().contains("feature `s3`"), "{error}");
}

#[test]
fn a_request_says_what_the_options_are() {
    let parse = |value| parse_request::<WorkspaceRequest>("a workspace", value);
    let blobs = json!({ "url": "s3://images/team", "endpoint": "http://127.0.0.1:9" });
    let asked = parse(json!({ "create": true, "cpus": 2, "blobs": blobs })).unwrap().options();
    assert_eq!((asked.create, asked.cpus), (true, Some(2)));
    assert_eq!(asked.blobs, options("s3://images/team").blobs);
    assert_eq!(parse(json!({ "blobs": null })).unwrap().options().blobs, None);
    for (wrong, field) in [
        (json!({ "blob": {} }), "blob"),
        (json!({ "blobs": { "url": "s3://images", "secret": "x" } }), "secret"),
        (json!({ "blobs": {} }), "url"),
    ] {
        let error = parse(wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(field), "{error}");
    }
}
