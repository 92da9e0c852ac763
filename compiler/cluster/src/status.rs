//! How every service is against its declaration: read once, or followed by watches. Writes nothing.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use erpc_model::ServiceId;
use serde_json::{Value, json};

use crate::call::Call;
use crate::claims::{self, Growing};
use crate::client::Cluster;
use crate::failure::{ApiError, Failure};
use crate::object::ObjectId;
use crate::paint::Paint;
use crate::program::Program;
use crate::ready::{State, Symptoms, Target, assess, is_ready, statuses};
use crate::watch::Observed;
use crate::{live, workload};
use erpc_emit::Kind;

/// How a service is, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// As declared.
    Ready,
    /// In progress.
    Rolling,
    /// It will not get there by itself.
    Stalled,
    /// Its workload is in the cluster without the label of the platform.
    Unlabelled,
    /// Its workload is not in the cluster.
    Missing,
}

impl Condition {
    /// As it is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Rolling => "rolling",
            Self::Stalled => "stalled",
            Self::Unlabelled => "unlabelled",
            Self::Missing => "missing",
        }
    }
}

/// One service.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub service: String,
    /// How it is.
    pub condition: Condition,
    /// Pods that serve.
    pub ready: usize,
    /// Pods that there are.
    pub pods: usize,
    /// Pods that are wanted.
    pub wanted: i64,
    /// How often its containers were started again.
    pub restarts: i64,
    /// The image of its main container, as the cluster has it.
    pub image: String,
    /// Its claims: `data 5Gi Bound`.
    pub volumes: Vec<String>,
    /// Its autoscaler: `2..5`.
    pub scale: Option<String>,
    /// Why it is not ready.
    pub why: Option<String>,
    /// What to do.
    pub help: Option<String>,
    /// Where it is declared.
    pub source: Option<String>,
}

/// The lists that no watch keeps.
struct Extras {
    claims: Vec<Value>,
    /// Those that are smaller than declared.
    growing: BTreeMap<ObjectId, Growing>,
    scalers: Vec<Value>,
}

/// Follows a platform until it is dropped.
pub struct Status<'p> {
    cluster: Arc<Cluster>,
    program: &'p Program<'p>,
    observed: Observed,
    symptoms: Symptoms,
}

