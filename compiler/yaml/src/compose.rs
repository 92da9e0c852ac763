//! The tree of a YAML document: scalars as written, collections, and aliases that lead to what their
//! anchor names. The grammar is that of `parserc.go` of go-yaml v2.4. Only the first document of a
//! text is read, as kubectl does, which cuts at `---` beforehand.

use rustc_hash::FxHashMap;

use super::Broken;
use super::scan::{Scanner, Style, Token, control_character};

/// How deep values may nest, with what their aliases stand for.
pub(super) const MAX_DEPTH: usize = 200;

/// A place in a [`Composed`] tree.
pub(super) type Id = usize;

pub(super) struct Tree {
    /// From 1.
    pub(super) line: usize,
    /// The tag in full, where there is one.
    pub(super) tag: Option<String>,
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    Scalar {
        value: String,
        /// Whether the text alone decides what it is: a plain scalar, or one with the tag `!`.
        is_implicit: bool,
    },
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
    Alias(Id),
}

/// A document.
pub(super) struct Composed {
    pub(super) trees: Vec<Tree>,
    /// `None` for an empty document.
    pub(super) root: Option<Id>,
    /// The line of a document end marker (`...`) or a second start behind the document, from 1.
    pub(super) ignored_from: Option<usize>,
}

type Done<T> = Result<T, Broken>;

struct Composer<'t> {
    scanner: Scanner<'t>,
    trees: Vec<Tree>,
    anchors: FxHashMap<String, Id>,
    handles: Vec<(String, String)>,
    depth: usize,
}

/// Reads the first document of a text.
pub(super) fn compose(text: &str) -> Done<Composed> {
    if let Some(line) = control_character(text) {
        return Err(broken(
            line - 1,
            "control characters are not allowed in YAML",
        ));
    }
    let mut composer = Composer {
        scanner: Scanner::new(text),
        trees: Vec::new(),
        anchors: FxHashMap::default(),
        handles: Vec::new(),
        depth: 0,
    };
    let root = composer.document()?;
    let ignored_from = composer.ignored_from();
    Ok(Composed {
        trees: composer.trees,
        root,
        ignored_from,
    })
}

/// What is wrong with a value past [`MAX_DEPTH`].
pub(super) fn too_deep() -> String {
    format!("values nest more than {MAX_DEPTH} deep")
}

fn broken(line: usize, message: &str) -> Broken {
    Broken {
        line: line + 1,
        message: message.to_owned(),
    }
}

/// What stands before a value: its anchor and its tag.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
    line: Option<usize>,
}

