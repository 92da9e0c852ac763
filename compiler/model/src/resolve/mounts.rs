//! What is mounted into a service: volumes, configuration files, secrets; and its ports.

use super::settings::{Setting, Settings};
use super::state::Resolver;
use crate::eval::Evaluator;
use crate::platform::{NamespaceId, Port, SecretMount};
use crate::properties::Place;
use crate::statements::Reader;

impl<'a> Resolver<'a> {
    /// The ports that the settings declare; `sidecar` listens on them, or the main container.
    pub(super) fn ports(&mut self, settings: &Settings<'a>, sidecar: Option<u32>) -> Vec<Port> {
        self.read_keyed(settings, "port", |reader| Port::read(reader, sidecar))
    }

    /// What the statements of a word declare, each key once.
    pub(super) fn read_keyed<T>(
        &mut self,
        settings: &Settings<'a>,
        word: &str,
        read: impl Fn(&mut Reader<'_, 'a>) -> Option<T>,
    ) -> Vec<T> {
        let tops = settings.of(word).filter_map(|stack| stack.last());
        let each = tops.filter_map(|setting| {
            let mut args = setting.args();
            read(&mut self.reader(setting, &mut args))
        });
        each.collect()
    }

    pub(super) fn secret_mounts(
        &mut self,
        settings: &Settings<'a>,
        namespace: Option<NamespaceId>,
    ) -> Vec<SecretMount> {
        let mounts = self.read_keyed(settings, "secret", |reader| {
            let name = reader.name("the secret's name")?;
            reader.keyword("at")?;
            let at = reader.last("the folder in quotes")?;
            Some((name, reader.value(at, Evaluator::text)))
        });
        let each = mounts.into_iter().filter_map(|(name, at)| {
            let secret = self.secret(&name, namespace)?;
            Some(SecretMount { secret, at: at? })
        });
        each.collect()
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