impl<'p> Status<'p> {
    /// Starts to look. With `is_one_look` what is wrong now counts as wrong for long.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub async fn start(
        cluster: &Arc<Cluster>,
        program: &'p Program<'p>,
        is_one_look: bool,
    ) -> Result<Self, Failure> {
        let observed =
            Observed::start(cluster, program, &program.selector(), &namespaces(program)).await?;
        let clock = cluster.clock.clone();
        let symptoms = if is_one_look {
            Symptoms::of_one_look(clock)
        } else {
            Symptoms::new(clock)
        };
        let mut status = Self {
            cluster: Arc::clone(cluster),
            program,
            observed,
            symptoms,
        };
        status.wait_until_read().await?;
        if is_one_look {
            // The second look sees the warnings that the first one asked for.
            let rows = status.rows().await?;
            if rows.iter().any(|row| row.condition != Condition::Ready) {
                status.observed.read_warnings_now(cluster).await;
            }
        }
        Ok(status)
    }

    async fn wait_until_read(&mut self) -> Result<(), Failure> {
        for _ in 0..600 {
            if let Some(failure) = self.observed.trouble() {
                return Err(failure);
            }
            if self.observed.is_read() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(
            Failure::new("the workloads and pods could not be read within 30 s")
                .help("`erpc doctor` looks for the reason"),
        )
    }

    /// All services, by namespace and name.
    ///
    /// # Errors
    ///
    /// The cluster's.
    pub async fn rows(&mut self) -> Result<Vec<Row>, Failure> {
        let namespaces = namespaces(self.program);
        let claims = optional(
            live::list(&self.cluster, Kind::PersistentVolumeClaim, "", &namespaces).await,
        )?;
        let growing = claims::growing_of(&self.cluster, self.program, &claims).await?;
        let extras = Extras {
            claims,
            growing: growing
                .into_iter()
                .map(|one| (one.id.clone(), one))
                .collect(),
            scalers: optional(
                live::list(
                    &self.cluster,
                    Kind::HorizontalPodAutoscaler,
                    &self.program.selector(),
                    &namespaces,
                )
                .await,
            )?,
        };
        let services: Vec<ServiceId> = self.program.platform.services().map(|(id, _)| id).collect();
        let mut rows: Vec<Row> = services
            .into_iter()
            .map(|id| self.row(id, &extras))
            .collect();
        for row in rows
            .iter_mut()
            .filter(|row| row.condition == Condition::Missing)
        {
            self.look_without_label(row).await?;
        }
        Ok(rows)
    }

    /// A workload that no list by label has may be there without the label.
    async fn look_without_label(&self, row: &mut Row) -> Result<(), Failure> {
        let platform = self.program.platform;
        let found = platform.services().find(|(_, service)| {
            service.name.value == row.service.as_str()
                && platform[service.namespace].name.value == row.namespace.as_str()
        });
        let Some((service, _)) = found else {
            return Ok(());
        };
        let Some(desired) = self.program.workload(service) else {
            return Ok(());
        };
        let id = &desired.id;
        let live = match self.cluster.call(Call::get(id.path())).await {
            Ok(answer) => answer.body,
            Err(error) if error.is_not_found() || error.code() == Some(403) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        row.condition = Condition::Unlabelled;
        row.wanted = live["spec"]["replicas"].as_i64().unwrap_or(1);
        row.image = image(&live, &platform[service].main.name.value);
        row.why = Some(format!(
            "{} {} exists but lacks the label {}, so that erpc does not see its state",
            id.kind,
            id.name,
            self.program.selector()
        ));
        row.help =
            Some("`erpc apply` restores the label; `erpc drift` shows who removed it".to_owned());
        Ok(())
    }

    fn row(&mut self, id: ServiceId, extras: &Extras) -> Row {
        let platform = self.program.platform;
        let service = &platform[id];
        let namespace = platform[service.namespace].name.value.to_string();
        let name = service.name.value.to_string();
        let target = Target {
            startup: Duration::ZERO,
            ..Target::of(self.program, id, 0)
        };
        let kind = target.id.kind;
        let watched = target.watched();
        let workload = target.id.name.to_string();
        let live = watched.and_then(|watched| self.observed.get(watched, &namespace, &workload));
        let (condition, why, help) = match (&live, watched) {
            (None, Some(_)) => (
                Condition::Missing,
                Some(format!("there is no {kind} {workload}")),
                Some("`erpc apply` makes it".to_owned()),
            ),
            _ => match assess(&target, &self.observed, &mut self.symptoms) {
                State::Ready => (Condition::Ready, None, None),
                State::Waiting(text) => (Condition::Rolling, Some(text), None),
                State::Stalled(stall) => {
                    (Condition::Stalled, Some(stall.message), Some(stall.help))
                }
            },
        };
        let volumes = volumes(extras, &namespace, service);
        let mut growing = extras.growing.values().filter(|growing| {
            growing.id.namespace.as_deref() == Some(&namespace)
                && volumes.iter().any(|volume| *volume == growing.brief())
        });
        let why = why.or_else(|| {
            let growing = growing.next()?;
            Some(format!("{}: {}", growing.id.name, growing.why()))
        });
        let row = workload::of_kind(kind);
        let pods = row.map(|row| row.pods(&self.observed, &namespace, &workload));
        let pods = pods.unwrap_or_default();
        let live = live.unwrap_or_default();
        let restarts = pods
            .iter()
            .flat_map(statuses)
            .map(|status| status["restartCount"].as_i64().unwrap_or(0))
            .sum();
        Row {
            ready: pods.iter().filter(|pod| is_ready(pod)).count(),
            pods: pods.len(),
            wanted: row.map_or(0, |row| row.wanted(&live)),
            restarts,
            image: image(&live, &service.main.name.value),
            volumes,
            scale: scale(&extras.scalers, &namespace, &name),
            condition,
            why,
            help,
            source: self.program.place_of_service(id),
            namespace,
            service: name,
        }
    }
}

fn namespaces(program: &Program<'_>) -> Vec<String> {
    let namespaces = program.platform.namespaces();
    namespaces
        .map(|(_, namespace)| namespace.name.value.to_string())
        .collect()
}

/// A list that an account may not read is an empty one here.
fn optional(list: Result<Vec<Value>, ApiError>) -> Result<Vec<Value>, Failure> {
    match list {
        Err(error) if error.code() == Some(403) => Ok(Vec::new()),
        list => list.map_err(Failure::from),
    }
}

fn image(live: &Value, container: &str) -> String {
    let containers = live["spec"]["template"]["spec"]["containers"].as_array();
    let main = containers
        .into_iter()
        .flatten()
        .find(|of| of["name"] == container);
    let image = main.and_then(|main| main["image"].as_str());
    image.unwrap_or_default().to_owned()
}

fn volumes(extras: &Extras, namespace: &str, service: &erpc_model::Service) -> Vec<String> {
    let mut out = Vec::new();
    for volume in &service.volumes {
        let volume_name = &volume.name.value;
        let wanted = if service.has_one_claim(volume) {
            volume_name.to_string()
        } else {
            format!("{volume_name}-{}-", service.workload_name().value)
        };
        let claims = extras.claims.iter();
        for claim in claims.filter(|claim| claim["metadata"]["namespace"] == namespace) {
            let claim_name = claim["metadata"]["name"].as_str().unwrap_or_default();
            let is_ours = if service.has_one_claim(volume) {
                claim_name == wanted
            } else {
                let number = claim_name.strip_prefix(&wanted);
                number.is_some_and(|number| number.parse::<u32>().is_ok())
            };
            let id = ObjectId::of(Kind::PersistentVolumeClaim, claim);
            if let Some(growing) = extras.growing.get(&id).filter(|_| is_ours) {
                out.push(growing.brief());
            } else if is_ours {
                let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
                out.push(format!(
                    "{claim_name} {} {}",
                    text(&claim["spec"]["resources"]["requests"]["storage"]),
                    text(&claim["status"]["phase"])
                ));
            }
        }
    }
    out
}

fn scale(scalers: &[Value], namespace: &str, name: &str) -> Option<String> {
    let scaler = scalers.iter().find(|scaler| {
        scaler["metadata"]["namespace"] == namespace
            && scaler["spec"]["scaleTargetRef"]["name"] == name
    })?;
    let number = |value: &Value| value.as_i64().unwrap_or(1);
    let conditions = scaler["status"]["conditions"].as_array();
    let is_blind = conditions
        .into_iter()
        .flatten()
        .any(|c| c["type"] == "ScalingActive" && c["status"] == "False");
    Some(format!(
        "{}..{}{}",
        number(&scaler["spec"]["minReplicas"]),
        number(&scaler["spec"]["maxReplicas"]),
        if is_blind { " no metrics" } else { "" }
    ))
}

/// Whether every service is ready.
#[must_use]
pub fn is_healthy(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.condition == Condition::Ready)
}