impl Composer<'_> {
    fn peek(&mut self) -> Done<(&Token, usize)> {
        let (token, line) = self.scanner.peek()?;
        Ok((token, *line))
    }

    fn take(&mut self) -> Done<(Token, usize)> {
        self.scanner.next()
    }

    fn line(&mut self) -> Done<usize> {
        Ok(self.peek()?.1)
    }

    fn is(&mut self, wanted: &Token) -> Done<bool> {
        Ok(self.peek()?.0 == wanted)
    }

    fn is_one_of(&mut self, wanted: &[Token]) -> Done<bool> {
        Ok(wanted.contains(self.peek()?.0))
    }

    fn document(&mut self) -> Done<Option<Id>> {
        let mut is_explicit = false;
        let (token, _) = self.peek()?;
        match token {
            Token::StreamEnd => return Ok(None),
            Token::Version { .. } | Token::TagDirective { .. } | Token::DocumentStart => {
                self.directives()?;
                let (token, line) = self.take()?;
                if token != Token::DocumentStart {
                    return Err(broken(line, "expected `---` after the directives"));
                }
                is_explicit = true;
            }
            _ => {}
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if self.handles.iter().all(|(known, _)| known != handle) {
                self.handles.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        let (token, line) = self.peek()?;
        let root = match token {
            Token::Version { .. }
            | Token::TagDirective { .. }
            | Token::DocumentStart
            | Token::DocumentEnd
            | Token::StreamEnd
                if is_explicit =>
            {
                self.empty(line)
            }
            _ => self.node(true, false)?,
        };
        // go-yaml looks at one token behind a document: it is an error if that cannot be scanned.
        self.peek()?;
        Ok(Some(root))
    }

    fn directives(&mut self) -> Done<()> {
        let mut has_version = false;
        loop {
            match self.peek()?.0 {
                Token::Version { .. } | Token::TagDirective { .. } => {}
                _ => return Ok(()),
            }
            match self.take()? {
                (Token::Version { major, minor }, line) => {
                    if has_version {
                        return Err(broken(line, "a document can have only one `%YAML`"));
                    }
                    if (major, minor) != (1, 1) {
                        return Err(broken(line, "kubectl reads only `%YAML 1.1`"));
                    }
                    has_version = true;
                }
                (Token::TagDirective { handle, prefix }, line) => {
                    if self.handles.iter().any(|(known, _)| *known == handle) {
                        return Err(broken(line, "a `%TAG` with this handle exists already"));
                    }
                    self.handles.push((handle, prefix));
                }
                _ => return Ok(()),
            }
        }
    }

    fn ignored_from(&mut self) -> Option<usize> {
        loop {
            let (token, line) = match self.scanner.next() {
                Ok(found) => found,
                // What is ignored need not be YAML.
                Err(broken) => return Some(broken.line),
            };
            match token {
                Token::DocumentEnd => {}
                Token::StreamEnd => return None,
                _ => return Some(line + 1),
            }
        }
    }

    fn push(&mut self, line: usize, tag: Option<String>, kind: Kind) -> Id {
        self.trees.push(Tree {
            line: line + 1,
            tag,
            kind,
        });
        self.trees.len() - 1
    }

    /// A value that is not there.
    fn empty(&mut self, line: usize) -> Id {
        let kind = Kind::Scalar {
            value: String::new(),
            is_implicit: true,
        };
        self.push(line, None, kind)
    }

    fn node(&mut self, is_block: bool, allows_indentless: bool) -> Done<Id> {
        if self.depth == MAX_DEPTH {
            let line = self.line()?;
            return Err(broken(line, &too_deep()));
        }
        self.depth += 1;
        let node = self.node_within(is_block, allows_indentless);
        self.depth -= 1;
        node
    }

    fn node_within(&mut self, is_block: bool, allows_indentless: bool) -> Done<Id> {
        if matches!(self.peek()?.0, Token::Alias(_))
            && let (Token::Alias(name), line) = self.take()?
        {
            let Some(target) = self.anchors.get(&name).copied() else {
                let message = format!("no anchor `&{name}` stands before this alias");
                return Err(broken(line, &message));
            };
            return Ok(self.push(line, None, Kind::Alias(target)));
        }
        let properties = self.properties()?;
        let (token, line) = self.peek()?;
        match token {
            Token::BlockEntry if allows_indentless => {
                let id = self.start(properties, line, Kind::List(Vec::new()));
                let items = self.indentless_items()?;
                self.trees[id].kind = Kind::List(items);
                Ok(id)
            }
            Token::Scalar { .. } => self.scalar(properties),
            Token::FlowSequenceStart => {
                let id = self.start(properties, line, Kind::List(Vec::new()));
                self.take()?;
                let items = self.flow_items()?;
                self.trees[id].kind = Kind::List(items);
                Ok(id)
            }
            Token::FlowMappingStart => {
                let id = self.start(properties, line, Kind::Map(Vec::new()));
                self.take()?;
                let entries = self.flow_entries()?;
                self.trees[id].kind = Kind::Map(entries);
                Ok(id)
            }
            Token::BlockSequenceStart if is_block => {
                let id = self.start(properties, line, Kind::List(Vec::new()));
                self.take()?;
                let items = self.block_items()?;
                self.trees[id].kind = Kind::List(items);
                Ok(id)
            }
            Token::BlockMappingStart if is_block => {
                let id = self.start(properties, line, Kind::Map(Vec::new()));
                self.take()?;
                let entries = self.block_entries()?;
                self.trees[id].kind = Kind::Map(entries);
                Ok(id)
            }
            _ if properties.line.is_some() => {
                let is_implicit = properties.tag.is_none();
                let kind = Kind::Scalar {
                    value: String::new(),
                    is_implicit,
                };
                Ok(self.start(properties, line, kind))
            }
            _ => Err(broken(line, "expected a value")),
        }
    }

    /// An anchor is known within its own value, where an alias to it is a mistake that is reported.
    fn start(&mut self, properties: Properties, line: usize, kind: Kind) -> Id {
        let line = properties.line.unwrap_or(line);
        let id = self.push(line, properties.tag, kind);
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn properties(&mut self) -> Done<Properties> {
        let mut found = Properties::default();
        let mut tag: Option<(String, String, usize)> = None;
        loop {
            let (token, _) = self.peek()?;
            let is_next = match token {
                Token::Anchor(_) => found.anchor.is_none(),
                Token::Tag { .. } => tag.is_none(),
                _ => false,
            };
            if !is_next {
                break;
            }
            let (token, line) = self.take()?;
            found.line.get_or_insert(line);
            match token {
                Token::Anchor(name) => found.anchor = Some(name),
                Token::Tag { handle, suffix } => tag = Some((handle, suffix, line)),
                _ => {}
            }
        }
        if let Some((handle, suffix, line)) = tag {
            found.tag = Some(self.full_tag(&handle, suffix, line)?);
        }
        Ok(found)
    }

    fn full_tag(&self, handle: &str, suffix: String, line: usize) -> Done<String> {
        if handle.is_empty() {
            return Ok(suffix);
        }
        let known = self.handles.iter().find(|(known, _)| known == handle);
        match known {
            Some((_, prefix)) if !(prefix.is_empty() && suffix.is_empty()) => {
                Ok(format!("{prefix}{suffix}"))
            }
            _ => Err(broken(
                line,
                &format!("no `%TAG` declares the handle `{handle}`"),
            )),
        }
    }

    fn scalar(&mut self, properties: Properties) -> Done<Id> {
        let (token, line) = self.take()?;
        let Token::Scalar { value, style } = token else {
            return Err(broken(line, "expected a value"));
        };
        let is_implicit = match &properties.tag {
            None => style == Style::Plain,
            Some(tag) => tag == "!",
        };
        Ok(self.start(properties, line, Kind::Scalar { value, is_implicit }))
    }

    fn block_items(&mut self) -> Done<Vec<Id>> {
        let mut items = Vec::new();
        loop {
            let (token, line) = self.take()?;
            match token {
                Token::BlockEntry => {
                    let is_empty = self.is_one_of(&[Token::BlockEntry, Token::BlockEnd])?;
                    items.push(if is_empty {
                        self.empty(line)
                    } else {
                        self.node(true, false)?
                    });
                }
                Token::BlockEnd => return Ok(items),
                _ => return Err(broken(line, "expected `- ` or a less indented line")),
            }
        }
    }

    fn indentless_items(&mut self) -> Done<Vec<Id>> {
        const ENDS: [Token; 4] = [Token::BlockEntry, Token::Key, Token::Value, Token::BlockEnd];
        let mut items = Vec::new();
        while self.is(&Token::BlockEntry)? {
            let (_, line) = self.take()?;
            items.push(if self.is_one_of(&ENDS)? {
                self.empty(line)
            } else {
                self.node(true, false)?
            });
        }
        Ok(items)
    }

    fn block_entries(&mut self) -> Done<Vec<(Id, Id)>> {
        const ENDS: [Token; 3] = [Token::Key, Token::Value, Token::BlockEnd];
        let mut entries = Vec::new();
        loop {
            let (token, line) = self.take()?;
            let key = match token {
                Token::Key if self.is_one_of(&ENDS)? => self.empty(line),
                Token::Key => self.node(true, true)?,
                Token::BlockEnd => return Ok(entries),
                _ => {
                    return Err(broken(
                        line,
                        "expected a key at the indentation of the keys above it",
                    ));
                }
            };
            let line = self.line()?;
            let value = if self.is(&Token::Value)? {
                self.take()?;
                if self.is_one_of(&ENDS)? {
                    self.empty(line)
                } else {
                    self.node(true, true)?
                }
            } else {
                self.empty(line)
            };
            entries.push((key, value));
        }
    }

    fn flow_items(&mut self) -> Done<Vec<Id>> {
        let mut items = Vec::new();
        while !self.is(&Token::FlowSequenceEnd)? {
            if !items.is_empty() {
                let (token, line) = self.take()?;
                if token != Token::FlowEntry {
                    return Err(broken(line, "expected `,` or `]`"));
                }
                if self.is(&Token::FlowSequenceEnd)? {
                    break;
                }
            }
            items.push(if self.is(&Token::Key)? {
                self.flow_pair()?
            } else {
                self.node(false, false)?
            });
        }
        self.take()?;
        Ok(items)
    }

    /// `[a: b]`, which is a mapping of one entry.
    fn flow_pair(&mut self) -> Done<Id> {
        let line = self.line()?;
        let id = self.push(line, None, Kind::Map(Vec::new()));
        let entry = self.flow_entry(Token::FlowSequenceEnd)?;
        self.trees[id].kind = Kind::Map(vec![entry]);
        Ok(id)
    }

    /// The key and the value behind a `Key` token, in a collection that ends with `end`.
    fn flow_entry(&mut self, end: Token) -> Done<(Id, Id)> {
        let (_, line) = self.take()?;
        let ends = [Token::FlowEntry, end];
        let key = if self.is(&Token::Value)? || self.is_one_of(&ends)? {
            // In a sequence, go-yaml passes over the token that stands in place of the key.
            if ends[1] == Token::FlowSequenceEnd {
                self.take()?;
            }
            self.empty(line)
        } else {
            self.node(false, false)?
        };
        let value = if self.is(&Token::Value)? {
            self.take()?;
            if self.is_one_of(&ends)? {
                self.empty(line)
            } else {
                self.node(false, false)?
            }
        } else {
            self.empty(line)
        };
        Ok((key, value))
    }

    fn flow_entries(&mut self) -> Done<Vec<(Id, Id)>> {
        let mut entries = Vec::new();
        while !self.is(&Token::FlowMappingEnd)? {
            if !entries.is_empty() {
                let (token, line) = self.take()?;
                if token != Token::FlowEntry {
                    return Err(broken(line, "expected `,` or `}`"));
                }
                if self.is(&Token::FlowMappingEnd)? {
                    break;
                }
            }
            entries.push(if self.is(&Token::Key)? {
                self.flow_entry(Token::FlowMappingEnd)?
            } else {
                let line = self.line()?;
                (self.node(false, false)?, self.empty(line))
            });
        }
        self.take()?;
        Ok(entries)
    }
}
