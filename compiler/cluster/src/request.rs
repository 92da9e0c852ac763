//! One call to the API server, tried again where that helps: the table of answers in
//! `docs/apply.md` is this file. Every call has a time limit of its own, because the client
//! library has none for reading.

use std::time::{Duration, Instant};

use http::StatusCode;
use http_body_util::BodyExt;
use serde_json::Value;

use crate::call::{Answer, Call};
use crate::client::Cluster;
use crate::failure::{ApiError, Refusal};

/// What one try gave.
enum Try {
    Done(Answer),
    /// The answer is final.
    Final(ApiError),
    /// It may go better next time, after this pause at the least.
    Again(ApiError, Option<Duration>),
    /// The credentials may have been renewed.
    Unauthorized(ApiError),
}

const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(30);
/// A webhook that does not answer for so long is named instead.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(30);
/// A delay that lasts so long is shown.
const SHOWN_AFTER: Duration = Duration::from_secs(5);

impl Cluster {
    /// Sends a call, again and again where the answer says that this may help.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub async fn call(&self, call: Call) -> Result<Answer, ApiError> {
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut has_renewed = false;
        let mut is_shown = false;
        loop {
            let (error, at_least) = match self.try_once(&call).await {
                Try::Done(answer) => return Ok(answer),
                Try::Final(error) => return Err(error),
                Try::Unauthorized(error) if has_renewed => return Err(error),
                Try::Unauthorized(error) => {
                    self.renew().await.map_err(|why| error.because(&why))?;
                    has_renewed = true;
                    continue;
                }
                Try::Again(error, at_least) => (error, at_least),
            };
            let is_webhook = error.refusal().is_some_and(|r| r.dead_webhook().is_some());
            let patience = self.patience();
            let limit = if is_webhook {
                patience.min(WEBHOOK_PATIENCE)
            } else {
                patience
            };
            let left = limit.saturating_sub(started.elapsed());
            let at_least = at_least.unwrap_or_default();
            if self.is_stopping() || left.is_zero() || at_least > left {
                return Err(error);
            }
            // Full jitter, so that many clients do not come back at once. The last try is at the limit, so
            // that no outage that is shorter ends a call.
            let jittered = pause.mul_f64(0.1 + 0.9 * fastrand::f64());
            let wait = jittered.max(at_least).min(left);
            if started.elapsed() > SHOWN_AFTER && !is_shown {
                is_shown = true;
                self.say(error.to_string());
            }
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Sends a call once, and once more with new credentials where the server asks for them.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub(crate) async fn attempt(&self, call: &Call) -> Result<Answer, ApiError> {
        let ended = |tried: Try| match tried {
            Try::Done(answer) => Ok(answer),
            Try::Final(error) | Try::Again(error, _) | Try::Unauthorized(error) => Err(error),
        };
        match self.try_once(call).await {
            Try::Unauthorized(error) => {
                self.renew().await.map_err(|why| error.because(&why))?;
                ended(self.try_once(call).await)
            }
            tried => ended(tried),
        }
    }

    /// Looks whether the server is there, for the clock alone: what it answers does not matter.
    pub(crate) async fn glance(&self) {
        self.try_once(&Call::get("/version").urgent()).await;
    }

    /// Says what a call waits for.
    pub(crate) fn say(&self, text: String) {
        if let Some(to) = self.trouble().as_ref()
            && to.send(text).is_err()
        {
            // The run has ended, and no task waits for it.
        }
    }

    async fn try_once(&self, call: &Call) -> Try {
        let guard = match call.needs_lock() {
            true => self.guard(),
            false => None,
        };
        // Also before each further try: the lock may have become another's during an outage.
        if let Some(guard) = guard
            && let Err(why) = guard.until_ours().await
        {
            return Try::Final(ApiError::Unreachable(why));
        }
        let slot = match call.is_urgent {
            true => None,
            false => Some(self.limiter.slot().await),
        };
        self.count(call.verb, call.is_dry_run);
        let started = Instant::now();
        let result = tokio::time::timeout(call.limit(), self.exchange(call)).await;
        drop(slot);
        let took = started.elapsed();
        let tried = match result {
            Err(_) => {
                self.clock.missed();
                let seconds = call.limit().as_secs();
                let error = ApiError::Unreachable(format!("no answer within {seconds} s"));
                again_if(call.is_idempotent(), error)
            }
            Ok(Err(lost)) => {
                if lost.never_arrived {
                    self.clock.missed();
                }
                again_if(call.is_idempotent() || lost.never_arrived, lost.error)
            }
            Ok(Ok(raw)) => {
                self.clock.heard();
                judge(call, raw)
            }
        };
        let suffers = match &tried {
            Try::Again(ApiError::Refused(refusal), _) => refusal.code == 429 || refusal.code >= 500,
            Try::Again(ApiError::Unreachable(_), _) => true,
            Try::Done(_) | Try::Final(_) | Try::Unauthorized(_) => false,
        };
        self.limiter.learn(took, suffers);
        tried
    }

    /// The raw answer, or why there is none.
    async fn exchange(&self, call: &Call) -> Result<Raw, Lost> {
        let request = call.request().map_err(|error| Lost {
            error,
            never_arrived: false,
        })?;
        let response = self.client().send(request).await.map_err(|error| Lost {
            never_arrived: is_no_connection(&error),
            error: ApiError::Unreachable(root_cause(&error)),
        })?;
        let (head, body) = response.into_parts();
        let header = |name: &str| {
            let values = head.headers.get_all(name).iter();
            values
                .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                .collect::<Vec<String>>()
        };
        let raw = Raw {
            status: head.status,
            warnings: header("warning"),
            retry_after: header("retry-after").first().and_then(|v| v.parse().ok()),
            date: header("date").into_iter().next(),
            bytes: Vec::new(),
        };
        let bytes = body
            .collect()
            .await
            .map_err(|error| Lost {
                error: ApiError::Unreachable(root_cause(&error)),
                never_arrived: false,
            })?
            .to_bytes()
            .to_vec();
        Ok(Raw { bytes, ..raw })
    }

    /// What is at a path, if there is something.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub(crate) async fn find(&self, path: impl Into<String>) -> Result<Option<Value>, ApiError> {
        match self.call(Call::get(path)).await {
            Ok(answer) => Ok(Some(answer.body)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A call without an answer.
struct Lost {
    error: ApiError,
    /// Whether the request surely never arrived.
    never_arrived: bool,
}

/// Whether an error is that no connection came about. A connection that was cut later may have carried the
/// request, whatever the text of the error says.
pub(crate) fn is_no_connection(error: &(dyn std::error::Error + 'static)) -> bool {
    use std::io::ErrorKind;
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
            );
        }
        at = error.source();
    }
    false
}

struct Raw {
    status: StatusCode,
    warnings: Vec<String>,
    retry_after: Option<u64>,
    date: Option<String>,
    bytes: Vec<u8>,
}

fn again_if(is_safe: bool, error: ApiError) -> Try {
    if is_safe {
        Try::Again(error, None)
    } else {
        Try::Final(error)
    }
}

fn judge(call: &Call, raw: Raw) -> Try {
    let code = raw.status.as_u16();
    if raw.status.is_success() {
        let body = if call.is_text {
            Ok(Value::from(String::from_utf8_lossy(&raw.bytes)))
        } else {
            serde_json::from_slice(&raw.bytes)
        };
        return match body {
            Ok(body) => Try::Done(Answer {
                is_created: raw.status == StatusCode::CREATED,
                body,
                warnings: raw.warnings.iter().map(|text| warning(text)).collect(),
                date: raw.date,
            }),
            // A body that was cut is an answer that was lost.
            Err(_) => again_if(
                call.is_idempotent(),
                ApiError::Unreachable("the answer is not JSON".to_owned()),
            ),
        };
    }
    let refusal = Refusal::from_response(code, &raw.bytes);
    let retry_after = raw
        .retry_after
        .map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
    let is_passing = match code {
        // Neither was begun by the server. What is made by POST has a name: should it be there after
        // all, the next try meets it.
        429 | 503 => true,
        502 | 504 => call.is_idempotent(),
        // A 500 is transient only where etcd or a webhook says so: a field that the schema does
        // not know is a 500, too.
        500 => {
            let text = refusal.message.as_str();
            call.is_idempotent()
                && (text.contains("etcdserver:")
                    || text.contains("timed out")
                    || text.contains("failed calling webhook"))
                && !text.contains("field not declared")
                && !text.contains("denied the request")
        }
        _ => false,
    };
    let error = ApiError::Refused(Box::new(refusal));
    match code {
        401 => Try::Unauthorized(error),
        _ if is_passing => Try::Again(error, retry_after),
        _ => Try::Final(error),
    }
}

/// `299 - "text"` (RFC 7234 §5.5), without its frame.
fn warning(header: &str) -> String {
    match (header.find('"'), header.rfind('"')) {
        (Some(start), Some(end)) if end > start => header[start + 1..end]
            .replace("\\\"", "\"")
            .replace("\\\\", "\\"),
        _ => header.to_owned(),
    }
}

/// The innermost reason: the outer ones name layers of the client.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    let text = at.to_string();
    text.split(" (os error")
        .next()
        .unwrap_or(&text)
        .to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{is_no_connection, warning};
    use std::io::{Error, ErrorKind};

    #[test]
    fn a_warning_loses_its_frame() {
        assert_eq!(warning("299 - \"say \\\"x\\\"\""), "say \"x\"");
        assert_eq!(warning("odd"), "odd");
    }

    #[test]
    fn a_connection_that_was_cut_may_have_carried_the_request() {
        for (kind, text, never_arrived) in [
            (ErrorKind::ConnectionRefused, "connection refused", true),
            (
                ErrorKind::ConnectionReset,
                "connection reset by peer",
                false,
            ),
            (
                ErrorKind::UnexpectedEof,
                "connection closed before message completed",
                false,
            ),
        ] {
            let error = kube::Error::ReadEvents(Error::new(kind, text));
            assert_eq!(is_no_connection(&error), never_arrived, "{text}");
        }
    }
}
