//! What the honest client saw, as numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What one request of the honest client came to.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) what: &'static str,
    pub(crate) took: Duration,
    /// What it should be, a refusal with `Retry-After`, or what nobody should see, in words.
    pub(crate) end: End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Served,
    /// 503 with `Retry-After`.
    Refused,
    Wrong(String),
}

impl Sample {
    /// A client that waits for a slow answer sends nothing meanwhile. What it would have sent at its pace would have waited too, so
    /// it counts: one answer of ten seconds is not one slow request among a thousand quick ones. Below a second it may have been this
    /// machine.
    pub(crate) fn with_those_it_delayed(self, pace: Duration) -> Vec<Sample> {
        let mut samples = vec![self.clone()];
        let mut took = self.took.saturating_sub(pace);
        while took > Duration::from_secs(1) {
            samples.push(Sample { took, ..self.clone() });
            took -= pace;
        }
        samples
    }
}

/// All samples of a time.
#[derive(Debug, Default)]
pub(crate) struct Samples(pub(crate) Vec<Sample>);

impl Samples {
    /// Of a hundred requests, the slowest but one. A refused one counts as one that was never answered.
    pub(crate) fn p99(&self) -> Duration {
        self.quantile(99)
    }

    fn quantile(&self, percent: usize) -> Duration {
        let took = |sample: &Sample| if sample.end == End::Served { sample.took } else { Duration::MAX };
        let mut all: Vec<Duration> = self.0.iter().map(took).collect();
        all.sort_unstable();
        let place = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(place).copied().unwrap_or(Duration::MAX)
    }

    /// What the honest client did.
    pub(crate) fn kinds(&self) -> BTreeSet<&'static str> {
        self.0.iter().map(|sample| sample.what).collect()
    }

    /// Those of one kind.
    pub(crate) fn of_kind(&self, kind: &str) -> Samples {
        Samples(self.0.iter().filter(|sample| sample.what == kind).cloned().collect())
    }

    pub(crate) fn wrong(&self) -> Vec<&Sample> {
        self.0.iter().filter(|sample| matches!(sample.end, End::Wrong(_))).collect()
    }
}

/// For people: `append 120 served (p50 4 ms, p99 12 ms, longest 15 ms), 3 refused; …`
impl std::fmt::Display for Samples {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut by: BTreeMap<&str, Vec<Sample>> = BTreeMap::new();
        for sample in &self.0 {
            by.entry(sample.what).or_default().push(sample.clone());
        }
        for (at, (what, samples)) in by.into_iter().enumerate() {
            let served: Vec<Sample> = samples.iter().filter(|sample| sample.end == End::Served).cloned().collect();
            let refused = samples.iter().filter(|sample| sample.end == End::Refused).count();
            let (count, longest) = (served.len(), served.iter().map(|sample| sample.took).max().unwrap_or_default());
            let served = Samples(served);
            let (p50, p99) = if count == 0 { Default::default() } else { (served.quantile(50), served.quantile(99)) };
            let comma = if at == 0 { "" } else { "; " };
            write!(f, "{comma}{what} {count} served (p50 {p50:.1?}, p99 {p99:.1?}, longest {longest:.1?}), {refused} refused")?;
        }
        Ok(())
    }
}
