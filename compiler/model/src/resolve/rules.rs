//! `rule` and `test`: their statements are read, their expressions become typed terms. A rule in
//! PascalCase with parameters is a template, of the library or of the program; `rule NAME is
//! Template(…)` switches one on.

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::{Argument, Block, Expr, ExprKind, Ident, Sign, Statement};
use smol_str::SmolStr;

use super::conditions::Conditions;
use super::state::{Resolver, RuleDeclared};
use crate::args::{Args, plain_text};
use crate::elements::Kind;
use crate::eval::{Binding, Lowering, Scope};
use crate::origin::Sourced;
use crate::platform::{Expectation, Require, Rule, Test};
use crate::properties::{self, BlockKind};
use crate::ty::Ty;
use crate::value::{Type, Value};

/// What a rule or template consists of.
struct Body {
    doc: Option<String>,
    kind: Kind,
    requires: Vec<Require>,
}

const REQUIRE: &str = "require EXPR, \"message\"";

impl<'a> Resolver<'a> {
    /// Takes a rule into the index.
    pub(super) fn collect_rule(&mut self, statement: &'a Statement, module: Option<&SmolStr>) {
        let mut args = Args::new(&statement.args[1..], statement.span, rule_form());
        let Some(head) = args.need_expr("the rule's name", &mut self.diagnostics) else {
            return;
        };
        let (name, has_parameters) = match &head.kind {
            ExprKind::Call(call) => (call.callee.as_word().map(|w| (w, call.callee_span)), true),
            _ => (head.as_word().map(|word| (word, head.span)), false),
        };
        let Some((text, span)) = name else {
            self.report(
                Diagnostic::new(&codes::WRONG_SHAPE, "a rule has a plain name")
                    .at(head.span, "not a name")
                    .help(format!("it is written `{}`", rule_form())),
            );
            return;
        };
        let name = Ident {
            text: text.clone(),
            span,
        };
        let is_template = has_parameters || text.starts_with(|c: char| c.is_ascii_uppercase());
        let is_pascal =
            text.starts_with(|c: char| c.is_ascii_uppercase()) && !text.contains(['-', '_']);
        if is_template && !is_pascal {
            self.report(
                Diagnostic::new(
                    &codes::BAD_NAME,
                    format!("invalid name `{text}` of a rule with parameters"),
                )
                .at(span, "not in PascalCase")
                .help("rules that are switched on by `rule NAME is Name(…)` are in PascalCase: `Pinned`"),
            );
        } else if !is_template {
            self.check_name(&name, "rule");
        }
        let first = self
            .index
            .rules
            .iter()
            .find(|rule| rule.name.text == name.text && rule.module.as_ref() == module)
            .map(|rule| rule.name.span);
        if self.is_new(first, &name, "rule") {
            self.index.rules.push(RuleDeclared {
                name,
                head,
                statement,
                module: module.cloned(),
                is_template,
                is_used: false,
            });
        }
    }

    /// Whether a module of the library has a rule of this name.
    pub(super) fn has_rule(&self, module: &SmolStr, name: &str) -> bool {
        self.rule_names(module).any(|known| known == name)
    }

    /// The rules of a module of the library.
    pub(super) fn rule_names(&self, module: &SmolStr) -> impl Iterator<Item = &SmolStr> {
        self.index
            .rules
            .iter()
            .filter(move |rule| rule.module.as_ref() == Some(module))
            .map(|rule| &rule.name.text)
    }

    /// Whether a rule of the library is switched on somewhere; `None` where there is none.
    pub(super) fn is_rule_used(&self, module: &SmolStr, name: &str) -> Option<bool> {
        self.index
            .rules
            .iter()
            .find(|rule| rule.module.as_ref() == Some(module) && rule.name.text == name)
            .map(|rule| rule.is_used)
    }

