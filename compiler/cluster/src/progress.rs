//! Progress of a long command: a bar and the services that are waited for on a terminal, a line for each
//! change of state in a pipe, one JSON object per line for programs.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::change::Action;
use crate::paint::Paint;

/// Something that has happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A part of the work begins.
    Phase(String),
    /// An object was written.
    Wrote {
        /// Which.
        object: String,
        /// How.
        action: Action,
    },
    /// An object could not be written.
    Refused {
        /// Which.
        object: String,
        /// Where it is declared.
        source: Option<String>,
        /// Why.
        message: String,
        /// What to do.
        help: Option<String>,
    },
    /// A service rolls out.
    Waiting {
        /// Which.
        service: String,
        /// How far.
        text: String,
    },
    /// A service runs as declared.
    Ready {
        /// Which.
        service: String,
        /// How long it took.
        after: Duration,
    },
    /// A service will not get there by itself.
    Stalled {
        /// Which.
        service: String,
        /// The line that it is about.
        source: Option<String>,
        /// A word for programs.
        reason: String,
        /// What was seen.
        message: String,
        /// What to do.
        help: String,
        /// The last lines of its log.
        log: Vec<String>,
    },
    /// A call is tried again.
    Trouble(String),
    /// Something to know.
    Note(String),
}

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Repainted lines.
    Terminal,
    /// A line for each change of state; the objects were listed by the plan.
    Lines,
    /// A JSON object for each event.
    Json,
    /// Failures only.
    Quiet,
}

/// The longest picture.
const MOST_LINES: usize = 20;
/// What takes longer than that is told where nothing repaints.
const WORTH_A_LINE: Duration = Duration::from_secs(2);
const REPAINTED_EVERY: Duration = Duration::from_millis(150);
const REMINDED_EVERY: Duration = Duration::from_secs(30);

/// A service that is waited for.
struct Waiting {
    text: String,
    /// What was said of it where lines stay.
    told: String,
    since: Instant,
}

impl Waiting {
    fn new() -> Self {
        Self {
            text: String::new(),
            told: String::new(),
            since: Instant::now(),
        }
    }
}

/// Shows what happens.
pub struct Progress<'w> {
    show: Show,
    /// Whether each object that is written has a line.
    is_verbose: bool,
    paint: Paint,
    out: &'w mut dyn Write,
    width: usize,
    run: String,
    sequence: u64,
    started: Instant,
    /// How many objects there are to write, and how many are written.
    total: usize,
    written: usize,
    ready: usize,
    services: usize,
    phase: String,
    waiting: BTreeMap<String, Waiting>,
    painted: usize,
    last_paint: Option<Instant>,
    last_line: Instant,
}

impl<'w> Progress<'w> {
    /// Nothing has happened yet.
    pub fn new(show: Show, paint: Paint, width: usize, out: &'w mut dyn Write) -> Self {
        Self {
            show,
            is_verbose: false,
            paint,
            out,
            width,
            run: format!("{:08x}", fastrand::u32(..)),
            sequence: 0,
            started: Instant::now(),
            total: 0,
            written: 0,
            ready: 0,
            services: 0,
            phase: String::new(),
            waiting: BTreeMap::new(),
            painted: 0,
            last_paint: None,
            last_line: Instant::now(),
        }
    }

    /// Gives each object that is written a line of its own.
    #[must_use]
    pub fn verbose(mut self, is_verbose: bool) -> Self {
        self.is_verbose = is_verbose;
        self
    }

    /// How much there is to do.
    pub fn expect(&mut self, objects: usize, services: usize) {
        self.total = objects;
        self.services = services;
        self.started = Instant::now();
    }

    /// There is more to do than was expected.
    pub fn expect_more(&mut self, objects: usize, services: usize) {
        self.total += objects;
        self.services += services;
    }

    /// Takes note of an event and shows it.
    pub fn say(&mut self, event: &Event) {
        self.keep(event);
        match self.show {
            Show::Json => self.json_line(event),
            Show::Lines => self.line(event),
            Show::Terminal => self.terminal(event),
            Show::Quiet => {
                if matches!(event, Event::Refused { .. } | Event::Stalled { .. }) {
                    self.line(event);
                }
            }
        }
    }

    /// Says how far a service is, where that is news.
    pub fn waiting(&mut self, service: &str, text: &str) {
        let entry = self
            .waiting
            .entry(service.to_owned())
            .or_insert_with(Waiting::new);
        text.clone_into(&mut entry.text);
        // What is ready soon needs no line of its own.
        let is_due = match self.show {
            Show::Json => true,
            Show::Lines => entry.since.elapsed() > WORTH_A_LINE,
            Show::Terminal | Show::Quiet => false,
        };
        if is_due && entry.told != text {
            text.clone_into(&mut entry.told);
            let event = Event::Waiting {
                service: service.to_owned(),
                text: text.to_owned(),
            };
            self.say(&event);
        }
    }

