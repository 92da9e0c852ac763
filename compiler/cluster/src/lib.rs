//! erpc against a cluster: plan, apply, status, drift, destroy. The only crate with a network, and
//! the only one with asynchronous code; the commands call it through functions that block.
//!
//! [`Cluster`] is the way to the API server, [`Program`] a platform with its objects, [`Plan`] what
//! would change.

mod access;
mod additions;
mod adopt;
mod allowed;
mod apply;
mod call;
mod change;
mod claims;
mod client;
mod clock;
mod connect;
mod dataflow;
mod destroy;
mod diff;
mod discovery;
mod doctor;
mod drift;
mod dry_run;
mod equal;
mod estimate;
mod existing;
mod explain;
mod failure;
mod flows;
mod history;
mod hold;
mod identity;
mod inventory;
mod known;
mod kubeconfig;
mod limiter;
mod list;
mod live;
mod lock;
mod managed;
mod manager;
mod masters;
mod moves;
mod mutex;
mod narrowed;
mod node_ports;
mod object;
mod origin;
mod owner;
mod paint;
mod path;
mod permissions;
mod plan;
mod ports;
mod probe;
mod program;
mod progress;
mod proxy;
mod quantity;
mod quota;
mod rbac;
mod ready;
mod release;
mod render;
mod request;
mod saved;
mod secrets;
mod selection;
mod severity;
mod state;
mod status;
mod stop;
mod takeover;
mod taking;
mod transport;
mod verdict;
mod watch;
mod workload;

pub use additions::{Addition, additions};
pub use adopt::{Adoptable, TOOLS, adopt, adoptable};
pub use allowed::Allowed;
pub use apply::{ApplyOptions, ApplyResult, NotDone, OnFailure, Outcome, apply, changes};
pub use call::{Answer, Call, Verb};
pub use change::{Action, Moved, ObjectChange, VolumeMove};
pub use client::Cluster;
pub use destroy::{
    DestroyOptions, Destroyed, Destruction, DoomedNamespace, Foreign, Target, Volume, destroy,
    known_namespaces,
};
pub use diff::{FieldChange, differences};
pub use doctor::{Check, doctor, doctor_json, doctor_text, is_fit};
pub use drift::{Difference, Drift, Drifts, drift, drift_json, drift_text};
pub use equal::is_certainly_equal;
pub use erpc_emit::Kind;
pub use existing::{Existing, existing};
pub use failure::{ApiError, Cause, Failure, Refusal};
pub use flows::FlowChanges;
pub use history::{
    History, HistoryEntry, HistoryResult, MOST_KEPT, SourceRevision, SourceSnapshot, StoredRelease,
};
pub use inventory::{Intent, Inventory, Meta};
pub use known::{By, KNOWN, Known, Table, Usual, known_page};
pub use kubeconfig::Access;
pub use live::{Live, MissingSecret};
pub use lock::{Holder, Lock, holder, unlock};
pub use managed::Owner;
pub use manager::FieldManager;
pub use object::{MANAGED_BY, ObjectId, PART_OF, TOOL};
pub use paint::{Detail, Paint};
pub use path::{FieldPath, Segment};
pub use permissions::Right;
pub use plan::{LeftOut, Plan};
pub use probe::{
    Attempt, Expects, PROBE_IMAGE, Probe, ProbeOutcome, Probed, Prober, Seen, probe_json,
    probe_text, run as run_probe,
};
pub use program::{Desired, Program};
pub use progress::{Event, Progress, Show};
pub use rbac::{Subject, Task, limits, rbac, rights};
pub use ready::{Stall, State};
pub use release::{Handover, Mark, Release, hand_over, handovers};
pub use render::{human, markdown, summary, to_json};
pub use saved::{read as read_saved, save};
pub use severity::Severity;
pub use state::STATE_NAMESPACE;
pub use status::{Condition, Row, Status, is_healthy, status_json, status_text};
pub use stop::Stop;
pub use taking::Taking;
pub use verdict::Verdict;

/// Runs what waits for a network to its end, on this thread. Connections, timers and what runs beside, as
/// the renewal of a lock, have a thread of their own: the command's own work must not delay them.
///
/// # Errors
///
/// The system has no resources for the event loop.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, Failure> {
    let no_loop =
        |error: std::io::Error| Failure::new(format!("the event loop cannot start: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(no_loop)?;
    let handle = runtime.handle().clone();
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let network = std::thread::Builder::new()
        .name("network".to_owned())
        .spawn(move || {
            // It ends when the other side is dropped, also by a panic.
            runtime.block_on(ended).unwrap_or_default();
            // What still waits for an answer is not waited for.
            runtime.shutdown_background();
        })
        .map_err(no_loop)?;
    let output = handle.block_on(future);
    drop(end);
    match network.join() {
        Ok(()) => Ok(output),
        Err(_) => Err(Failure::new("the event loop has panicked")),
    }
}
