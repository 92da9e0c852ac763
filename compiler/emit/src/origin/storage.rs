//! Fields of ConfigMaps, claims and storage classes.

use erpc_model::{Config, StorageClass, Volume};

use super::{Answer, Cause, Context, Part::Key as K, Path, always, one};

pub(super) fn of_object(context: &Context<'_>) -> Answer {
    if let Some(class) = class(context).filter(|_| context.service.is_none()) {
        return one(Cause::said("the cluster says `create`", &class.name));
    }
    if let Some(config) = config(context).filter(|_| context.object.kind() == "ConfigMap") {
        return one(Cause::said("a `config` is a ConfigMap", &config.name));
    }
    let volume = volume(context)?;
    one(Cause::said(
        "a shared volume is one claim for all replicas",
        &volume.name,
    ))
}

fn config<'c>(context: &Context<'c>) -> Option<&'c Config> {
    let mut configs = context.of_service()?.configs.iter();
    configs.find(|config| config.name.value == context.object.name())
}

fn volume<'c>(context: &Context<'c>) -> Option<&'c Volume> {
    let mut volumes = context.of_service()?.volumes.iter();
    volumes.find(|volume| volume.name.value == context.object.name())
}

fn class<'c>(context: &Context<'c>) -> Option<&'c StorageClass> {
    let mut classes = context.platform.cluster().storage.iter();
    classes.find(|class| class.name.value == context.object.name())
}

pub(super) fn of_config_map(context: &Context<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("data"), K(name)] => {
            let mut files = config(context)?.files.iter();
            let (_, content) = files.find(|(file, _)| file == name)?;
            one(Cause::said("a file of the `config`", content))
        }
        _ => None,
    }
}

pub(super) fn of_claim(context: &Context<'_>, path: Path<'_>) -> Answer {
    match path {
        [K("spec"), rest @ ..] => claim(context, volume(context)?, rest),
        _ => None,
    }
}

/// Behind `spec` of a claim.
pub(super) fn claim(context: &Context<'_>, volume: &Volume, path: Path<'_>) -> Answer {
    match path {
        [K("accessModes"), ..] if volume.shared => {
            one(Cause::said("`shared`: all replicas write it", &volume.name))
        }
        [K("accessModes"), ..] => one(Cause::said("each replica has its own", &volume.name)),
        [K("resources"), ..] => one(Cause::said("its size", &volume.size)),
        [K("storageClassName")] => match &volume.class {
            Some(class) => one(Cause::said("its storage class", class)),
            None => {
                let mut classes = context.platform.cluster().storage.iter();
                let default = classes.find(|class| class.is_default)?;
                one(Cause::said(
                    "the default class of the cluster",
                    &default.name,
                ))
            }
        },
        _ => None,
    }
}

pub(super) fn of_class(context: &Context<'_>, path: Path<'_>) -> Answer {
    let class = class(context)?;
    let why = match path {
        [K("provisioner")] => "`provisioner`",
        [K("reclaimPolicy")] => "`reclaim`, by default `retain`",
        [K("volumeBindingMode")] => "`wait`, at once where it is not said",
        [K("allowVolumeExpansion")] => "volumes of this provisioner can grow",
        _ => return None,
    };
    if class.create.is_none() {
        return always(why);
    }
    one(Cause::said(why, &class.name))
}
