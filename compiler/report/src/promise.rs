//! The arithmetic of promises. A service's promise is what its client sees, so that it cannot be
//! above the product over what it requires directly; what is left to one hundred percent is its
//! error budget.

use std::collections::BTreeMap;

use erpc_model::units::{Duration, Percent};
use erpc_model::{Availability, End, Mode, Platform, ServiceId};
use erpc_policy::Derived;

/// Parts of one: 10^18, so that a product of many shares keeps far more digits than are shown.
const ONE: u128 = 1_000_000_000_000_000_000;

/// What a service promises and what it can.
#[derive(Clone, Debug)]
pub struct Promise {
    /// The promise.
    pub availability: Availability,
    /// What it requires directly, each with its promise, sorted.
    pub requires: Vec<(ServiceId, Percent)>,
    /// The product over them, in parts of 10^18; one where it requires nothing that promises.
    bound: u128,
}

impl Promise {
    /// The promise of a service, if it makes one.
    #[must_use]
    pub fn of(platform: &Platform, derived: &Derived, id: ServiceId) -> Option<Self> {
        let availability = platform[id].availability.as_ref()?.value;
        // Several ports of one service fail together, so that it counts once.
        let mut requires = BTreeMap::new();
        for edge in derived.edges.from(id) {
            if let (End::Service(to), Mode::Requires) = (edge.to, edge.mode)
                && to != id
                && let Some(promised) = &platform[to].availability
            {
                requires.insert(to, promised.value.share);
            }
        }
        let bound = requires.values().fold(ONE, |product, share| {
            let factor = u128::from(share.0) * (ONE / u128::from(Percent::ONE.0));
            // Both are at most 10^18, so that the product is below 2^127.
            (product * factor + ONE / 2) / ONE
        });
        Some(Self {
            availability,
            requires: requires.into_iter().collect(),
            bound,
        })
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
        let shares: Vec<String> = self.requires.iter().map(|(_, s)| s.to_string()).collect();
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
        let requires: Vec<(ServiceId, Percent)> = (0..)
            .map(ServiceId)
            .zip(requires.iter().map(|r| Percent(r * 10_000_000)))
            .collect();
        let bound = requires.iter().fold(ONE, |product, (_, share)| {
            product * (u128::from(share.0) * 10_000_000) / ONE
        });
        Promise {
            availability: Availability {
                share: Percent(share * 10_000_000),
                over: Duration(30 * 86_400_000),
            },
            requires,
            bound,
        }
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
