use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use ymir_core::{AssetId, Error, Layout, Result};

use super::OutDir;
use super::out::{failed, missing, show};

const FILE: &str = "result.tsv";
const MAX_BYTES: u64 = 4 << 30;
const MAX_LINE: u64 = 64 << 10;

/// Returns the scored assets that a mining executor wrote, highest score first; those of one score
/// in the executor's order. `known` tells whether an asset was among the candidates.
///
/// # Errors
///
/// `ExecutorFailed` if the file is missing, empty, a link or too long, or a line is malformed:
/// the line is named. A score must be finite, and each asset one of the candidates, once.
pub fn read_mining(
    dir: &Path,
    layout: &Layout,
    known: &dyn Fn(&AssetId) -> bool,
) -> Result<Vec<(AssetId, f64)>> {
    let (file, size) = OutDir::open(dir)?.file(FILE)?.ok_or_else(|| missing(FILE))?;
    if size > MAX_BYTES {
        return Err(failed(FILE, "", format!("it is longer than {MAX_BYTES} bytes")));
    }
    let assets = layout.input.join("assets");
    let mut reader = BufReader::new(file.take(MAX_BYTES));
    let (mut scored, mut seen) = (Vec::new(), HashSet::new());
    let mut line = Vec::new();
    for number in 1_u64.. {
        line.clear();
        let read = (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line);
        if read.map_err(|e| Error::io("cannot read a result", &dir.join("out").join(FILE), e))? == 0
        {
            break;
        }
        let text = line.trim_ascii_end();
        if text.is_empty() {
            continue;
        }
        let at = |reason: String| failed(FILE, "", reason).with("line", number);
        if line.len() as u64 == MAX_LINE {
            return Err(at("the line is too long".to_owned()));
        }
        let (asset, score) = entry(text, &assets).map_err(at)?;
        if !known(&asset) {
            return Err(at(format!("{asset} is none of the candidates")));
        }
        if !seen.insert(asset) {
            return Err(at(format!("{asset} is there twice")));
        }
        scored.push((asset, score));
    }
    if scored.is_empty() {
        return Err(failed(FILE, "", "it names no asset"));
    }
    scored.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    Ok(scored)
}

fn entry(line: &[u8], assets: &Path) -> Result<(AssetId, f64), String> {
    let text = str::from_utf8(line).map_err(|_| "the line is no UTF-8".to_owned())?;
    let (path, score) = text
        .rsplit_once('\t')
        .ok_or_else(|| format!("expected `<asset path><tab><score>`, found {}", show(text)))?;
    let path = Path::new(path.trim());
    let stem = path.strip_prefix(assets).ok().and_then(Path::file_stem).and_then(|s| s.to_str());
    let asset = stem.and_then(|stem| stem.parse().ok()).ok_or_else(|| {
        format!("{} is no path of a candidate", show(&path.display().to_string()))
    })?;
    let score = score.trim();
    match score.parse::<f64>() {
        // Adding zero makes minus zero plain zero, so that the two stand side by side.
        Ok(score) if score.is_finite() => Ok((asset, score + 0.0)),
        _ => Err(format!("expected a finite score, found {}", show(score))),
    }
}