    /// Nothing else is waited for any more.
    pub(crate) fn wait_only_for(&mut self, names: &std::collections::BTreeSet<&str>) {
        self.waiting.retain(|name, _| names.contains(name.as_str()));
    }

    /// The last words about everything that is waited for.
    #[must_use]
    pub fn last_words(&self) -> Vec<String> {
        let waiting = self.waiting.iter();
        waiting
            .map(|(service, waiting)| format!("{service} ({})", waiting.text))
            .collect()
    }

    fn keep(&mut self, event: &Event) {
        match event {
            Event::Phase(phase) => self.phase.clone_from(phase),
            Event::Wrote { .. } => self.written += 1,
            Event::Ready { service, .. } => {
                self.ready += 1;
                self.waiting.remove(service);
            }
            Event::Stalled { service, .. } => {
                self.waiting.remove(service);
            }
            Event::Waiting { .. } | Event::Refused { .. } | Event::Trouble(_) | Event::Note(_) => {}
        }
    }

    /// Time has passed: repaints, or reminds.
    pub fn tick(&mut self) {
        match self.show {
            Show::Terminal => {
                if self
                    .last_paint
                    .is_none_or(|at| at.elapsed() > REPAINTED_EVERY)
                {
                    self.repaint();
                }
            }
            Show::Lines if self.last_line.elapsed() > REMINDED_EVERY => {
                let line = self.reminder();
                self.write_line(&line);
            }
            Show::Lines | Show::Json | Show::Quiet => {}
        }
    }

    /// How far the work is, for a log in which nothing has moved for a while.
    fn reminder(&self) -> String {
        let mut line = self.counts();
        let waiting = self.last_words();
        if !waiting.is_empty() {
            line.push_str("; waiting for ");
            line.push_str(&waiting.join(", "));
        }
        line
    }

    fn counts(&self) -> String {
        format!(
            "{}/{} objects written, {}/{} services ready",
            self.written, self.total, self.ready, self.services
        )
    }

    /// Takes the picture off the terminal: what comes next stays.
    pub fn clear(&mut self) {
        if self.painted > 0 {
            // The terminal may be gone: then it is not seen.
            let _ = write!(self.out, "\u{1b}[{}A\r\u{1b}[J", self.painted);
            let _ = self.out.flush();
            self.painted = 0;
        }
    }

    fn write_line(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
        self.last_line = Instant::now();
    }

    fn seconds(&self) -> String {
        format!("{:>5.1}s", self.started.elapsed().as_secs_f64())
    }

    fn line(&mut self, event: &Event) {
        let time = self.seconds();
        let text = self.text(event);
        if let Some(text) = text {
            let line = format!("{} {text}", self.paint.with("2", &time));
            self.write_line(&line);
        }
    }

    /// What stays on the screen.
    fn text(&self, event: &Event) -> Option<String> {
        let paint = self.paint;
        Some(match event {
            Event::Phase(phase) if self.show != Show::Terminal => phase.clone(),
            Event::Phase(_) => return None,
            Event::Wrote { object, action } if self.is_verbose => {
                format!("{} {object}", action.sign())
            }
            Event::Wrote { .. } => return None,
            Event::Refused {
                object,
                source,
                message,
                help,
            } => {
                let mut text = format!("{} {object}: {message}", paint.with("31", "✗"));
                if let Some(source) = source {
                    text.push_str(&format!("  {}", paint.with("2", source)));
                }
                if let Some(help) = help {
                    text.push_str(&format!("\n         help: {help}"));
                }
                text
            }
            Event::Waiting { service, text } if self.show != Show::Terminal => {
                format!("… {service}: {text}")
            }
            Event::Waiting { .. } => return None,
            Event::Ready { service, after } => format!(
                "{} {service} {}",
                paint.with("32", "✓"),
                paint.with("2", &format!("ready after {:.1} s", after.as_secs_f64()))
            ),
            Event::Stalled {
                service,
                source,
                message,
                help,
                log,
                ..
            } => {
                let mut text = format!(
                    "{} {}: {message}",
                    paint.with("31", "✗"),
                    paint.with("1", service)
                );
                if let Some(source) = source {
                    text.push_str(&format!("  {}", paint.with("2", source)));
                }
                for line in log {
                    text.push_str(&format!("\n         {} {line}", paint.with("2", "│")));
                }
                text.push_str(&format!("\n         help: {help}"));
                text
            }
            Event::Trouble(text) => format!("{} {text}; trying again", paint.with("33", "!")),
            Event::Note(text) => format!("{} {text}", paint.with("2", "note:")),
        })
    }

    fn terminal(&mut self, event: &Event) {
        if let Some(text) = self.text(event) {
            self.clear();
            let line = format!("{} {text}", self.paint.with("2", &self.seconds()));
            self.write_line(&line);
        }
        self.tick();
    }

