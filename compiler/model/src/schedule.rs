//! Schedules of CronJobs, as the API server reads them: `ParseStandard` of
//! <https://pkg.go.dev/github.com/robfig/cron/v3>, without its time zones.

/// What is wrong with a schedule.
pub(crate) struct Wrong {
    /// What the place is.
    pub(crate) label: String,
    /// How to write it.
    pub(crate) help: String,
}

/// Names for schedules.
const MACROS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// A field: its name, its bounds, and names that stand for numbers from the least one on.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    field("minute", 0, 59, &[]),
    field("hour", 0, 23, &[]),
    field("day of the month", 1, 31, &[]),
    field("month", 1, 12, &MONTHS),
    field("day of the week", 0, 6, &DAYS),
];

const fn field(name: &'static str, least: u32, most: u32, names: &'static [&'static str]) -> Field {
    Field {
        name,
        least,
        most,
        names,
    }
}

/// Why the API server refuses a schedule.
pub(crate) fn error(schedule: &str) -> Option<Wrong> {
    if schedule.starts_with('@') {
        return named_error(schedule);
    }
    if schedule.starts_with("TZ=") || schedule.starts_with("CRON_TZ=") {
        return Some(Wrong {
            label: "a time zone".to_owned(),
            help: "write the time zone as a statement of the job: `time-zone \"Europe/Kyiv\"`"
                .to_owned(),
        });
    }
    let parts: Vec<&str> = schedule.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Some(Wrong {
            label: format!("expected 5 fields, found {}", parts.len()),
            help: "write minute, hour, day of month, month and day of week: `\"0 3 * * *\"` is every day at 3:00"
                .to_owned(),
        });
    }
    let mut fields = parts.iter().zip(&FIELDS);
    let (part, field) = fields.find(|(part, field)| !field.accepts(part))?;
    let Field {
        name, least, most, ..
    } = field;
    Some(Wrong {
        label: format!("`{}` is not a valid {name}", part.escape_debug()),
        help: format!(
            "the {name} is {least} to {most}; write `*` for any, `*/5` for every fifth, `1,3` or `1-5` for several"
        ),
    })
}

/// Why a schedule that starts with `@` is refused.
fn named_error(schedule: &str) -> Option<Wrong> {
    let is_known = match schedule.strip_prefix("@every ") {
        Some(duration) => is_duration(duration),
        None => MACROS.contains(&schedule),
    };
    (!is_known).then(|| Wrong {
        label: "not a predefined schedule".to_owned(),
        help: format!(
            "write five fields, `@every 6h`, or one of {}",
            MACROS.join(", ")
        ),
    })
}

/// A duration as Go writes it (`time.ParseDuration`), in whole numbers: `1h30m`.
fn is_duration(text: &str) -> bool {
    let mut rest = text;
    let mut is_zero = true;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let Ok(number) = number.parse::<u32>() else {
            return false;
        };
        is_zero &= number == 0;
        let units = ["h", "ms", "m", "s"];
        let Some(after) = units.iter().find_map(|one| unit.strip_prefix(one)) else {
            return false;
        };
        rest = after;
    }
    !is_zero
}

impl Field {
    fn accepts(&self, text: &str) -> bool {
        text.split(',').all(|part| self.accepts_part(part))
    }

    fn accepts_part(&self, part: &str) -> bool {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let is_range = match range.split_once('-') {
            Some((low, high)) => match (self.number(low), self.number(high)) {
                (Some(low), Some(high)) => low <= high,
                _ => false,
            },
            None => matches!(range, "*" | "?") || self.number(range).is_some(),
        };
        is_range && step.parse().is_ok_and(|step: u32| step > 0)
    }

    /// The number of a value within the bounds.
    fn number(&self, text: &str) -> Option<u32> {
        let text = text.to_lowercase();
        let named = self.names.iter().zip(self.least..);
        let mut named = named.filter(|(name, _)| **name == text);
        let number = match named.next() {
            Some((_, number)) => number,
            None => text.parse().ok()?,
        };
        (self.least..=self.most).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::error;

    #[test]
    fn schedules_are_read_as_the_api_server_reads_them() {
        for right in [
            "0 3 * * *",
            "*/5 * * * *",
            "0 0 1,15 * ?",
            "5/15 0-6 1-31/2 jan-Mar MON-fri",
            "@daily",
            "@midnight",
            "@hourly",
            "@weekly",
            "@monthly",
            "@yearly",
            "@annually",
            "@every 1h30m",
            "@every 90s",
        ] {
            assert!(error(right).is_none(), "{right}");
        }
        for (wrong, label) in [
            ("", "expected 5 fields, found 0"),
            ("0 3 * *", "expected 5 fields, found 4"),
            ("0 0 3 * * *", "expected 5 fields, found 6"),
            ("60 3 * * *", "`60` is not a valid minute"),
            ("0 24 * * *", "`24` is not a valid hour"),
            ("0 0 0 * *", "`0` is not a valid day of the month"),
            ("0 0 * 13 *", "`13` is not a valid month"),
            ("0 0 * * 7", "`7` is not a valid day of the week"),
            (
                "0 0 * * fri-mon",
                "`fri-mon` is not a valid day of the week",
            ),
            ("*/0 0 * * *", "`*/0` is not a valid minute"),
            ("0 0 L * *", "`L` is not a valid day of the month"),
            ("@dayly", "not a predefined schedule"),
            ("@Daily", "not a predefined schedule"),
            ("@reboot", "not a predefined schedule"),
            ("@every 0s", "not a predefined schedule"),
            ("@every 5", "not a predefined schedule"),
            ("@every day", "not a predefined schedule"),
            ("TZ=UTC 0 3 * * *", "a time zone"),
        ] {
            let found = error(wrong).map(|wrong| wrong.label);
            assert_eq!(found.as_deref(), Some(label), "{wrong}");
        }
    }
}