/// A table for people, with Running/Total for each namespace.
#[must_use]
pub fn status_text(rows: &[Row], paint: Paint) -> String {
    let mut out = String::new();
    let mut namespaces: BTreeMap<&str, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        namespaces.entry(&row.namespace).or_default().push(row);
    }
    let name = rows.iter().map(|row| row.service.len()).max().unwrap_or(0);
    for (namespace, rows) in namespaces {
        let running: usize = rows.iter().map(|row| row.ready).sum();
        let total: i64 = rows.iter().map(|row| row.wanted).sum();
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "{}  {running}/{total} pods running",
            paint.with("1", namespace)
        );
        for row in rows {
            write_row(&mut out, row, name, paint);
        }
    }
    let unwell = rows
        .iter()
        .filter(|row| row.condition != Condition::Ready)
        .count();
    let _ = match unwell {
        0 => writeln!(out, "\nall {} services are ready", rows.len()),
        1 => writeln!(out, "\n1 of {} services is not ready", rows.len()),
        more => writeln!(out, "\n{more} of {} services are not ready", rows.len()),
    };
    out
}

fn write_row(out: &mut String, row: &Row, name: usize, paint: Paint) {
    let (sign, code) = match row.condition {
        Condition::Ready => ("✓", "32"),
        Condition::Rolling => ("…", "33"),
        Condition::Stalled | Condition::Unlabelled | Condition::Missing => ("✗", "31"),
    };
    let mut facts = Vec::new();
    if row.restarts > 0 {
        facts.push(format!("{} restarts", row.restarts));
    }
    if let Some(scale) = &row.scale {
        facts.push(format!("scale {scale}"));
    }
    facts.extend(row.volumes.iter().cloned());
    let _ = writeln!(
        out,
        "  {} {:name$}  {:>7}  {}",
        paint.with(code, sign),
        row.service,
        format!("{}/{}", row.ready, row.wanted),
        paint.with(
            "2",
            format!("{}  {}", row.image, facts.join("  ")).trim_end()
        ),
    );
    if let Some(why) = &row.why {
        let source = row.source.as_deref().unwrap_or_default();
        let _ = writeln!(out, "      {why}  {}", paint.with("2", source));
    }
    if let Some(help) = &row.help {
        let _ = writeln!(out, "      help: {help}");
    }
}

/// The same for programs.
#[must_use]
pub fn status_json(rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({
                "namespace": row.namespace, "service": row.service,
                "condition": row.condition.as_str(), "ready": row.ready, "pods": row.pods,
                "wanted": row.wanted, "restarts": row.restarts, "image": row.image,
                "volumes": row.volumes, "scale": row.scale, "why": row.why, "help": row.help,
                "source": row.source,
            })
        })
        .collect();
    json!({ "version": 1, "services": rows })
}
