//! What is mounted into a service: volumes, configuration files, secrets; and its ports.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Arg, ExprKind, Sign, Statement};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::settings::{Setting, Settings};
use super::state::Resolver;
use crate::origin::Sourced;
use crate::platform::{Config, NamespaceId, Port, SecretMount, Volume};
use crate::properties::Place;
use crate::units::Protocol;
use crate::value::{Type, Value};

impl<'a> Resolver<'a> {
    /// The ports that the settings declare; `sidecar` says who listens.
    pub(super) fn ports(&mut self, settings: &Settings<'a>, sidecar: Option<u32>) -> Vec<Port> {
        let all: Vec<Setting<'a>> = settings
            .of("port")
            .filter_map(|s| s.last().cloned())
            .collect();
        all.iter()
            .filter_map(|setting| self.port(setting, sidecar))
            .collect()
    }

    fn port(&mut self, setting: &Setting<'a>, sidecar: Option<u32>) -> Option<Port> {
        let mut args = setting.args();
        let name = args.need_name("the port's name", &mut self.diagnostics)?;
        self.check_name(&name, "port");
        let expr = args.need_expr("the port's number", &mut self.diagnostics)?;
        let numbers = self.range(expr, &setting.scope, Type::Port);
        let mut container = None;
        if args.sign(Sign::Arrow).is_some() {
            let expr = args.need_expr("the port of the container", &mut self.diagnostics)?;
            let target = self.eval(expr, &setting.scope, &Type::Port);
            container = Some((target?, expr.span));
        }
        let host = args.word("host").is_some();
        args.finish(&mut self.diagnostics);
        // A port whose number is unknown still has its name: a mistake in the number was reported,
        // and a component that is checked by itself does not know its parameters yet.
        let (first, a, last, b) = match numbers {
            Some((Value::Port(first, a), Value::Port(last, b))) => (first, a, last, b),
            _ => (1, Protocol::Tcp, 1, Protocol::Tcp),
        };
        let container = match container {
            Some((Value::Port(number, _), span)) if first != last && number != first => {
                self.report(
                    Diagnostic::new(
                        &codes::CONTRADICTION,
                        "a range of ports keeps its numbers in the container",
                    )
                    .at(span, "another number")
                    .also(expr.span, "a range"),
                );
                return None;
            }
            Some((Value::Port(number, _), _)) => number,
            _ => first,
        };
        Some(Port {
            name: Sourced {
                value: name.text,
                origin: setting.origin(name.span),
            },
            number: Sourced {
                value: first,
                origin: setting.origin(expr.span),
            },
            last,
            container,
            protocol: if a == Protocol::Tcp { b } else { a },
            host,
            sidecar,
        })
    }

    pub(super) fn volumes(&mut self, settings: &Settings<'a>) -> Vec<Volume> {
        let all: Vec<Setting<'a>> = settings
            .of("volume")
            .filter_map(|s| s.last().cloned())
            .collect();
        all.iter()
            .filter_map(|setting| self.volume(setting))
            .collect()
    }

    fn volume(&mut self, setting: &Setting<'a>) -> Option<Volume> {
        let mut args = setting.args();
        let name = args.need_name("the volume's name", &mut self.diagnostics)?;
        self.check_name(&name, "volume");
        let size_expr = args.need_expr("the volume's size", &mut self.diagnostics)?;
        let size = self.memory(size_expr, &setting.scope);
        args.need_word("at", &mut self.diagnostics)?;
        let at_expr = args.need_expr("the folder in quotes", &mut self.diagnostics)?;
        let at = self.text(at_expr, &setting.scope);
        let mut class = None;
        let mut shared = false;
        while !args.is_empty() {
            if args.word("class").is_some() {
                let name = args.need_name("the storage class", &mut self.diagnostics)?;
                class = Some(Sourced {
                    origin: setting.origin(name.span),
                    value: name.text,
                });
            } else if args.word("shared").is_some() {
                shared = true;
            } else {
                args.finish(&mut self.diagnostics);
            }
        }
        let size = size?;
        if size.0 == 0 {
            self.report(
                Diagnostic::new(&codes::OUT_OF_RANGE, "a volume has a size")
                    .at(size_expr.span, "nothing"),
            );
            return None;
        }
        Some(Volume {
            name: Sourced {
                value: name.text,
                origin: setting.origin(name.span),
            },
            size: Sourced {
                value: size,
                origin: setting.origin(size_expr.span),
            },
            at: Sourced {
                value: at?,
                origin: setting.origin(at_expr.span),
            },
            class,
            shared,
        })
    }

    pub(super) fn configs(&mut self, settings: &Settings<'a>) -> Vec<Config> {
        let all: Vec<Setting<'a>> = settings
            .of("config")
            .filter_map(|s| s.last().cloned())
            .collect();
        all.iter()
            .filter_map(|setting| self.config(setting))
            .collect()
    }

