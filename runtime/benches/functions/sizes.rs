//! How much Lambda fetches and unpacks at a cold start, and how much a browser fetches of a dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// What the other design's dashboard has a browser fetch from a CDN, with what that is compressed by gzip. Of the
/// icons' font, the one that its icon is in; of the scripts, what the CDN gives for the package's name alone.
const FROM_CDN: [&str; 6] = [
    "bulma/css/bulma.min.css",
    "@fortawesome/fontawesome-free/css/all.min.css",
    "@fortawesome/fontawesome-free/webfonts/fa-solid-900.woff2",
    "vega/build/vega.min.js",
    "vega-lite/build/vega-lite.min.js",
    "vega-embed/build/vega-embed.min.js",
];

/// Files as a zip, packed as `cargo xtask build` packs ours (deployer/src/artifact/package.rs): its size.
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

/// The files of a package of Node's: a folder of its own, and what it needs of `node_modules`, and what that needs.
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

/// Where Node finds a package: in the nearest `node_modules`, going up.
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

/// The files of a folder, but for packages within it, which are walked by their own name.
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

/// What the other design's page has a browser fetch beside itself, in bytes as they are sent.
pub(crate) fn cdn_assets(contenders: &Path) -> u64 {
    let modules = contenders.join("node_modules");
    let sent = FROM_CDN.map(|file| {
        let bytes = fs::read(modules.join(file)).unwrap();
        // A font of this kind is compressed already.
        if file.ends_with(".woff2") { bytes.len() as u64 } else { gzipped(&bytes) }
    });
    sent.into_iter().sum()
}

/// How many bytes gzip makes of these, at its best.
pub(crate) fn gzipped(bytes: &[u8]) -> u64 {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().len() as u64
}
