//! What evaluation may use up. The values of a program have one budget, its rules and tests another.

use std::fmt;

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Resource {
    Steps,
    /// Bytes of text that are made.
    Text,
    /// Elements of lists, together and with every copy.
    Elements,
    /// Bytes of files that are read.
    Files,
    /// Bytes of text that properties have.
    Properties,
}

/// How much of each [`Resource`] may be used, and how messages say so.
#[derive(Debug)]
pub(crate) struct Limits {
    /// `the program needs`.
    needs: &'static str,
    limits: [(u64, &'static str); 5],
}

/// Of the values of a program.
pub(crate) static OF_VALUES: Limits = Limits {
    needs: "the program needs",
    limits: [
        (10_000_000, "10,000,000 steps"),
        (64 << 20, "64 MiB of text"),
        (1_000_000, "1,000,000 elements of lists"),
        (64 << 20, "64 MiB of files"),
        (256 << 20, "256 MiB of text in properties"),
    ],
};

/// Of all rules and tests of a program. An element of a list is a step; files and properties do not occur.
pub(crate) static OF_CONDITIONS: Limits = Limits {
    needs: "the rules and tests need",
    limits: [
        (30_000_000, "30,000,000 steps"),
        (64 << 20, "64 MiB of text"),
        (30_000_000, "30,000,000 elements of lists"),
        (0, "0 bytes of files"),
        (0, "0 bytes of text in properties"),
    ],
};

/// What is used up of some [`Limits`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    limits: &'static Limits,
    used: [u64; 5],
}

/// The end of a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exceeded {
    needs: &'static str,
    limit: &'static str,
    /// Whether the limit was exceeded only now.
    pub(crate) is_first: bool,
}

impl Budget {
    pub(crate) fn new(limits: &'static Limits) -> Self {
        Self {
            limits,
            used: [0; 5],
        }
    }

    /// Uses up some of a resource.
    pub(crate) fn take(&mut self, resource: Resource, amount: usize) -> Result<(), Exceeded> {
        let (limit, name) = self.limits.limits[resource as usize];
        let used = &mut self.used[resource as usize];
        let before = *used;
        *used = before.saturating_add(amount as u64);
        if *used <= limit {
            return Ok(());
        }
        Err(Exceeded {
            needs: self.limits.needs,
            limit: name,
            is_first: before <= limit,
        })
    }

    /// Whether nothing is left of a resource.
    pub(crate) fn is_spent(&self, resource: Resource) -> bool {
        self.used[resource as usize] > self.limits.limits[resource as usize].0
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} more than {}", self.needs, self.limit)
    }
}