    /// The rules that are on, in source order. Templates are checked whether or not they are used.
    pub(super) fn rules(&mut self) -> Vec<Rule> {
        let mut templates: Vec<(usize, Option<Body>)> = Vec::new();
        for at in 0..self.index.rules.len() {
            if self.index.rules[at].is_template {
                let body = self.rule_template(at);
                templates.push((at, body));
            }
        }
        let mut rules = Vec::new();
        for at in 0..self.index.rules.len() {
            if !self.index.rules[at].is_template {
                rules.extend(self.rule(at, &templates));
            }
        }
        rules
    }

    fn rule_template(&mut self, at: usize) -> Option<Body> {
        let rule = &self.index.rules[at];
        let (head, name) = (rule.head, rule.name.clone());
        let (statement, module) = (rule.statement, rule.module.clone());
        // Defaults are checked whether or not a use needs them.
        self.component_scope(head, &name, None, &Scope::default(), module.clone());
        let mut variables = Vec::new();
        for parameter in parameters(head) {
            let declared = self.declared_type(&parameter.value)?;
            variables.push((parameter.name.as_ref()?.text.clone(), Ty::from(&declared)));
        }
        let mut args = Args::new(&statement.args[2..], statement.span, rule_form());
        self.body(&mut args, variables, module.as_ref())
    }

    fn rule(&mut self, at: usize, templates: &[(usize, Option<Body>)]) -> Option<Rule> {
        let rule = &self.index.rules[at];
        let (statement, name, module) = (rule.statement, rule.name.clone(), rule.module.clone());
        if module.is_some() {
            self.report(
                Diagnostic::new(
                    &codes::UNKNOWN_STATEMENT,
                    "a rule of the library is switched on by whoever uses it",
                )
                .at(name.span, "not in PascalCase"),
            );
            return None;
        }
        let mut args = Args::new(&statement.args[2..], statement.span, rule_form());
        let (body, arguments) = if args.word("is").is_some() {
            let written = args.need_expr("a rule to switch on", &mut self.diagnostics)?;
            args.finish(&mut self.diagnostics);
            self.switched_on(written, templates)?
        } else {
            let body = self.body(&mut args, Vec::new(), None)?;
            (body, Vec::new())
        };
        Some(Rule {
            name: Sourced::declared(name.text, name.span),
            doc: statement.doc().or(body.doc),
            kind: body.kind,
            arguments,
            requires: body.requires,
        })
    }

    /// The template that `is Name(args)` means, with the values of its parameters.
    fn switched_on(
        &mut self,
        written: &'a Expr,
        templates: &[(usize, Option<Body>)],
    ) -> Option<(Body, Vec<Value>)> {
        let used = self.used_name(written, || {
            Diagnostic::new(&codes::WRONG_SHAPE, "a rule is named here")
                .at(written.span, "not a rule")
                .help("it is written `rule pinned is Pinned(digest: true)`")
        });
        let (name, span, given) = used?;
        let found = templates.iter().find(|(at, _)| {
            let rule = &self.index.rules[*at];
            rule.name.text == name && self.is_visible(rule.module.as_ref(), &name)
        });
        let Some((at, body)) = found else {
            self.report_unknown_rule(&name, span);
            return None;
        };
        self.index.rules[*at].is_used = true;
        let rule = &self.index.rules[*at];
        let (head, ident, module) = (rule.head, rule.name.clone(), rule.module.clone());
        let caller = Scope::default();
        let scope =
            self.component_scope(head, &ident, Some((given, written.span)), &caller, module);
        let arguments: Vec<Value> = scope.bindings.into_iter().map(|(_, value)| value).collect();
        let body = body.as_ref()?;
        if arguments.contains(&Value::Unknown) {
            return None;
        }
        let body = Body {
            doc: self.index.rules[*at].statement.doc(),
            kind: body.kind,
            requires: body.requires.clone(),
        };
        Some((body, arguments))
    }

    /// Whether the program declares a rule itself, or takes it from the library.
    fn is_visible(&self, module: Option<&SmolStr>, name: &str) -> bool {
        module.is_none_or(|module| {
            let imports = &self.loaded.imports;
            imports
                .iter()
                .any(|import| import.module == *module && import.name == name)
        })
    }

