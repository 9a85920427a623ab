//! Generates `ymir-assets/src/store/generated` and `ymir-assets/src/mir/generated.rs`
//! from `ymir-assets/proto`.
//!
//! `gen-protos` writes the files; `gen-protos --check` only compares, and fails where they differ.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const PROTOS: [&str; 3] = ["trie.proto", "manifest.proto", "mir.proto"];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = std::env::args().nth(1).is_some_and(|argument| argument == "--check");
    let krate = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ymir-assets");
    let (store, mir) = (krate.join("src/store/generated"), krate.join("src/mir/generated.rs"));
    let made = tempfile::tempdir()?;
    generate(&krate.join("proto"), made.path())?;

    let mut stale = Vec::new();
    for entry in fs::read_dir(made.path())? {
        let name = entry?.file_name().into_string().map_err(|_| "a file name that is not UTF-8")?;
        let text = fs::read_to_string(made.path().join(&name))?;
        let target = match name.as_str() {
            "ymir.mir.v1.rs" => mir.clone(),
            _ => store.join(name.replace("ymir.", "").replace(".v1", "")),
        };
        if fs::read_to_string(&target).ok().as_ref() == Some(&text) {
            continue;
        }
        if !check {
            fs::write(&target, text)?;
        }
        stale.push(target.display().to_string());
    }
    let state = if check { "out of date" } else { "written" };
    stale.iter().for_each(|path| println!("{state}: {path}"));
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn generate(protos: &Path, out: &Path) -> Result<(), Box<dyn Error>> {
    let files = protox::compile(PROTOS, [protos])?;
    // Slices of the original's files, which may be large, are shared.
    let mut config = prost_build::Config::new();
    config.btree_map(["."]).bytes([".ymir.mir"]).out_dir(out).compile_fds(files)?;
    Ok(())
}
