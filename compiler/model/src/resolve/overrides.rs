//! What profiles set, laid over the settings of an owner: the statements of their blocks, and `PATH = VALUE`, which
//! sets a statement, or a part of one, of all owners that the path means. Of two lines of one profile the one with
//! fewer `*` counts.

use std::rc::Rc;

use erpc_diagnostics::{Diagnostic, Span, codes};
use erpc_syntax::tree::Arg;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::paths::HOST;
use super::settings::{ByPath, Setting, Settings, Slot, is_off_word};
use super::state::{Declared, DeclaredAbove, Resolver};
use super::under::{Applied, Line, Meant, Override, Owner};
use crate::eval::Scope;
use crate::ids::UseId;
use crate::origin::Via;
use crate::platform::ProfileId;
use crate::properties::{BlockKind, Merge};
use crate::statements::{ServiceProperties, Statements};

/// A setting of one layer, before it is laid over the others.
struct Candidate<'a> {
    setting: Setting<'a>,
    stars: usize,
}

impl Candidate<'_> {
    /// Where messages point at.
    fn span(&self) -> Span {
        match self.setting.path {
            Some(_) => self.setting.statement.args[0].span(),
            None => self.setting.statement.span,
        }
    }

    fn is_off(&self) -> bool {
        self.setting.off().is_some()
    }

    /// What it sets.
    fn key(&self) -> (&'static str, SmolStr, Option<SmolStr>) {
        let Slot { word, key } = self.setting.slot();
        (word, key, part_of(&self.setting))
    }
}

/// The part of a statement that a path sets.
fn part_of(setting: &Setting<'_>) -> Option<SmolStr> {
    let first = setting.path?.rest.first()?;
    first.as_name().cloned()
}

impl<'a> Resolver<'a> {
    /// Lays what the profiles say over the settings of an owner.
    pub(super) fn lay_profiles(
        &mut self,
        settings: &mut Settings<'a>,
        owner: Option<Owner>,
        declared: &Declared<'a>,
        place: BlockKind,
        scope: &Rc<Scope>,
        uses: &mut Vec<UseId>,
    ) {
        let of_owner = match owner {
            Some(Owner::Platform) => Some(&self.profile.of_platform),
            Some(Owner::Namespace(id)) => self.profile.of_namespaces.get(&id),
            Some(Owner::Service(id)) => self.profile.of_services.get(&id),
            None => None,
        };
        let overrides: Vec<usize> = of_owner.cloned().unwrap_or_default();
        let is_platform = owner == Some(Owner::Platform);
        if declared.above.is_empty() && overrides.is_empty() && !is_platform {
            return;
        }
        for (layer, profile) in self.profile.layers.clone().into_iter().enumerate() {
            let via = Via::Profile(profile);
            let mut own = Vec::new();
            let of_profile = |above: &&DeclaredAbove<'_>| above.profile == profile;
            for above in declared.above.iter().filter(of_profile) {
                let components = self.settings(&above.bases, None, place, scope, uses);
                settings.lay(components, self.rank(via));
                own.extend(self.own_settings(above.block, place, scope, via));
            }
            if is_platform {
                own.extend(self.statements_of_platform(profile, scope));
            }
            // What the blocks of the profile add is there for its paths.
            let added: Vec<Slot> = own.iter().map(Setting::slot).collect();
            let own = own.into_iter();
            let mut candidates: Vec<Candidate<'a>> =
                own.map(|setting| Candidate { setting, stars: 0 }).collect();
            for number in &overrides {
                let line = &self.profile.overrides[*number];
                let has_schedule = declared.every.is_some();
                if line.layer == layer && is_applicable(settings, &added, line, place, has_schedule)
                {
                    let setting = self.setting_of(*number, profile, scope);
                    candidates.extend(setting);
                }
            }
            self.lay(settings, owner, candidates, place);
        }
        settings.tidy();
    }