    fn repaint(&mut self) {
        self.clear();
        let mut lines = Vec::new();
        let mut waiting: Vec<(&String, &Waiting)> = self.waiting.iter().collect();
        // Who waits longest stands first.
        waiting.sort_by_key(|(_, waiting)| waiting.since);
        let name = waiting
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0);
        for (service, Waiting { text, since, .. }) in waiting.iter().take(MOST_LINES) {
            let seconds = format!("{:>4.0}s", since.elapsed().as_secs_f64());
            lines.push(cut(
                &format!("  {service:name$}  {seconds}  {text}"),
                self.width,
            ));
        }
        if waiting.len() > MOST_LINES {
            lines.push(format!("  and {} more", waiting.len() - MOST_LINES));
        }
        let bar = format!(
            "{} {} {}  {}",
            self.seconds(),
            bar(self.written + self.ready, self.total + self.services),
            self.phase,
            self.counts()
        );
        lines.push(self.paint.with("1", &cut(&bar, self.width)));
        let text = lines.join("\n");
        let _ = writeln!(self.out, "{text}");
        let _ = self.out.flush();
        self.painted = lines.len();
        self.last_paint = Some(Instant::now());
    }

    fn json_line(&mut self, event: &Event) {
        let mut value = to_json(event);
        self.sequence += 1;
        value["ts"] = json!(format!("{:.3}", jiff::Timestamp::now()));
        value["run"] = json!(self.run);
        value["seq"] = json!(self.sequence);
        self.write_line(&value.to_string());
    }

    /// The last line for programs.
    pub fn summary(&mut self, mut summary: Value) {
        if self.show == Show::Json {
            self.sequence += 1;
            summary["type"] = json!("summary");
            summary["ts"] = json!(format!("{:.3}", jiff::Timestamp::now()));
            summary["run"] = json!(self.run);
            summary["seq"] = json!(self.sequence);
            self.write_line(&summary.to_string());
        }
    }
}

fn to_json(event: &Event) -> Value {
    match event {
        Event::Phase(phase) => json!({ "type": "phase", "message": phase }),
        Event::Wrote { object, action } => {
            json!({ "type": "wrote", "object": object, "action": action.as_str() })
        }
        Event::Refused {
            object,
            source,
            message,
            help,
        } => json!({
            "type": "refused", "object": object, "source": source, "message": message, "help": help,
        }),
        Event::Waiting { service, text } => {
            json!({ "type": "state", "object": service, "state": "waiting", "message": text })
        }
        Event::Ready { service, after } => json!({
            "type": "state", "object": service, "state": "ready", "seconds": after.as_secs_f64(),
        }),
        Event::Stalled {
            service,
            source,
            reason,
            message,
            help,
            log,
        } => json!({
            "type": "state", "object": service, "state": "stalled", "source": source,
            "reason": reason, "message": message, "help": help, "log": log,
        }),
        Event::Trouble(text) => json!({ "type": "retry", "message": text }),
        Event::Note(text) => json!({ "type": "note", "message": text }),
    }
}

/// `[████████░░░░]`.
fn bar(done: usize, total: usize) -> String {
    const WIDTH: usize = 24;
    // More can be done than was expected; nothing at all is done.
    let filled = (done.min(total) * WIDTH)
        .checked_div(total)
        .unwrap_or(WIDTH);
    format!("[{}{}]", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

fn cut(line: &str, width: usize) -> String {
    if line.chars().count() < width {
        return line.to_owned();
    }
    let mut short: String = line.chars().take(width.saturating_sub(2)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::{Event, Progress, Show, bar};
    use crate::change::Action;
    use crate::paint::Paint;

    fn said(show: Show, is_verbose: bool) -> String {
        let mut out = Vec::new();
        let mut progress = Progress::new(show, Paint::Plain, 100, &mut out).verbose(is_verbose);
        progress.expect(2, 1);
        progress.say(&Event::Phase("configuration".to_owned()));
        progress.say(&Event::Wrote {
            object: "ConfigMap shop/web".to_owned(),
            action: Action::Create,
        });
        progress.tick();
        progress.clear();
        String::from_utf8(out).expect("it is text")
    }

    #[test]
    fn a_pipe_lists_objects_with_verbose_only() {
        assert!(!said(Show::Lines, false).contains("ConfigMap"));
        assert!(said(Show::Lines, true).contains("+ ConfigMap shop/web"));
    }

    #[test]
    fn a_terminal_has_a_bar_which_goes_at_the_end() {
        let said = said(Show::Terminal, false);
        assert!(
            said.contains("[░░░░░░░░░░░░░░░░░░░░░░░░] configuration  0/2 objects written"),
            "{said:?}"
        );
        assert!(said.ends_with("\u{1b}[J"), "{said:?}");
    }

    #[test]
    fn a_bar_is_full_at_the_end_and_never_longer() {
        assert_eq!(bar(0, 0), format!("[{}]", "█".repeat(24)));
        assert_eq!(bar(7, 5), bar(5, 5));
        assert_eq!(bar(0, 5), format!("[{}]", "░".repeat(24)));
    }
}
