//! The arithmetic of promises. A service's promise is what its client sees, so that it cannot be
//! above the product over what it requires directly; what is left to one hundred percent is its
//! error budget.

use std::collections::BTreeMap;

use erpc_model::units::{Duration, Percent};
use erpc_model::{Availability, FlowId, Mode, Peer, Platform, ServiceId};
use erpc_policy::Derived;

/// Parts of one: 10^18, so that a product of many shares keeps far more digits than are shown.
const ONE: u128 = 1_000_000_000_000_000_000;

/// A service that is required: a factor of the bound.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// Which one.
    pub service: ServiceId,
    /// What it promises.
    pub share: Percent,
    /// The first flow that requires it.
    pub flow: FlowId,
}

/// What a service promises and what it can.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The promise.
    pub availability: Availability,
    /// What it requires directly and promises something, sorted.
    pub requires: Vec<Term>,
    /// The product over them, in parts of 10^18; one where it requires nothing that promises.
    bound: u128,
}

impl Promise {
    /// The promise of a service, if it makes one.
    #[must_use]
    pub fn of(platform: &Platform, derived: &Derived, id: ServiceId) -> Option<Self> {
        let availability = platform[id].availability.as_ref()?.value;
        let requires = required(derived, id).filter_map(|(service, flow)| {
            let promised = platform[service].availability.as_ref()?;
            Some(Term {
                service,
                share: promised.value.share,
                flow,
            })
        });
        Some(Self::over(availability, requires.collect()))
    }

    fn over(availability: Availability, requires: Vec<Term>) -> Self {
        let bound = product(requires.iter().map(|term| term.share));
        Self {
            availability,
            requires,
            bound,
        }
    }

    /// Whether it promises more than what it requires can give. To promise as much is no inversion.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.bound < parts(self.availability.share)
    }

    /// The most that it can promise, rounded down to as many decimals as its promise has; nothing
    /// where that is no promise any more.
    #[must_use]
    pub fn keepable(&self) -> Option<Percent> {
        let share = self.bound / (ONE / u128::from(Percent::ONE.0));
        rounded_down(u64::try_from(share).ok()?, self.availability.share)
    }

    /// Those without which alone the promise would hold.
    pub fn culprits(&self) -> impl Iterator<Item = &Term> {
        let promised = parts(self.availability.share);
        self.requires.iter().filter(move |term| {
            let others = self.requires.iter();
            let others = others.filter(|other| other.service != term.service);
            product(others.map(|other| other.share)) >= promised
        })
    }

    /// The most that it could promise for its budget to hold so long a time, rounded down to as many
    /// decimals as its promise has.
    #[must_use]
    pub fn affordable(&self, time: Duration) -> Option<Percent> {
        let over = u128::from(self.availability.over.0);
        let all = u128::from(Percent::ONE.0);
        let missing = (u128::from(time.0) * all).div_ceil(over.max(1));
        let share = all.checked_sub(missing)?;
        rounded_down(u64::try_from(share).ok()?, self.availability.share)
    }

    /// The bound in percent, to six decimals and no more than are needed: `99.940005%`.
    #[must_use]
    pub fn bound(&self) -> String {
        let millionths = (self.bound * 100 * 1_000_000 + ONE / 2) / ONE;
        let digits = format!("{:06}", millionths % 1_000_000);
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        format!("{}{point}{digits}%", millionths / 1_000_000)
    }

    /// `99.95% × 99.99% = 99.940005%`.
    #[must_use]
    pub fn product(&self) -> String {
        let shares = self.requires.iter().map(|term| term.share.to_string());
        let shares: Vec<String> = shares.collect();
        format!("{} = {}", shares.join(" × "), self.bound())
    }

    /// How much of the window lies between the bound and the promise, in milliseconds; negative
    /// where the promise is above the bound.
    #[must_use]
    pub fn slack_ms(&self) -> i128 {
        let promised = i128::from(self.availability.share.0) * i128::from(10_000_000);
        // The bound is at most 10^18.
        let bound = i128::try_from(self.bound).unwrap_or(i128::MAX);
        let one = i128::try_from(ONE).unwrap_or(i128::MAX);
        let window = i128::from(self.availability.over.0);
        // A window of a thousand years has less than 2^45 ms, so that nothing overflows.
        let product = (bound - promised).saturating_mul(window);
        (product + one.signum() * (one / 2) * product.signum()) / one
    }

    /// How long it may be away in its window, in milliseconds.
    #[must_use]
    pub fn budget_ms(&self) -> u64 {
        budget_ms(self.availability)
    }

    /// What share of the budget a time is, in tenths of a percent; `None` without a budget.
    #[must_use]
    pub fn share_of_budget(&self, time: Duration) -> Option<u64> {
        let budget = self.budget_ms();
        let tenths = u128::from(time.0) * 1000;
        let share = (tenths + u128::from(budget) / 2).checked_div(u128::from(budget))?;
        u64::try_from(share).ok()
    }
}

