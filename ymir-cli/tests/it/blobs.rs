//! A workspace whose images and models are in an object store.

#![cfg(feature = "s3")]

use std::fs;

use crate::common::{Place, Ran};
use serde_json::json;
use ymir::testkit::S3Server;
use ymir::testkit::generate::scenes::{SceneOptions, write_voc};

/// A folder with scenes, and the server that its workspace is to have its blobs in.
struct Shop {
    place: Place,
    server: S3Server,
}

impl Shop {
    /// Returns a new one; none if there is no server.
    fn new() -> Option<Self> {
        let (place, server) = (Place::empty(), S3Server::start()?);
        let options =
            SceneOptions { count: 6, width: 96, height: 72, easy: 0.0, ..SceneOptions::default() };
        write_voc(&place.path("scenes"), &options, &[("pool", 0..6)]).unwrap();
        Some(Self { place, server })
    }

    /// Runs the program with these credentials in its environment.
    fn run_as(&self, secret: &str, arguments: &[&str]) -> Ran {
        let mut command = self.place.command(arguments);
        command.env("AWS_ACCESS_KEY_ID", S3Server::KEY[0]).env("AWS_SECRET_ACCESS_KEY", secret);
        command.output().unwrap().into()
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run_as(S3Server::KEY[1], &[&["--json"], arguments].concat());
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.object()
    }

    fn init(&self, url: &str) -> Ran {
        let endpoint = self.server.endpoint();
        let place = ["--blobs", url, "--endpoint", &endpoint, "--region", "us-east-1"];
        self.run_as(S3Server::KEY[1], &[&["init"][..], &place].concat())
    }

    /// Returns how many blobs the server has.
    fn stored(&self) -> usize {
        let folders = fs::read_dir(self.server.bucket().join("team")).into_iter().flatten();
        let folders = folders.map(|entry| entry.unwrap().path());
        folders.map(|folder| fs::read_dir(folder).unwrap().count()).sum()
    }
}

#[test]
fn images_go_to_the_bucket_and_come_back() {
    let Some(shop) = Shop::new() else { return };
    let url = format!("s3://{}/team", S3Server::BUCKET);
    assert_eq!(shop.init(&url).code, 0);
    let source = shop.place.path("scenes");
    let source = source.to_str().unwrap();
    let how = ["--split", "pool", "--unknown-classes", "add"];
    shop.json(&[&["import", "--voc", source, "--into", "pool"][..], &how].concat());
    assert_eq!(shop.stored(), 6);
    assert!(!shop.place.path("workspace").join("blobs").exists());
    // Nothing of the secret is kept, and the cache can be lost.
    let config = fs::read_to_string(shop.place.path("workspace").join("ymir.json")).unwrap();
    assert!(config.contains(&url) && !config.contains(S3Server::KEY[1]), "{config}");
    fs::remove_dir_all(shop.place.path("workspace").join("blob-cache")).unwrap();

    assert_eq!(shop.json(&["fsck", "--blobs"])["problems"], json!([]));
    let folder = shop.place.path("out");
    shop.json(&["export", "pool", folder.to_str().unwrap(), "--format", "voc"]);
    let images = |path: &str| {
        let files = fs::read_dir(shop.place.path(path).join("JPEGImages")).unwrap();
        let mut files: Vec<_> = files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect();
        files.sort_unstable();
        files
    };
    assert_eq!(images("out"), images("scenes"));
    let report = shop.json(&["gc", "--grace", "0"]);
    assert_eq!((&report["in_use"], shop.stored()), (&json!(6), 6));
}

#[test]
fn what_is_wrong_with_the_object_store_is_said() {
    let Some(shop) = Shop::new() else { return };
    let malformed = shop.init("images/team");
    assert_eq!(malformed.code, 2, "{malformed:?}");
    assert!(malformed.stderr.contains("s3://bucket/prefix"), "{malformed:?}");

    assert_eq!(shop.init(&format!("s3://{}/team", S3Server::BUCKET)).code, 0);
    let source = shop.place.path("scenes");
    let import = ["import", "--voc", source.to_str().unwrap(), "--into", "pool"];
    let import = [&import[..], &["--split", "pool", "--unknown-classes", "add"]].concat();
    let refused = shop.run_as("wrong", &import);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("check the credentials"), "{refused:?}");
    assert_eq!(shop.stored(), 0);
    assert_eq!(shop.run_as(S3Server::KEY[1], &import).code, 0);
}
