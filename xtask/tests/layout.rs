//! The layout of each crate: imports run down its list of modules, and no two modules import each other.
//!
//! A room is a file or folder directly below `src`. Its place in the list says what it may import. Within a folder there
//! is no list, but imports must not form a circle. A module and the folder of the same name count as one.
//!
//! Only paths that begin with `crate`, `super`, `self` or the crate's own name are read, in `use` items and elsewhere.
//! Code below `#[cfg(test)]` and files named `tests.rs` are left out, because a test may look at anything.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic fails the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

/// A crate, and its rooms from top to bottom.
struct Layout {
    /// Folder of the crate, below the workspace.
    folder: &'static str,
    /// The name that its own binaries import it by.
    name: &'static str,
    rooms: &'static [&'static str],
}

const LAYOUTS: [Layout; 3] = [
    Layout {
        folder: "infra",
        name: "footfall_infra",
        rooms: &["stack", "snippet", "api", "settings", "function", "env"],
    },
    Layout {
        folder: "runtime",
        name: "footfall_runtime",
        rooms: &[
            "bin", "lambda", "dev", "web", "archive", "query", "rollup", "ingest", "auth",
            "segment", "catalog", "storage", "hit", "platform",
        ],
    },
    Layout {
        folder: "deployer",
        name: "footfall_deployer",
        rooms: &[
            "main", "commands", "import", "cost", "data", "stack", "artifact", "aws", "settings",
            "terminal", "error",
        ],
    },
];

/// Imports that break a rule today, by file and path. This list may only shrink.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// An import that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    file: String,
    line: usize,
    import: String,
    reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.import, self.reason)
    }
}

/// A source file: its path from the workspace, and its text.
type Source = (String, String);

/// A path that a file mentions, as modules and items from the crate's root.
struct Import {
    line: usize,
    path: Vec<String>,
}

/// Returns the module of a file, such as `["web", "badge"]` for `runtime/src/web/badge.rs`.
fn module_of(file: &str) -> Vec<String> {
    let (_, below) = file.split_once("/src/").unwrap_or_else(|| panic!("{file} is not in src"));
    let path = below.strip_suffix(".rs").unwrap();
    match path {
        "lib" => Vec::new(),
        _ => path.split('/').map(str::to_owned).collect(),
    }
}

/// Blanks comments, strings, and items below `#[cfg(test)]`. Lines stay where they are.
fn code_of(text: &str) -> String {
    let mut code: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < code.len() {
        let rest = |start: &str| code[at..].iter().take(start.len()).collect::<String>() == start;
        let end = if rest("//") {
            (at..code.len()).find(|&i| code[i] == '\n')
        } else if rest("/*") {
            (at + 2..code.len()).find(|&i| code[i - 1] == '*' && code[i] == '/').map(|i| i + 1)
        } else if code[at] == '"' {
            end_of_string(&code, at)
        } else if code[at] == '\'' && code.get(at + 1) == Some(&'\\') {
            (at + 3..code.len()).find(|&i| code[i] == '\'').map(|i| i + 1)
        } else if code[at] == '\'' && code.get(at + 2) == Some(&'\'') {
            Some(at + 3)
        } else {
            at += 1;
            continue;
        };
        let end = end.unwrap_or(code.len());
        blank(&mut code[at..end]);
        at = end;
    }
    let mark: Vec<char> = "#[cfg(test)]".chars().collect();
    while let Some(start) = code.windows(mark.len()).position(|it| it == mark) {
        let mut depth = 0;
        let mut end = code.len();
        for (i, c) in code.iter().enumerate().skip(start + mark.len()) {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && (*c == '}' || *c == ';') {
                end = i + 1;
                break;
            }
        }
        blank(&mut code[start..end]);
    }
    code.into_iter().collect()
}

