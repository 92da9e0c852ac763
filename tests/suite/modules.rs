//! Dependencies between the files of a crate. In `cluster` no two files name each other, directly or through
//! others: a file can be read with those that it names, and nothing of it is known to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A module by the names that lead to it from the root of its crate; the root is empty.
type Module = Vec<String>;

/// The files of a crate.
struct Crate {
    paths: BTreeMap<Module, Vec<Vec<String>>>,
    /// What a module names for others: `pub use`.
    exports: BTreeMap<(Module, String), Vec<String>>,
}

impl Crate {
    fn read(root: &Path) -> Self {
        let mut krate = Self {
            paths: BTreeMap::new(),
            exports: BTreeMap::new(),
        };
        krate.read_folder(root, &[]);
        krate
    }

    fn read_folder(&mut self, folder: &Path, below: &[String]) {
        let entries = std::fs::read_dir(folder).expect("the folder is there");
        for entry in entries {
            let path = entry.expect("an entry of the folder").path();
            let stem = path.file_stem().expect("a name").to_string_lossy();
            let mut module = below.to_vec();
            if path.is_dir() {
                module.push(stem.into_owned());
                self.read_folder(&path, &module);
            } else if path.extension().is_some_and(|end| end == "rs") {
                if !["lib", "mod"].contains(&stem.as_ref()) {
                    module.push(stem.into_owned());
                }
                let text = std::fs::read_to_string(&path).expect("the file can be read");
                self.add(module, &text);
            }
        }
    }

    fn add(&mut self, module: Module, text: &str) {
        let code = text.split("\n#[cfg(test)]\nmod tests").next();
        let tokens: TokenStream = code.unwrap_or(text).parse().expect("the file is Rust");
        let mut found = Found::default();
        found.tokens(tokens, false);
        for path in found.exported {
            if let (Some(name), Some(target)) = (path.last(), absolute(&module, &path)) {
                self.exports.insert((module.clone(), name.clone()), target);
            }
        }
        let paths = found.used.iter().filter_map(|path| absolute(&module, path));
        let paths = paths.collect();
        self.paths.insert(module, paths);
    }

    /// The module that has what a path names.
    fn owner(&self, path: &[String], depth: usize) -> Module {
        let at = (0..=path.len()).rev();
        let mut modules = at.filter(|end| self.paths.contains_key(&path[..*end]));
        let end = modules.next().expect("the root is a module");
        let module = path[..end].to_vec();
        let exported = path.get(end).and_then(|name| {
            let target = self.exports.get(&(module.clone(), name.clone()))?;
            Some([target, &path[end + 1..]].concat())
        });
        match exported {
            Some(target) if depth < 8 => self.owner(&target, depth + 1),
            _ => module,
        }
    }

    /// For each module those that it names. The root only lists the others.
    fn edges(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let edges = self.paths.iter().filter(|(module, _)| !module.is_empty());
        edges
            .map(|(module, paths)| {
                let owners = paths.iter().map(|path| self.owner(path, 0));
                let others = owners.filter(|owner| !owner.is_empty() && owner != module);
                (module, others.collect())
            })
            .collect()
    }

    /// The modules that are left when those that name no other are taken away again and again.
    fn in_cycles(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut edges = self.edges();
        loop {
            let left: BTreeSet<Module> = edges.keys().map(|module| (*module).clone()).collect();
            for targets in edges.values_mut() {
                targets.retain(|target| left.contains(target));
            }
            let before = edges.len();
            edges.retain(|_, targets| !targets.is_empty());
            if edges.len() == before {
                return edges;
            }
        }
    }
}

/// A path from the root of the crate. One into another crate is taken for one of the module itself, which
/// names no other; `None` for a single name, which may be that of a variable.
fn absolute(module: &Module, path: &[String]) -> Option<Vec<String>> {
    if path.len() < 2 {
        return None;
    }
    let mut rest = path.iter().peekable();
    let mut from = match rest.peek()?.as_str() {
        "crate" => {
            rest.next();
            Vec::new()
        }
        "self" => {
            rest.next();
            module.clone()
        }
        "super" => module.clone(),
        _ => module.clone(),
    };
    while rest.next_if(|name| *name == "super").is_some() {
        from.pop();
    }
    from.extend(rest.filter(|name| *name != "self").cloned());
    Some(from)
}

/// The paths of a file, each as its names: `use a::{b, c}` has `a::b` and `a::c`.
#[derive(Default)]
struct Found {
    used: Vec<Vec<String>>,
    exported: Vec<Vec<String>>,
}

impl Found {
    fn tokens(&mut self, tokens: TokenStream, is_exported: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        let (mut is_public, mut is_exported) = (false, is_exported);
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Ident(name) if *name == "pub" => is_public = true,
                TokenTree::Ident(name) if *name == "use" => is_exported = is_public,
                TokenTree::Ident(_) => {
                    at = self.path(&tokens, at, &[], is_exported);
                    is_public = false;
                    continue;
                }
                TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis => {
                    self.tokens(group.stream(), false);
                }
                TokenTree::Group(group) => {
                    self.tokens(group.stream(), is_exported);
                    is_public = false;
                }
                TokenTree::Punct(sign) if sign.as_char() == ';' => {
                    (is_public, is_exported) = (false, false);
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
            at += 1;
        }
    }

    /// Reads one path, and returns the place after it.
    fn path(
        &mut self,
        tokens: &[TokenTree],
        mut at: usize,
        before: &[String],
        is_exported: bool,
    ) -> usize {
        let mut path = before.to_vec();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.as_char() == ':');
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(name)) => path.push(name.to_string()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(sign) if sign.as_char() == ',');
                    for part in inner.split(is_comma).filter(|part| !part.is_empty()) {
                        self.path(part, 0, &path, is_exported);
                    }
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            if !(is_colon(at) && is_colon(at + 1)) {
                break;
            }
            at += 2;
        }
        match is_exported {
            true => self.exported.push(path),
            false => self.used.push(path),
        }
        at
    }
}

#[test]
fn no_two_files_of_cluster_depend_on_each_other() {
    let root = erpc_tests::repository().join("compiler/cluster/src");
    let krate = Crate::read(&root);
    assert!(krate.paths.len() > 50, "the crate was not read");
    let cycles = krate.in_cycles();
    let lines = cycles.iter().map(|(module, targets)| {
        let targets: Vec<String> = targets.iter().map(|target| target.join("::")).collect();
        format!("{} names {}", module.join("::"), targets.join(", "))
    });
    let lines: Vec<String> = lines.collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
fn a_cycle_is_found_through_re_exports_and_lists_of_names() {
    let mut krate = Crate {
        paths: BTreeMap::new(),
        exports: BTreeMap::new(),
    };
    let module = |path: &str| -> Module { path.split("::").map(str::to_owned).collect() };
    krate.add(Vec::new(), "mod a; mod b; mod c; pub use a::Thing;");
    krate.add(module("a"), "mod inner; pub(crate) use inner::Thing;");
    krate.add(module("a::inner"), "use crate::{b::{Other, self}, c};");
    krate.add(
        module("b"),
        "fn f() { let thing: crate::a::Thing = todo!(); }",
    );
    krate.add(module("c"), "use super::b; #[cfg(test)]\nmod tests {}");
    let cycles = krate.in_cycles();
    let found: Vec<String> = cycles.keys().map(|module| module.join("::")).collect();
    assert_eq!(found, ["a::inner", "b", "c"]);
}