    fn report_unknown_rule(&mut self, name: &str, span: Span) {
        if let Some(module) = crate::stdlib::module_of_rule(name) {
            self.missing_use("rule", module, name, span);
            return;
        }
        let mut known: Vec<&str> = Vec::new();
        for rule in self.index.rules.iter().filter(|rule| rule.is_template) {
            if self.is_visible(rule.module.as_ref(), &rule.name.text) {
                known.push(&rule.name.text);
            }
        }
        let diagnostic = Diagnostic::new(&codes::UNKNOWN_NAME, format!("unknown rule `{name}`"))
            .at(span, "declared nowhere");
        let diagnostic = diagnostic.candidates(name, span, known.iter().copied());
        self.report(diagnostic);
    }

    /// `for KIND x { require … }`.
    fn body(
        &mut self,
        args: &mut Args<'a>,
        mut variables: Vec<(SmolStr, Ty)>,
        module: Option<&SmolStr>,
    ) -> Option<Body> {
        args.need_word("for", &mut self.diagnostics)?;
        let kind = args.need_name("what the rule is about", &mut self.diagnostics)?;
        let known = Kind::OF_RULES.map(Kind::name);
        let Some(of) = Kind::OF_RULES.into_iter().find(|k| k.name() == kind.text) else {
            self.report_not_in("what rules are about", &kind.text, kind.span, &known);
            return None;
        };
        let variable = args.need_name("a name for each", &mut self.diagnostics)?;
        let Some(block) = args.block() else {
            args.expected("`{ … }`", &mut self.diagnostics);
            return None;
        };
        args.finish(&mut self.diagnostics);
        if block.statements.is_empty() {
            self.report(
                Diagnostic::new(&codes::MISSING_PROPERTY, "the rule requires nothing")
                    .at(block.span, "no `require`")
                    .help(format!("add `{REQUIRE}`")),
            );
            return None;
        }
        variables.push((variable.text, Ty::Element(of)));
        let mut requires = Vec::new();
        let mut all_read = true;
        for (args, statement) in self.statements(block, "require", REQUIRE) {
            let found = self.require(args, statement, &variables, module);
            all_read &= found.is_some();
            requires.extend(found);
        }
        all_read.then_some(Body {
            doc: None,
            kind: of,
            requires,
        })
    }

    fn require(
        &mut self,
        mut args: Args<'a>,
        statement: &'a Statement,
        variables: &[(SmolStr, Ty)],
        module: Option<&SmolStr>,
    ) -> Option<Require> {
        let condition = args.need_expr("what must hold", &mut self.diagnostics)?;
        if args.sign(Sign::Comma).is_none() && args.word("else").is_none() {
            args.expected("`,` and the message", &mut self.diagnostics);
            return None;
        }
        let message = args.need_expr("the message in quotes", &mut self.diagnostics)?;
        args.finish(&mut self.diagnostics);
        let scope = Scope {
            module: module.cloned(),
            ..Scope::default()
        };
        let mut lowering = Lowering::new(self.conditions(None), &scope);
        let bound = variables.iter();
        let bound = bound.map(|(name, ty)| (name.clone(), Binding::Any(ty.clone())));
        lowering.variables.extend(bound);
        let condition = lowering.fitted(condition, &Type::Bool);
        let message = lowering.fitted(message, &Type::String);
        Some(Require {
            condition: condition?,
            message: message?,
            span: statement.span,
        })
    }