/// Returns the end of the string that begins at a quote: a raw one if `r` and any `#` stand in front.
fn end_of_string(code: &[char], quote: usize) -> Option<usize> {
    let hashes = code[..quote].iter().rev().take_while(|c| **c == '#').count();
    let is_raw = quote > hashes && code[quote - hashes - 1] == 'r';
    let mut at = quote + 1;
    while at < code.len() {
        match code[at] {
            '\\' if !is_raw => at += 1,
            '"' if !is_raw => return Some(at + 1),
            '"' if code[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes => {
                return Some(at + 1 + hashes);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn blank(code: &mut [char]) {
    for c in code.iter_mut().filter(|c| **c != '\n') {
        *c = ' ';
    }
}

/// Returns every path that the file mentions within its own crate.
fn imports_of(file: &str, text: &str, name: &str) -> Vec<Import> {
    let code = code_of(text);
    let module = module_of(file);
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = code.as_str();
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let word: &str = &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())];
        let starts_path = !is_word(before)
            && before != ':'
            && [name, "crate", "super", "self"].contains(&word)
            && rest[word.len()..].starts_with("::");
        if starts_path {
            let tree = &rest[..end_of_tree(rest)];
            for path in flattened(tree) {
                if let Some(path) = absolute(&path, &module, name) {
                    found.push(Import { line, path });
                }
            }
            line += tree.matches('\n').count();
            rest = &rest[tree.len()..];
            before = ' ';
        } else {
            let length = if word.is_empty() { c.len_utf8() } else { word.len() };
            line += usize::from(c == '\n');
            before = rest[..length].chars().next_back().unwrap();
            rest = &rest[length..];
        }
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the length of a path, or of a tree of paths in braces.
fn end_of_tree(text: &str) -> usize {
    let mut at = 0;
    loop {
        at += text[at..].find(|c: char| !is_word(c)).unwrap_or(text.len() - at);
        let Some(rest) = text[at..].strip_prefix("::") else { return at };
        if rest.starts_with('{') {
            let mut depth = 0;
            for (i, c) in rest.char_indices() {
                depth += i32::from(c == '{') - i32::from(c == '}');
                if depth == 0 {
                    return at + 2 + i + 1;
                }
            }
            return text.len();
        }
        if !rest.starts_with(is_word) {
            return at;
        }
        at += 2;
    }
}

/// Returns the paths of a tree such as `crate::{a::b, c as d}`.
fn flattened(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((start, inner)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.split("::").map(|it| it.trim().to_owned()).collect()];
    };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let start: Vec<String> =
        start.split("::").map(|it| it.trim().to_owned()).filter(|it| !it.is_empty()).collect();
    let mut parts = vec![String::new()];
    let mut depth = 0;
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            _ => parts.last_mut().unwrap().push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| flattened(part)).map(|path| [start.clone(), path].concat()).collect()
}

/// Resolves a path from the crate's root. `None` if it leaves the crate.
fn absolute(path: &[String], module: &[String], name: &str) -> Option<Vec<String>> {
    let mut from = module.to_vec();
    let mut rest = path;
    while let Some((first, others)) = rest.split_first() {
        match first.as_str() {
            "crate" => from.clear(),
            "super" => drop(from.pop()?),
            "self" => {}
            own if own == name && rest.len() == path.len() => from.clear(),
            _ => break,
        }
        rest = others;
    }
    from.extend(rest.iter().cloned());
    Some(from)
}

/// Imports within a folder, by the pair of its modules.
type Edges = BTreeMap<(String, String), Vec<Violation>>;

/// Returns every import that runs up the list of rooms, or is part of a circle.
fn check(layout: &Layout, sources: &[Source]) -> Vec<Violation> {
    let modules: BTreeSet<Vec<String>> = sources
        .iter()
        .map(|(file, _)| module_of(file))
        .flat_map(|module| (1..=module.len()).map(move |n| module[..n].to_vec()))
        .collect();
    let mut violations = Vec::new();
    // By folder: which of its modules import which.
    let mut edges: BTreeMap<Vec<String>, Edges> = BTreeMap::new();
    for (file, text) in sources {
        let from = module_of(file);
        let Some(room) = from.first() else { continue };
        let place = layout.rooms.iter().position(|it| it == room);
        let violation = |line: usize, import: &str, reason: String| Violation {
            file: file.clone(),
            line,
            import: import.to_owned(),
            reason,
        };
        let Some(place) = place else {
            violations.push(violation(1, room, "this room is not in the list".to_owned()));
            continue;
        };
        for import in imports_of(file, text, layout.name) {
            let shown = import.path.join("::");
            let to: &[String] = (0..=import.path.len())
                .rev()
                .map(|n| &import.path[..n])
                .find(|path| modules.contains(*path))
                .unwrap_or_default();
            let Some(target) = to.first() else { continue };
            let target_place = layout.rooms.iter().position(|it| it == target);
            if target_place.is_some_and(|it| it < place) {
                let reason = format!("`{room}` is below `{target}`, so it must not import it");
                violations.push(violation(import.line, &shown, reason));
                continue;
            }
            let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            // Rooms have their order, and a module may use its own folder.
            if common == 0 || common >= from.len() || common >= to.len() {
                continue;
            }
            let pair = (from[common].clone(), to[common].clone());
            let folder = edges.entry(from[..common].to_vec()).or_default();
            let reason = format!("`{}` and `{}` are part of a circle", pair.0, pair.1);
            folder.entry(pair).or_default().push(violation(import.line, &shown, reason));
        }
    }
    for folder in edges.into_values() {
        let pairs: Vec<(String, String)> = folder.keys().cloned().collect();
        let circular = folder.into_iter().filter(|((a, b), _)| reaches(&pairs, b, a));
        violations.extend(circular.flat_map(|(_, imports)| imports));
    }
    violations.sort();
    violations
}

/// Returns whether imports lead from one module to another.
fn reaches(pairs: &[(String, String)], from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut left = vec![from];
    while let Some(at) = left.pop() {
        if at == to {
            return true;
        }
        let next = pairs.iter().filter(|(a, _)| a == at).map(|(_, b)| b.as_str());
        left.extend(next.filter(|it| seen.insert(it)));
    }
    false
}

/// Reads every source file of a folder.
fn read(root: &Path, folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(root, &path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
            sources.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

#[test]
fn imports_run_down_and_form_no_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut violations = Vec::new();
    for layout in &LAYOUTS {
        let mut sources = Vec::new();
        read(root, &root.join(layout.folder).join("src"), &mut sources);
        assert!(sources.len() > 10, "{} has {} files", layout.folder, sources.len());
        violations.extend(check(layout, &sources));
    }
    let is_listed = |it: &Violation| EXCEPTIONS.contains(&(it.file.as_str(), it.import.as_str()));
    let new: Vec<String> =
        violations.iter().filter(|it| !is_listed(it)).map(ToString::to_string).collect();
    assert!(new.is_empty(), "imports that break the layout:\n{}", new.join("\n"));
    for (file, import) in EXCEPTIONS {
        let is_found = violations.iter().any(|it| it.file == *file && it.import == *import);
        assert!(is_found, "{file} no longer imports {import}: remove it from EXCEPTIONS");
    }
}

/// What the checker finds in a crate with the rooms `top`, `middle` and `bottom`, as `file:line: import`.
fn found(sources: &[(&str, &str)]) -> Vec<String> {
    let rooms = &["bin", "top", "middle", "bottom"];
    let layout = Layout { folder: "made_up", name: "made_up", rooms };
    let source = |(file, text): &(&str, &str)| (format!("made_up/src/{file}"), (*text).to_owned());
    let sources: Vec<Source> = sources.iter().map(source).collect();
    let shown = |it: Violation| {
        format!("{}:{}: {}", it.file.trim_start_matches("made_up/src/"), it.line, it.import)
    };
    check(&layout, &sources).into_iter().map(shown).collect()
}

#[test]
fn reports_imports_that_run_up() {
    let below = ("bottom.rs", "");
    let check = |text: &str, expected: &[&str]| {
        assert_eq!(found(&[("top.rs", ""), ("middle/part.rs", text), below]), expected, "{text}");
    };
    check("use crate::bottom::Item;", &[]);
    check("use crate::top::Item;", &["middle/part.rs:1: top::Item"]);
    check(
        "\nuse crate::{bottom, top::{self, Item as It}};",
        &["middle/part.rs:2: top::Item", "middle/part.rs:2: top::self"],
    );
    check("use crate::{\n    bottom,\n    top,\n};", &["middle/part.rs:1: top"]);
    check("pub(crate) use super::super::top;", &["middle/part.rs:1: top"]);
    check("fn f() {\n    crate::top::f::<u8>();\n}", &["middle/part.rs:2: top::f"]);
    check("fn f() { made_up::top::f() }", &["middle/part.rs:1: top::f"]);
    check("use made_up_too::top; use other::crate_::top;", &[]);
}

#[test]
fn ignores_comments_strings_and_tests() {
    let check = |text: &str| {
        assert_eq!(found(&[("top.rs", ""), ("middle.rs", text)]), Vec::<String>::new(), "{text}");
    };
    check("//! [`crate::top`]\n/* use crate::top; */");
    check("const A: &str = \"use crate::top;\\\" crate::top\";");
    check("const A: &str = r#\"\"use crate::top;\"#;");
    check("const A: char = '\"'; const B: &str = \"crate::top\"; fn f<'a>(_: &'a str) {}");
    check("#[cfg(test)]\nmod tests {\n    use crate::top;\n    fn f() { {} }\n}");
    check("#[cfg(test)]\nuse crate::top;");
    let after = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nuse crate::top;";
    assert_eq!(found(&[("top.rs", ""), ("middle.rs", after)]), ["middle.rs:5: top"]);
}

#[test]
fn reports_circles_within_a_folder() {
    let circle = [
        ("middle.rs", "use self::a::A; pub struct M;"),
        ("middle/a.rs", "use super::b::B; use super::M;"),
        ("middle/b.rs", "use crate::middle::c;"),
        ("middle/c.rs", "fn f() { super::a::f() }"),
        ("middle/d.rs", "use super::a::A;"),
    ];
    assert_eq!(
        found(&circle),
        ["middle/a.rs:1: middle::b::B", "middle/b.rs:1: middle::c", "middle/c.rs:1: middle::a::f",]
    );
    assert_eq!(found(&circle[..3]), Vec::<String>::new());
    let deep = [
        ("middle/a.rs", ""),
        ("middle/a/x.rs", "use super::y;"),
        ("middle/a/y.rs", "use super::x; use crate::middle::b;"),
        ("middle/b.rs", "use super::a::x;"),
    ];
    assert_eq!(
        found(&deep),
        [
            "middle/a/x.rs:1: middle::a::y",
            "middle/a/y.rs:1: middle::a::x",
            "middle/a/y.rs:1: middle::b",
            "middle/b.rs:1: middle::a::x",
        ]
    );
}

#[test]
fn reports_rooms_that_no_list_has() {
    assert_eq!(found(&[("cellar.rs", "")]), ["cellar.rs:1: cellar"]);
    assert_eq!(found(&[("lib.rs", "use crate::top;"), ("top.rs", "")]), Vec::<String>::new());
}