    fn config(&mut self, setting: &Setting<'a>) -> Option<Config> {
        let mut args = setting.args();
        let name = args.need_name("the configuration's name", &mut self.diagnostics)?;
        self.check_name(&name, "configuration");
        let Some(block) = args.block() else {
            args.expected("`{ \"file\" = … }`", &mut self.diagnostics);
            return None;
        };
        args.need_word("at", &mut self.diagnostics)?;
        let at_expr = args.need_expr("the folder in quotes", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let mut files: Vec<(SmolStr, Sourced<String>)> = Vec::new();
        let mut spans: Vec<(SmolStr, Span)> = Vec::new();
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        for statement in &block.statements {
            let mut line =
                crate::args::Args::new(&statement.args, statement.span, "\"file\" = TEXT");
            let Some(file) = line.need_expr("the file's name in quotes", &mut self.diagnostics)
            else {
                continue;
            };
            let Some(file_name) = crate::args::plain_text(file) else {
                let loaded = self.loaded;
                self.report(
                    Diagnostic::new(&codes::WRONG_SHAPE, "a file's name is written in quotes")
                        .at(file.span, "not in quotes")
                        .help("it is written `\"prometheus.yml\" = file(\"prometheus.yml\")`")
                        .fix(
                            "put it in quotes",
                            file.span,
                            format!("\"{}\"", loaded.sources.text(file.span)),
                        ),
                );
                continue;
            };
            if line.sign(Sign::Assign).is_none() {
                line.expected("`=`", &mut self.diagnostics);
                continue;
            }
            let Some(content) = line.need_expr("the file's text", &mut self.diagnostics) else {
                continue;
            };
            line.finish(&mut self.diagnostics);
            let first = *seen.entry(file_name).or_insert(file.span);
            if first != file.span {
                self.report(
                    Diagnostic::new(
                        &codes::DUPLICATE_NAME,
                        format!("the file `{file_name}` is there twice"),
                    )
                    .at(file.span, "again")
                    .also(first, "the first"),
                );
                continue;
            }
            let text = self.with_addresses(true, |it| it.text(content, &setting.scope));
            if let Some(text) = text {
                files.push((
                    SmolStr::from(file_name),
                    Sourced {
                        value: text,
                        origin: setting.origin(content.span),
                    },
                ));
                spans.push((SmolStr::from(file_name), file.span));
            }
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        spans.sort_unstable();
        let at = self.text(at_expr, &setting.scope)?;
        Some(Config {
            name: Sourced {
                value: name.text,
                origin: setting.origin(name.span),
            },
            files,
            file_spans: spans.into_iter().map(|(_, span)| span).collect(),
            at: Sourced {
                value: at,
                origin: setting.origin(at_expr.span),
            },
        })
    }

    pub(super) fn secret_mounts(
        &mut self,
        settings: &Settings<'a>,
        namespace: Option<NamespaceId>,
    ) -> Vec<SecretMount> {
        let all: Vec<Setting<'a>> = settings
            .of("secret")
            .filter_map(|s| s.last().cloned())
            .collect();
        let mut out = Vec::new();
        for setting in all {
            let mut args = setting.args();
            let Some(name) = args.need_name("the secret's name", &mut self.diagnostics) else {
                continue;
            };
            if args.need_word("at", &mut self.diagnostics).is_none() {
                continue;
            }
            let Some(expr) = args.need_expr("the folder in quotes", &mut self.diagnostics) else {
                continue;
            };
            args.finish(&mut self.diagnostics);
            let at = self.text(expr, &setting.scope);
            let secret = self.secret(&name, namespace);
            if let (Some(at), Some(secret)) = (at, secret) {
                out.push(SecretMount {
                    secret,
                    at: Sourced {
                        value: at,
                        origin: setting.origin(expr.span),
                    },
                });
            }
        }
        out
    }

    /// `patch KIND { path = VALUE }`.
    pub(super) fn patches(&mut self, settings: &Settings<'a>) -> Vec<crate::platform::Patch> {
        use crate::platform::{Patch, PatchField};
        use erpc_syntax::tree::SegmentKind;
        let all: Vec<Setting<'a>> = settings.of("patch").flatten().cloned().collect();
        let mut out = Vec::new();
        for setting in all {
            let mut args = setting.args();
            let Some(kind) = args.need_name(
                "the kind of object, such as `deployment`",
                &mut self.diagnostics,
            ) else {
                continue;
            };
            let Some(block) = args.block() else {
                args.expected("`{ path = VALUE }`", &mut self.diagnostics);
                continue;
            };
            args.finish(&mut self.diagnostics);
            let mut fields = Vec::new();
            for statement in &block.statements {
                let mut line =
                    crate::args::Args::new(&statement.args, statement.span, "spec.field = VALUE");
                let path = match line.need_expr("a field's path", &mut self.diagnostics) {
                    Some(expr) => match &expr.kind {
                        ExprKind::Path(path) if path.port.is_none() => path
                            .segments
                            .iter()
                            .map(|s| match &s.kind {
                                SegmentKind::Name(n) | SegmentKind::Quoted(n) => Some(n.clone()),
                                SegmentKind::Star => None,
                            })
                            .collect::<Option<Vec<_>>>(),
                        _ => None,
                    },
                    None => continue,
                };
                if line.sign(Sign::Assign).is_none() {
                    if !self.report_index(statement) {
                        line.expected("`=`", &mut self.diagnostics);
                    }
                    continue;
                }
                let Some(expr) = line.need_expr("the field's value", &mut self.diagnostics) else {
                    continue;
                };
                line.finish(&mut self.diagnostics);
                let Some(path) = path else {
                    self.report(
                        Diagnostic::new(
                            &codes::WRONG_SHAPE,
                            "a field's path is names with dots between them",
                        )
                        .at(statement.span, "not a path"),
                    );
                    continue;
                };
                let value = if expr.as_word().is_some_and(|w| w == "off") {
                    Some(None)
                } else {
                    self.raw(expr, &setting.scope, None)
                        .and_then(patch_value)
                        .map(Some)
                };
                if let Some(value) = value {
                    let path_span = statement.args.first().map_or(statement.span, Arg::span);
                    fields.push(PatchField {
                        path,
                        path_span,
                        value: Sourced {
                            value,
                            origin: setting.origin(expr.span),
                        },
                    });
                }
            }
            out.push(Patch {
                kind: Sourced {
                    value: kind.text,
                    origin: setting.origin(kind.span),
                },
                fields,
            });
        }
        out
    }

    /// Reports `containers[0].image`, whose path has a number in brackets.
    fn report_index(&mut self, statement: &Statement) -> bool {
        let [Arg::Expr(list), Arg::Expr(index), ..] = statement.args.as_slice() else {
            return false;
        };
        let written = self.written(index.span).to_owned();
        if list.span.end != index.span.start || !written.starts_with('[') {
            return false;
        }
        let quoted = written
            .split('[')
            .skip(1)
            .map(|part| match part.split_once(']') {
                Some((index, rest)) => format!(".\"{}\"{rest}", index.trim_matches('"')),
                None => part.to_owned(),
            });
        let quoted: String = quoted.collect();
        let name = self.written(list.span);
        let name = name.rsplit('.').next().unwrap_or(name).to_owned();
        self.report(
            Diagnostic::new(
                &codes::WRONG_SHAPE,
                "an element of a list is named by its number in quotes",
            )
            .at(index.span, "brackets in a path")
            .help(format!("write `{name}{quoted}`"))
            .fix("quote the number", index.span, quoted),
        );
        true
    }

    /// Words that a sidecar or init holds.
    pub(super) fn inner_containers(
        &mut self,
        settings: &Settings<'a>,
        word: &'static str,
    ) -> Vec<(erpc_syntax::tree::Ident, Setting<'a>, Settings<'a>)> {
        let place = if word == "init" {
            Place::Init
        } else {
            Place::Sidecar
        };
        let stacks: Vec<Vec<Setting<'a>>> = settings.of(word).cloned().collect();
        let mut out = Vec::new();
        for stack in stacks {
            let mut layers = Settings::default();
            let mut last = None;
            for setting in stack {
                let mut args = setting.args();
                let Some(name) =
                    args.need_name(&format!("the name of the {word}"), &mut self.diagnostics)
                else {
                    continue;
                };
                self.check_name(&name, word);
                let block = args.block();
                if block.is_none() {
                    args.expected("`{ … }`", &mut self.diagnostics);
                    continue;
                }
                args.finish(&mut self.diagnostics);
                let own = block.map_or_else(Vec::new, |b| {
                    self.own_settings(b, place, &setting.scope, setting.via)
                });
                layers = self.overlay(vec![layers], own);
                last = Some((name, setting));
            }
            if let Some((name, setting)) = last {
                out.push((name, setting, layers));
            }
        }
        out
    }
}

/// A value of the language as one of an object: quantities as Kubernetes writes them.
fn patch_value(value: Value) -> Option<crate::platform::PatchValue> {
    use crate::platform::PatchValue;
    Some(match value {
        Value::Bool(b) => PatchValue::Bool(b),
        Value::Int(n) => PatchValue::Int(n),
        Value::Port(port, _) => PatchValue::Int(port.into()),
        Value::Number(ref number) if number.suffix.is_empty() && !number.digits.contains('.') => {
            PatchValue::Int(number.digits.parse().ok()?)
        }
        Value::List(items) => {
            PatchValue::List(items.into_iter().map(patch_value).collect::<Option<_>>()?)
        }
        Value::Unknown => return None,
        other => PatchValue::Text(crate::eval::show(&other)),
    })
}