    fn statements_of_platform(
        &mut self,
        profile: ProfileId,
        scope: &Rc<Scope>,
    ) -> Vec<Setting<'a>> {
        let mut of_profiles = self.profile.statements.iter();
        let found = of_profiles.find(|(id, _)| *id == profile);
        let statements = found.map_or_else(Vec::new, |(_, statements)| statements.clone());
        let via = Via::Profile(profile);
        self.settings_of(statements.into_iter(), BlockKind::Platform, scope, via)
    }

    fn setting_of(
        &mut self,
        number: usize,
        profile: ProfileId,
        scope: &Rc<Scope>,
    ) -> Option<Candidate<'a>> {
        let rank = self.rank(Via::Profile(profile));
        let line = &mut self.profile.overrides[number];
        let Meant::Statement(word, key, rest) = &line.meant else {
            return None;
        };
        // The routes are not known yet.
        line.is_matched |= word.name != HOST.name;
        Some(Candidate {
            stars: line.stars,
            setting: Setting {
                word,
                key: key.clone(),
                statement: line.statement,
                args: line.args,
                path: Some(ByPath { number, rest }),
                scope: Rc::clone(scope),
                via: Via::Profile(profile),
                rank,
            },
        })
    }

    /// Lays the settings of one profile over what is below.
    fn lay(
        &mut self,
        settings: &mut Settings<'a>,
        owner: Option<Owner>,
        mut candidates: Vec<Candidate<'a>>,
        place: BlockKind,
    ) {
        self.fixed_or_scaled(&mut candidates);
        for Candidate { setting, .. } in self.most_exact(candidates) {
            let line = match setting.path {
                Some(path) => Line::Path(path.number),
                None => Line::Statement(setting.statement.span),
            };
            let Some(off) = setting.off() else {
                // An external has the addresses that its highest layer says.
                if place == BlockKind::External && setting.word.merge == Merge::Append {
                    let below = |below: &Setting<'_>| below.rank < setting.rank;
                    settings.remove_of(setting.word.name, below);
                }
                if let Some(owner) = owner
                    && setting.word.name != HOST.name
                    && self.is_own(setting.via)
                {
                    self.profile.applied.push(Applied {
                        owner,
                        word: setting.word.name,
                        key: setting.key.clone(),
                        part: part_of(&setting),
                        line,
                    });
                }
                settings.push(setting);
                continue;
            };
            let is_useful = settings.clear(&off) || settings.is_partial;
            match line {
                Line::Path(number) => self.profile.overrides[number].is_useful |= is_useful,
                Line::Statement(span) if !is_useful && self.is_own(setting.via) => {
                    self.report_useless(span);
                }
                Line::Statement(_) => {}
            }
        }
    }

    fn is_own(&self, via: Via) -> bool {
        self.profile.layers.last().map(|id| Via::Profile(*id)) == Some(via)
    }

    /// Of the settings that set one thing the one with fewer `*` in its path.
    fn most_exact(&mut self, candidates: Vec<Candidate<'a>>) -> Vec<Candidate<'a>> {
        if candidates.len() < 2 {
            return candidates;
        }
        let mut best: Vec<Candidate<'a>> = Vec::with_capacity(candidates.len());
        let mut places: FxHashMap<_, usize> = FxHashMap::default();
        for candidate in candidates {
            let is_list = candidate.setting.word.merge == Merge::Append;
            let at = *places.entry(candidate.key()).or_insert(best.len());
            if is_list || at == best.len() {
                best.push(candidate);
                continue;
            }
            let other = &mut best[at];
            let is_same = self.value_text(&other.setting) == self.value_text(&candidate.setting);
            let (loser, winner) = if candidate.stars < other.stars {
                (std::mem::replace(other, candidate), &*other)
            } else {
                (candidate, &*other)
            };
            let (first, second) = (loser.span(), winner.span());
            let numbers = [&loser, winner].map(|one| one.setting.path.map(|path| path.number));
            let is_tie = loser.stars == winner.stars;
            for number in numbers.into_iter().skip(usize::from(!is_tie)).flatten() {
                // Both were looked at, or the winner keeps the value from what the other says.
                self.profile.overrides[number].is_useful |= is_tie || !is_same;
            }
            if is_tie && (!is_same || loser.stars == 0) {
                self.report(
                    Diagnostic::new(
                        &codes::PROFILE_CONFLICT,
                        "two lines of the profile set the same property with equal precedence",
                    )
                    .at(first, "set here")
                    .also(second, "and here")
                    .help("keep one of the two; a path with fewer `*` wins over one with more"),
                );
            }
        }
        best
    }

    /// The value as written.
    fn value_text(&self, setting: &Setting<'a>) -> &'a str {
        let (Some(first), Some(last)) = (setting.args.first(), setting.args.last()) else {
            return "";
        };
        self.loaded.sources.text(first.span().to(last.span()))
    }

    /// A fixed number and an autoscaler exclude each other: the path with fewer `*` wins.
    fn fixed_or_scaled(&mut self, candidates: &mut Vec<Candidate<'a>>) {
        let best = |word: &str| {
            let set = candidates.iter();
            let set = set.filter(|one| one.setting.word.name == word && !one.is_off());
            set.min_by_key(|one| one.stars)
        };
        let (Some(fixed), Some(scaled)) = (best("replicas"), best("scale")) else {
            return;
        };
        if fixed.stars == scaled.stars {
            let (fixed, scaled) = (fixed.span(), scaled.span());
            self.report(
                Diagnostic::new(
                    &codes::PROFILE_CONFLICT,
                    "`replicas` and `scale` are mutually exclusive",
                )
                .at(fixed, "a fixed number")
                .also(scaled, "an autoscaler owns the number")
                .help("keep one of the two"),
            );
        }
        let winner = if fixed.stars <= scaled.stars {
            fixed
        } else {
            scaled
        };
        for one in [fixed, scaled] {
            if let Some(path) = one.setting.path
                && one.stars == winner.stars
            {
                self.profile.overrides[path.number].is_useful = true;
            }
        }
        let loser = match winner.setting.word.name {
            "replicas" => "scale",
            _ => "replicas",
        };
        candidates.retain(|one| one.setting.word.name != loser || one.is_off());
    }

    /// Reports a line of the profile without which everything is the same.
    pub(super) fn report_useless(&mut self, line: Span) {
        let diagnostic = useless(&self.profile.name, line);
        self.report(diagnostic);
    }
}

/// That everything is the same without a line of a profile.
pub(super) fn useless(profile: &str, line: Span) -> Diagnostic {
    Diagnostic::new(
        &codes::PROFILE_CHANGES_NOTHING,
        format!("the profile `{profile}` changes nothing here"),
    )
    .at(line, "it is so without this line")
    .help("remove the line, or set another value")
}

/// Why a plain statement cannot stand in a service or job; `None` if it can.
pub(super) fn why_not(word: &str, place: BlockKind, has_schedule: bool) -> Option<&'static str> {
    let statement = ServiceProperties::statement(word)?;
    if !statement.word.places.contains(&place) {
        return Some(match place {
            BlockKind::Job => "it is a job",
            _ => "it is a service",
        });
    }
    let needs_schedule = ServiceProperties::OF_SCHEDULES.contains(&word);
    (needs_schedule && !has_schedule).then_some("it has no schedule")
}

