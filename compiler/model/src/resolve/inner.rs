//! The blocks of sidecars and init containers.

use smol_str::SmolStr;

use super::settings::{ByPath, Setting, Settings};
use super::state::Resolver;
use crate::platform::Port;
use crate::properties::{self, BlockKind};

impl<'a> Resolver<'a> {
    /// The ports of a sidecar.
    pub(super) fn ports_of_sidecar(&mut self, settings: &Settings<'a>, sidecar: u32) -> Vec<Port> {
        let tops = settings.of("port").filter_map(|stack| stack.last());
        let ports = tops.filter_map(|setting| {
            let mut args = setting.args();
            Port::read(&mut self.reader(setting, &mut args), Some(sidecar))
        });
        ports.collect()
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
