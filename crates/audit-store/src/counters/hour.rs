//! Hours: the spans of time that are counted.

use audit_domain::Interval;

/// Microseconds of an hour.
pub(crate) const HOUR_MICROS: i64 = 3_600_000_000;

/// The start of the hour of an instant.
pub(crate) fn hour_of(at: i64) -> i64 {
    at.div_euclid(HOUR_MICROS) * HOUR_MICROS
}

/// A range of time as the whole hours inside it, which are counted, and what is left at its ends, which is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hours {
    /// The starts of the whole hours.
    pub(crate) whole: Interval,
    /// Before them and behind them; empty where the range starts and ends with an hour.
    pub(crate) edges: [Interval; 2],
}

impl Hours {
    pub(crate) fn of(time: Interval) -> Hours {
        // The ends of time are ends of hours: nothing happens there.
        let up = |at: i64| if at == hour_of_or_end(at) { at } else { hour_of_or_end(at).saturating_add(HOUR_MICROS) };
        let (start, end) = (up(time.start), hour_of_or_end(time.end));
        if start >= end {
            // Less than an hour, or parts of two.
            return Hours { whole: Interval { start: 0, end: 0 }, edges: [time, Interval { start: 0, end: 0 }] };
        }
        let edges = [Interval { start: time.start, end: start }, Interval { start: end, end: time.end }];
        Hours { whole: Interval { start, end }, edges }
    }
}

fn hour_of_or_end(at: i64) -> i64 {
    if at == i64::MIN || at == i64::MAX { at } else { hour_of(at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_its_whole_hours_and_its_edges() {
        let of = |start, end| Hours::of(Interval { start, end });
        let hour = HOUR_MICROS;
        let none = Interval { start: 0, end: 0 };
        let all = Interval::default();
        assert_eq!(of(all.start, all.end).whole, all);
        assert!(of(all.start, all.end).edges.iter().all(Interval::is_empty));
        assert_eq!(of(hour, 3 * hour).whole, Interval { start: hour, end: 3 * hour });
        let parts = of(-1, 2 * hour + 5);
        assert_eq!(parts.whole, Interval { start: 0, end: 2 * hour });
        assert_eq!(parts.edges, [Interval { start: -1, end: 0 }, Interval { start: 2 * hour, end: 2 * hour + 5 }]);
        assert_eq!(of(5, hour + 5), Hours { whole: none, edges: [Interval { start: 5, end: hour + 5 }, none] });
        assert_eq!((hour_of(-1), hour_of(0), hour_of(hour - 1)), (-hour, 0, 0));
    }
}