/// Whether an owner has what a path sets.
fn is_applicable(
    settings: &Settings<'_>,
    added: &[Slot],
    line: &Override<'_>,
    place: BlockKind,
    has_schedule: bool,
) -> bool {
    let Meant::Statement(word, key, _) = &line.meant else {
        return false;
    };
    if settings.is_partial {
        return true;
    }
    let is_job = place == BlockKind::Job;
    // A path with `*` is about services whose pods are counted; one that names the service changes it.
    let has_count = !is_job && (line.stars == 0 || !settings.is_per_node());
    match word.name {
        "replicas" => has_count,
        "scale" => {
            let says_measures = line
                .args
                .iter()
                .any(|arg| super::container::is_word(arg, "on"));
            let is_off = matches!(line.args, [Arg::Expr(value)] if is_off_word(value));
            let is_scaled = settings.is_scaled() || added.iter().any(|slot| slot.word == "scale");
            has_count && (says_measures || is_off || is_scaled)
        }
        "volume" | "sidecar" | "init" => {
            let slot = Slot {
                word: word.name,
                key: key.clone(),
            };
            settings.get(&slot).is_some() || added.contains(&slot)
        }
        "host" => true,
        name => why_not(name, place, has_schedule).is_none(),
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{Fact, of_service};
    use crate::platform::ServiceId;
    use crate::program::{Files, ReadError};

    struct Text(String);

    impl Files for Text {
        fn read(&self, _: &str) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.clone().into_bytes())
        }
    }

    /// What the only service has for a word under a profile of these lines, over a component and its own statements.
    fn shown(word: &str, lines: &str) -> String {
        let program = Text(format!(
            "erp 1\n\
             platform p {{ version \"1\"; cluster c }}\n\
             cluster c {{ kubernetes 1.36 }}\n\
             component Base() {{ image \"a/b:1\"; cpu 1; memory 1Gi; env A = \"base\"; env B = \"base\"; scale 2..4 on cpu 75% }}\n\
             namespace n {{ service s is Base {{ env B = \"own\"; volume data 1Gi at \"/data\"; after t }}\n\
             service t is Base {{ }} }}\n\
             profile below {{ n.s.cpu = 2 }}\n\
             profile p is below {{ {lines} }}\n"
        ));
        let (loaded, _) = crate::load("platform.erp", &program);
        let resolved = crate::resolve(&loaded, &program);
        let found = resolved.diagnostics.as_slice();
        let messages: Vec<&str> = found.iter().map(|one| one.message.as_str()).collect();
        let platform = resolved.platform.expect("a platform");
        let under = platform.under_named("p").expect("the profile");
        let facts = of_service(&under, ServiceId(0));
        let fact = word.split('.').try_fold(None, |at: Option<&Fact>, name| {
            let children = at.map_or(facts.as_slice(), |fact| fact.children.as_slice());
            children.iter().find(|fact| fact.name == name).map(Some)
        });
        let value = fact.flatten().and_then(|fact| fact.value.as_ref());
        let value = value.map_or_else(|| "-".to_owned(), ToString::to_string);
        if messages.is_empty() {
            value
        } else {
            format!("{value} ({})", messages.join("; "))
        }
    }

    #[test]
    fn the_highest_layer_that_sets_a_property_counts() {
        let block = |lines: &str| format!("namespace n {{ service s {{ {lines} }} }}");
        for (word, lines, value) in [
            ("cpu", String::new(), "2"),
            ("cpu", "n.s.cpu = 3".to_owned(), "3"),
            ("cpu", block("cpu 3"), "3"),
            ("env.A", block("env B = \"new\""), "base"),
            ("env.B", block("env B = \"new\""), "new"),
            ("env.A", block("env A off"), "-"),
            ("env.B", block("env off"), "-"),
            (
                "volume.data",
                block("volume data 2Gi at \"/x\""),
                "2Gi at /x",
            ),
            (
                "volume.data",
                "n.s.volume.data = 2Gi".to_owned(),
                "2Gi at /data",
            ),
            ("volume.data", "n.s.volume.data = off".to_owned(), "-"),
            // What it is, it is once, whichever layers say so.
            (
                "is",
                "namespace n { service s is Base { cpu 3 } }".to_owned(),
                "Base",
            ),
        ] {
            assert_eq!(shown(word, &lines), value, "{word}: {lines}");
        }
    }

    #[test]
    fn a_path_with_fewer_stars_counts_and_a_block_has_none() {
        for (lines, value) in [
            ("*.*.cpu = 3; n.s.cpu = 4", "4"),
            ("n.s.cpu = 4; *.*.cpu = 3", "4"),
            ("*.*.cpu = 3; *.s.cpu = 5", "5"),
            ("*.*.cpu = 3; namespace n { service s { cpu 6 } }", "6"),
        ] {
            assert_eq!(shown("cpu", lines), value, "{lines}");
        }
    }

    #[test]
    fn a_number_of_pods_and_an_autoscaler_exclude_each_other() {
        for (word, lines, value) in [
            ("scale", "n.s.scale = 3..5", "3..5 on cpu 75%"),
            (
                "scale",
                "n.s.scale = 3..5 on memory 60%",
                "3..5 on memory 60%",
            ),
            ("replicas", "n.s.replicas = 3", "3"),
            ("scale", "n.s.replicas = 3", "-"),
            ("replicas", "n.s.scale = off", "1"),
        ] {
            assert_eq!(shown(word, lines), value, "{lines}");
        }
    }

    #[test]
    fn a_line_without_effect_is_found() {
        let useless = "the profile `p` changes nothing here";
        for (word, lines, value) in [
            ("cpu", "n.s.cpu = 2", "2"),
            (
                "env.B",
                "namespace n { service s { env B = \"own\" } }",
                "own",
            ),
            (
                "volume.tmp",
                "namespace n { service s { volume tmp off } }",
                "-",
            ),
            ("cpu", "n.s.volume.data = 1Gi", "2"),
        ] {
            assert_eq!(
                shown(word, lines),
                format!("{value} ({useless})"),
                "{lines}"
            );
        }
    }
}