/// What a service requires, each once with the first flow that says so, sorted. Several ports of one
/// service fail together, so that it counts once; replicas of one service are that service.
pub fn required(derived: &Derived, id: ServiceId) -> impl Iterator<Item = (ServiceId, FlowId)> {
    let mut required = BTreeMap::new();
    for edge in derived.edges.from(id) {
        if let (Peer::Service(to), Mode::Requires) = (edge.to, edge.mode)
            && to != id
        {
            required.entry(to).or_insert(edge.flow);
        }
    }
    required.into_iter()
}

/// A share in parts of 10^18.
fn parts(share: Percent) -> u128 {
    u128::from(share.0) * (ONE / u128::from(Percent::ONE.0))
}

fn product(shares: impl Iterator<Item = Percent>) -> u128 {
    // Both factors are at most 10^18, so that the product is below 2^127.
    shares.fold(ONE, |product, share| {
        (product * parts(share) + ONE / 2) / ONE
    })
}

/// A share with no more decimals than `like`; nothing where none is left.
fn rounded_down(share: u64, like: Percent) -> Option<Percent> {
    let mut step = Percent::POINT;
    while step > 1 && !like.0.is_multiple_of(step) {
        step /= 10;
    }
    let share = share - share % step;
    (share > 0).then_some(Percent(share))
}

/// How long a promise lets a service be away in its window, in milliseconds.
#[must_use]
pub fn budget_ms(availability: Availability) -> u64 {
    let missing = u128::from(Percent::ONE.0.saturating_sub(availability.share.0));
    let all = u128::from(Percent::ONE.0);
    let budget = (missing * u128::from(availability.over.0) + all / 2) / all;
    // No more than the window itself.
    u64::try_from(budget).unwrap_or(u64::MAX)
}

/// Minutes with at most two decimals: `43.2`, `4.32`.
#[must_use]
pub fn minutes(ms: u64) -> String {
    decimal(u128::from(ms) * 100, 60_000, 2)
}

/// Seconds with at most three decimals; a minus in front of a negative number.
#[must_use]
pub fn seconds(ms: i128) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    format!("{sign}{}", decimal(ms.unsigned_abs(), 1, 3))
}

/// Tenths of a percent as a percentage: `115.7%`.
#[must_use]
pub fn tenths(share: u64) -> String {
    format!("{}%", decimal(u128::from(share), 1, 1))
}

/// `amount / divisor` with the last `places` digits behind the point, trailing zeros left out.
fn decimal(amount: u128, divisor: u128, places: u32) -> String {
    let scaled = (amount + divisor / 2) / divisor;
    let scale = 10u128.pow(places);
    let width = places as usize;
    let digits = format!("{:0width$}", scaled % scale);
    let digits = digits.trim_end_matches('0');
    let point = if digits.is_empty() { "" } else { "." };
    format!("{}{point}{digits}", scaled / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn promise(share: u64, requires: &[u64]) -> Promise {
        let requires = (0..).map(ServiceId).zip(requires);
        let requires = requires.map(|(service, share)| Term {
            service,
            share: Percent(share * 10_000_000),
            flow: FlowId(0),
        });
        let availability = Availability {
            share: Percent(share * 10_000_000),
            over: Duration(30 * 86_400_000),
        };
        Promise::over(availability, requires.collect())
    }

    #[test]
    fn a_bound_is_the_product_of_what_is_required() {
        // 0.9995 · 0.9999 = 0.99940005, worked out by hand.
        let both = promise(9990, &[9995, 9999]);
        assert_eq!(both.product(), "99.95% × 99.99% = 99.940005%");
        assert_eq!(both.slack_ms(), 1_036_930);
        let three = promise(9990, &[9995, 9995, 9950]);
        assert_eq!(three.bound(), "99.400525%");
        assert_eq!(promise(9995, &[]).bound(), "100%");
        assert_eq!(seconds(promise(9990, &[9995, 9995]).slack_ms()), "0.648");
        assert_eq!(seconds(promise(9995, &[9995, 9999]).slack_ms()), "-259.07");
    }

    #[test]
    fn a_broken_promise_says_what_would_hold() {
        let broken = promise(9995, &[9995, 9999]);
        assert!(broken.is_broken() && !promise(9995, &[9995]).is_broken());
        assert_eq!(broken.keepable(), Some(Percent(99_940_000_000)));
        // 99.95% alone is enough, 99.99% alone too.
        assert_eq!(broken.culprits().count(), 2);
        assert_eq!(promise(9995, &[9990, 9999]).culprits().count(), 1);
        // Five minutes are 115.7% of what 99.99% leaves, and 99.98% leaves 8.64.
        let recovery = promise(9999, &[]).affordable(Duration(300_000));
        assert_eq!(recovery, Some(Percent(99_980_000_000)));
        assert_eq!(promise(9999, &[]).affordable(Duration(u64::MAX)), None);
    }

    #[test]
    fn a_budget_is_what_is_left_of_the_window() {
        for (share, budget) in [
            (9990, "43.2"),
            (9995, "21.6"),
            (9999, "4.32"),
            (9950, "216"),
        ] {
            assert_eq!(minutes(promise(share, &[]).budget_ms()), budget);
        }
        let telemetry = promise(9999, &[]);
        let rto = telemetry.share_of_budget(Duration(300_000));
        assert_eq!(rto.map(tenths).as_deref(), Some("115.7%"));
        assert_eq!(promise(10_000, &[]).share_of_budget(Duration(1)), None);
    }
}
