//! Generates `ymir-assets/src/store/generated` from `ymir-assets/proto`, and
//! `ymir-mir/src/generated.rs` from `ymir-mir/proto`.
//!
//! `gen-protos` writes the files; `gen-protos --check` only compares, and fails where they differ.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// The crates with protobuf files, each with these and the folder of their code.
const CRATES: [(&str, &[&str], &str); 2] = [
    ("ymir-assets", &["trie.proto", "manifest.proto"], "src/store/generated"),
    ("ymir-mir", &["mir.proto"], "src"),
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let check = std::env::args().nth(1).is_some_and(|argument| argument == "--check");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut stale = Vec::new();
    for (krate, protos, code) in CRATES {
        let made = tempfile::tempdir()?;
        generate(&root.join(krate).join("proto"), protos, made.path())?;
        for entry in fs::read_dir(made.path())? {
            let name = entry?.file_name().into_string();
            let name = name.map_err(|_| "a file name that is not UTF-8")?;
            let text = fs::read_to_string(made.path().join(&name))?;
            let target = match name.as_str() {
                "ymir.mir.v1.rs" => "generated.rs".to_owned(),
                _ => name.replace("ymir.", "").replace(".v1", ""),
            };
            let target = root.join(krate).join(code).join(target);
            if fs::read_to_string(&target).ok().as_ref() == Some(&text) {
                continue;
            }
            if !check {
                fs::write(&target, text)?;
            }
            stale.push(target.display().to_string());
        }
    }
    let state = if check { "out of date" } else { "written" };
    stale.iter().for_each(|path| println!("{state}: {path}"));
    Ok(if check && !stale.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn generate(folder: &Path, protos: &[&str], out: &Path) -> Result<(), Box<dyn Error>> {
    let files = protox::compile(protos, [folder])?;
    // Slices of the original's files, which may be large, are shared.
    let mut config = prost_build::Config::new();
    config.btree_map(["."]).bytes([".ymir.mir"]).out_dir(out).compile_fds(files)?;
    Ok(())
}
