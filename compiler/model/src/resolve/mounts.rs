//! What is mounted into a service: volumes, configuration files, secrets; and its ports.

use smol_str::SmolStr;

use super::settings::{ByPath, Setting, Settings, statement_and_paths};
use super::state::Resolver;
use crate::eval::Evaluator;
use crate::platform::{NamespaceId, Port, SecretMount, Volume};
use crate::properties::{self, BlockKind};
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

    /// The volumes that the settings declare, with the sizes that paths of profiles set.
    pub(super) fn volumes(&mut self, settings: &Settings<'a>) -> Vec<Volume> {
        let volumes = settings.of("volume").filter_map(|stack| {
            let (statement, sizes) = statement_and_paths(stack);
            let mut args = statement?.args();
            let mut volume = Volume::read(&mut self.reader(statement?, &mut args))?;
            if let Some(setting) = sizes.last() {
                let mut args = setting.args();
                let mut reader = self.reader(setting, &mut args);
                volume.size = Volume::read_size(&mut reader)??;
                reader.finish();
            }
            Some(volume)
        });
        volumes.collect()
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
            BlockKind::Init
        } else {
            BlockKind::Sidecar
        };
        let stacks: Vec<Vec<Setting<'a>>> = settings.of(word).cloned().collect();
        let mut out = Vec::new();
        for stack in stacks {
            let mut layers = Settings::default();
            let mut last = None;
            for setting in stack {
                if let Some(own) = part_of_container(&setting, place) {
                    layers = self.overlay(vec![layers], vec![own]);
                    continue;
                }
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
                let own = self.own_settings(block, place, &setting.scope, setting.via);
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

/// What a path of a profile sets of a sidecar or init container.
fn part_of_container<'a>(setting: &Setting<'a>, place: BlockKind) -> Option<Setting<'a>> {
    let path = setting.path?;
    let (first, rest) = path.rest.split_first()?;
    let word = properties::word(first.as_name()?, place)?;
    Some(Setting {
        word,
        key: SmolStr::default(),
        path: Some(ByPath { rest, ..path }),
        ..setting.clone()
    })
}