    fn conditions<'r, 'n>(
        &'r mut self,
        rules: Option<&'n [(SmolStr, Kind)]>,
    ) -> Conditions<'r, 'a, 'n> {
        Conditions {
            resolver: self,
            rules,
            names_platform: false,
        }
    }

    /// The statements of a block that all start with one word; others are reported.
    fn statements(
        &mut self,
        block: &'a Block,
        word: &str,
        form: &'static str,
    ) -> Vec<(Args<'a>, &'a Statement)> {
        let mut out = Vec::with_capacity(block.statements.len());
        for statement in &block.statements {
            if statement.head().is_some_and(|(head, _)| head == word) {
                let args = Args::new(&statement.args[1..], statement.span, form);
                out.push((args, statement));
            } else {
                self.report(
                    Diagnostic::new(
                        &codes::UNKNOWN_STATEMENT,
                        format!("only `{word}` stands here"),
                    )
                    .at(statement.span, "something else")
                    .help(format!("it is written `{form}`")),
                );
            }
        }
        out
    }

    /// The tests of the program, in source order.
    pub(super) fn tests(&mut self, rules: &[Rule]) -> Vec<Test> {
        let rules: Vec<(SmolStr, Kind)> = rules
            .iter()
            .map(|rule| (rule.name.value.clone(), rule.kind))
            .collect();
        let mut tests: Vec<Test> = Vec::new();
        for statement in self.index.tests.clone() {
            let Some(test) = self.test(statement, &rules) else {
                continue;
            };
            let name = Ident {
                text: test.name.value.as_str().into(),
                span: test.name.span(),
            };
            let first = tests
                .iter()
                .find(|known| known.name.value == test.name.value)
                .map(|known| known.name.span());
            if self.is_new(first, &name, "test") {
                tests.push(test);
            }
        }
        tests
    }

    fn test(&mut self, statement: &'a Statement, rules: &[(SmolStr, Kind)]) -> Option<Test> {
        let form = properties::word("test", BlockKind::Program).map_or("", |w| w.form);
        let mut args = Args::new(&statement.args[1..], statement.span, form);
        let written = args.need_expr("the test's name in quotes", &mut self.diagnostics)?;
        let block = args.block();
        let Some(name) = plain_text(written) else {
            self.report(
                Diagnostic::new(
                    &codes::WRONG_SHAPE,
                    "the test's name in quotes is expected here",
                )
                .at(written.span, "something else")
                .help(format!("it is written `{form}`")),
            );
            return None;
        };
        args.finish(&mut self.diagnostics);
        let block = block.filter(|block| !block.statements.is_empty());
        if name.trim().is_empty() || block.is_none() {
            let (message, label) = if name.trim().is_empty() {
                ("this test has no name", "nothing in it")
            } else {
                ("this test has no `expect`", "no `expect`")
            };
            self.report(
                Diagnostic::new(&codes::EMPTY_TEST, message)
                    .at(written.span, label)
                    .help(format!("it is written `{form}`")),
            );
            return None;
        }
        let mut expectations = Vec::new();
        for (mut args, _) in self.statements(block?, "expect", "expect EXPR") {
            let Some(expr) = args.need_expr("what must hold", &mut self.diagnostics) else {
                continue;
            };
            args.finish(&mut self.diagnostics);
            let scope = Scope::default();
            let mut lowering = Lowering::new(self.conditions(Some(rules)), &scope);
            let condition = lowering.fitted(expr, &Type::Bool);
            let names_platform = lowering.context.names_platform;
            let Some(condition) = condition else { continue };
            if !names_platform {
                self.report(
                    Diagnostic::new(
                        &codes::EMPTY_TEST,
                        "this expectation does not refer to the platform",
                    )
                    .at(expr.span, "always the same")
                    .help("name a namespace, a service, `platform.services` or a rule"),
                );
            }
            expectations.push(Expectation {
                condition,
                span: expr.span,
            });
        }
        Some(Test {
            name: Sourced::declared(name.to_owned(), written.span),
            expectations,
            left_out: 0,
        })
    }
}

fn rule_form() -> &'static str {
    properties::word("rule", BlockKind::Program).map_or("", |w| w.form)
}

/// The parameters in the head of a template.
fn parameters(head: &Expr) -> &[Argument] {
    match &head.kind {
        ExprKind::Call(call) => &call.args,
        _ => &[],
    }
}
