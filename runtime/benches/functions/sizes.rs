//! Bytes that Lambda fetches and unpacks at a cold start, and that a browser fetches for a dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Files that the other design's dashboard loads from a CDN, and whether gzip shrinks them: of the icon font the file
/// with its icon, of the scripts what the CDN serves for the bare package name.
const FROM_CDN: [&str; 6] = [
    "bulma/css/bulma.min.css",
    "@fortawesome/fontawesome-free/css/all.min.css",
    "@fortawesome/fontawesome-free/webfonts/fa-solid-900.woff2",
    "vega/build/vega.min.js",
    "vega-lite/build/vega-lite.min.js",
    "vega-embed/build/vega-embed.min.js",
];

/// Size of a zip of these files, packed as `cargo xtask build` packs ours (deployer/src/artifact/package.rs).
pub(crate) fn zipped(files: &[(String, PathBuf)]) -> u64 {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, file) in files {
        zip.start_file(name, options).unwrap();
        zip.write_all(&fs::read(file).unwrap()).unwrap();
    }
    zip.finish().unwrap().into_inner().len() as u64
}

/// Files of an npm package, its own folder and its dependencies in `node_modules`, transitively.
pub(crate) fn node_files(contenders: &Path, own: &str, needs: &[&str]) -> Vec<(String, PathBuf)> {
    let lock = fs::read_to_string(contenders.join("package-lock.json")).unwrap();
    let lock: Value = serde_json::from_str(&lock).unwrap();
    let packages = &lock["packages"];
    let mut found = BTreeSet::new();
    let mut open: Vec<(String, String)> =
        needs.iter().map(|name| (String::new(), (*name).to_owned())).collect();
    while let Some((from, name)) = open.pop() {
        let Some(place) = place(packages, &from, &name) else {
            panic!("{name}, which {from} needs, is not in the lock file");
        };
        if found.insert(place.clone()) {
            let needs = packages[&place]["dependencies"].as_object().into_iter().flatten();
            open.extend(needs.map(|(name, _)| (place.clone(), name.clone())));
        }
    }
    let mut files = Vec::new();
    for place in found.iter().map(String::as_str).chain([own]) {
        walk(contenders, &contenders.join(place), &mut files);
    }
    files
}

/// Resolves a package as Node does: the nearest `node_modules`, going up.
fn place(packages: &Value, from: &str, name: &str) -> Option<String> {
    let mut from = Some(from);
    while let Some(at) = from {
        let place = format!("{at}/node_modules/{name}").trim_start_matches('/').to_owned();
        if packages.get(&place).is_some() {
            return Some(place);
        }
        from = match at.rsplit_once("node_modules/") {
            Some((above, _)) => Some(above.trim_end_matches('/')),
            None => None,
        };
    }
    None
}

/// Files of a folder, without nested packages, which are listed under their own names.
fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "node_modules") {
                walk(root, &path, files);
            }
        } else {
            files.push((path.strip_prefix(root).unwrap().display().to_string(), path));
        }
    }
}

/// Bytes that the other design's page makes a browser fetch besides itself.
pub(crate) fn cdn_assets(contenders: &Path) -> u64 {
    let modules = contenders.join("node_modules");
    let sent = FROM_CDN.map(|file| {
        let bytes = fs::read(modules.join(file)).unwrap();
        // This kind of font is already compressed.
        if file.ends_with(".woff2") { bytes.len() as u64 } else { gzipped(&bytes) }
    });
    sent.into_iter().sum()
}

/// Size of these bytes after gzip at its best level.
pub(crate) fn gzipped(bytes: &[u8]) -> u64 {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len() as u64
}
