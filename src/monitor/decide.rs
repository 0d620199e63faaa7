//! What a period shows (A2), and what the last N periods together say (A3). Pure.

use crate::model::{Condition, Missing};

/// What a closed period shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Its value breaches.
    Breach,
    /// Its value does not.
    Ok,
    /// The watcher looked and there was no usable sample.
    Missing,
    /// Nobody looked, or there was nothing to look at. Never evidence.
    Unobserved,
}

/// What the last N periods together say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Fire.
    Alarm,
    /// All is well.
    Ok,
    /// There is no data.
    NoData,
    /// Too little is known: leave it as it is.
    Keep,
}

/// The class of a period by its value; none: no usable sample.
pub fn classify(condition: Condition, value: Option<f64>, observed: bool) -> Class {
    match value.filter(|v| v.is_finite()) {
        _ if !observed => Class::Unobserved,
        None => Class::Missing,
        Some(value) if condition.holds(value) => Class::Breach,
        Some(_) => Class::Ok,
    }
}

/// Decides over the last N periods, of which `needed` must breach.
///
/// Does not look further back than N (CloudWatch does).
pub fn decide(classes: impl IntoIterator<Item = Class>, needed: u32, missing: Missing) -> Decision {
    let (mut breach, mut absent, mut unobserved, mut all) = (0_u32, 0_u32, 0_u32, 0_u32);
    for class in classes {
        all += 1;
        match (class, missing) {
            (Class::Breach, _) | (Class::Missing, Missing::Breaching) => breach += 1,
            (Class::Ok, _) | (Class::Missing, Missing::NotBreaching) => {}
            (Class::Missing, Missing::Missing | Missing::Ignore) => absent += 1,
            (Class::Unobserved, _) => unobserved += 1,
        }
    }
    if breach >= needed {
        Decision::Alarm
    } else if absent + unobserved == all {
        if missing == Missing::Missing && unobserved < all { Decision::NoData } else { Decision::Keep }
    } else if breach + absent + unobserved < needed {
        Decision::Ok
    } else {
        Decision::Keep
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Decision, classify, decide};
    use crate::model::{Condition, Missing};

    const CLASSES: [Class; 4] = [Class::Breach, Class::Ok, Class::Missing, Class::Unobserved];

    /// The rule as alarms.md writes it, by counting and replacing, in the order of its sentences.
    fn reference(classes: &[Class], m: usize, missing: Missing) -> Decision {
        let n = classes.len();
        let count = |class| classes.iter().filter(|c| **c == class).count();
        let (mut b, mut g, mut x, u) =
            (count(Class::Breach), count(Class::Ok), count(Class::Missing), count(Class::Unobserved));
        if missing == Missing::Breaching {
            b += x;
            x = 0;
        }
        if missing == Missing::NotBreaching {
            g += x;
            x = 0;
        }
        assert_eq!(b + g + x + u, n);
        if b >= m {
            return Decision::Alarm;
        }
        if x + u == n {
            if missing == Missing::Missing && u < n {
                return Decision::NoData;
            }
            return Decision::Keep;
        }
        if b + x + u < m {
            return Decision::Ok;
        }
        Decision::Keep
    }

    /// Every sequence of `n` classes.
    fn sequences(n: u32) -> impl Iterator<Item = Vec<Class>> {
        (0..4_usize.pow(n)).map(move |code| (0..n).map(|place| CLASSES[code / 4_usize.pow(place) % 4]).collect())
    }

    #[test]
    fn agrees_with_the_written_rule_on_every_window_up_to_five() {
        let mut seen = std::collections::BTreeMap::new();
        let mut cases = 0;
        for n in 1..=5 {
            for classes in sequences(n) {
                for m in 1..=n {
                    for missing in Missing::ALL {
                        let ours = decide(classes.iter().copied(), m, *missing);
                        assert_eq!(ours, reference(&classes, m as usize, *missing), "{classes:?} {m} {missing}");
                        *seen.entry(format!("{ours:?}")).or_insert(0) += 1;
                        cases += 1;
                    }
                }
            }
        }
        assert_eq!(cases, 4 * (4 + 2 * 16 + 3 * 64 + 4 * 256 + 5 * 1024));
        assert_eq!(seen.len(), 4, "{seen:?}");
    }

    #[test]
    fn some_windows_by_hand() {
        use Class::{Breach as B, Missing as X, Ok as G, Unobserved as U};
        let cases: &[(&[Class], u32, [Decision; 4])] = &[
            // missing, ignore, breaching, notBreaching
            (&[B, B, B, G, G], 3, [Decision::Alarm; 4]),
            (&[B, B, G, G, G], 3, [Decision::Ok; 4]),
            (&[B, B, X, G, G], 3, [Decision::Keep, Decision::Keep, Decision::Alarm, Decision::Ok]),
            (&[X, X, X], 2, [Decision::NoData, Decision::Keep, Decision::Alarm, Decision::Ok]),
            (&[U, U, U], 2, [Decision::Keep; 4]),
            (&[U, U, X], 1, [Decision::NoData, Decision::Keep, Decision::Alarm, Decision::Keep]),
            (&[U, U, G], 1, [Decision::Keep; 4]),
            (&[U, U, G], 3, [Decision::Ok; 4]),
        ];
        for (classes, m, wanted) in cases {
            for (missing, wanted) in Missing::ALL.iter().zip(wanted) {
                assert_eq!(decide(classes.iter().copied(), *m, *missing), *wanted, "{classes:?} {m} {missing}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_missing() {
        let condition = Condition::parse(">= 90").unwrap();
        for (value, observed, class) in [
            (Some(90.0), true, Class::Breach),
            (Some(89.9), true, Class::Ok),
            (Some(f64::NAN), true, Class::Missing),
            (Some(f64::INFINITY), true, Class::Missing),
            (Some(f64::NEG_INFINITY), true, Class::Missing),
            (None, true, Class::Missing),
            (None, false, Class::Unobserved),
            (Some(95.0), false, Class::Unobserved),
        ] {
            assert_eq!(classify(condition, value, observed), class, "{value:?} {observed}");
        }
    }
}
