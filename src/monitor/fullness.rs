//! How full the disk of the instances is: two levels before the reserve is reached, and the reserve. Pure.

use crate::model::{Size, Word, words};

words! {
    /// How little is free.
    Fullness;
    /// Enough.
    Ample = "ample",
    /// Less than three times the reserve.
    Low = "low",
    /// Less than one and a half times the reserve.
    VeryLow = "very-low",
    /// Less than the reserve: nothing is made or started.
    Reserve = "reserve",
}

/// Under what the watcher remembers the level.
pub const KEY: &str = "fullness";

impl Fullness {
    /// The level that was remembered; enough where none was.
    pub fn stored(word: Option<String>) -> Self {
        word.and_then(|word| Self::of_word(&word)).unwrap_or(Self::Ample)
    }
}

/// The level of `free` bytes, with `reserve` of them kept. A level is left only with a tenth more than it needs, so that one
/// that is just reached is not told again and again.
pub fn level(free: u64, reserve: u64, before: Fullness) -> Fullness {
    let of = |free: u64| match free {
        free if free < reserve => Fullness::Reserve,
        free if free < reserve.saturating_mul(3) / 2 => Fullness::VeryLow,
        free if free < reserve.saturating_mul(3) => Fullness::Low,
        _ => Fullness::Ample,
    };
    of(free).max(before.min(of(free / 11 * 10)))
}

/// What is told when a level is reached or left.
pub fn sentence(level: Fullness, free: u64, reserve: u64, place: &str) -> String {
    let [free, reserve] = Size::together([free, reserve].map(Size::bytes));
    let start = format!("{free} is free where the disks of the instances lie ({place})");
    match level {
        Fullness::Ample => format!("{start}: enough again"),
        Fullness::Low => format!("{start}: below {reserve} nothing is made or started"),
        Fullness::VeryLow => format!("{start}: soon, below {reserve}, nothing is made or started; make room now"),
        Fullness::Reserve => format!("{start}: nothing is made or started until {reserve} is free"),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Fullness::{self, Ample, Low, Reserve, VeryLow},
        level, sentence,
    };

    const GIB: u64 = 1 << 30;

    #[test]
    fn two_levels_before_the_reserve() {
        let levels = |frees: &[u64]| {
            let mut now = Ample;
            let step = |mib: &u64| {
                now = level(mib << 20, 5 * GIB, now);
                now
            };
            frees.iter().map(step).collect::<Vec<Fullness>>()
        };
        // Thresholds in MiB: 15360, 7680, 5120.
        assert_eq!(levels(&[15_360, 15_359, 7680, 7679, 5120, 5119]), [Ample, Low, Low, VeryLow, VeryLow, Reserve]);
        assert_eq!(
            levels(&[5119, 5120, 5632, 7680, 8448, 15_360, 16_896]),
            [Reserve, Reserve, VeryLow, VeryLow, Low, Low, Ample]
        );
        assert_eq!(levels(&[5119, 20_000]), [Reserve, Ample]);
        assert_eq!(level(0, 0, Ample), Ample, "no reserve is never reached");
    }

    #[test]
    fn what_is_told_names_what_is_free_and_what_follows() {
        let told = |level| sentence(level, 12 * GIB + GIB / 2, 5 * GIB, "/p");
        let start = "12.5 GiB is free where the disks of the instances lie (/p)";
        assert_eq!(told(Ample), format!("{start}: enough again"));
        assert_eq!(told(Low), format!("{start}: below 5 GiB nothing is made or started"));
        assert_eq!(told(VeryLow), format!("{start}: soon, below 5 GiB, nothing is made or started; make room now"));
        assert_eq!(told(Reserve), format!("{start}: nothing is made or started until 5 GiB is free"));
    }
}
