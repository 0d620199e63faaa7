//! Points of a metric in few bytes: a block holds 60 points of one step, absent ones included. Pure.
//!
//! A byte says what follows: `0 n`: n absent points; `1 n`: n points like the one before; `2` count (2 bytes) and one
//! value, where all samples are the same; `3` count, mean, lowest and highest; `5` and `4` are those two without a count that
//! is that of the point before. Values are 4-byte floats, little end first; lowest and highest are kept without their
//! lowest byte, which is to 1 in 50,000.

use crate::model::Point;

/// Points of a block.
pub const BLOCK: usize = 60;

/// Packs the points of a block.
pub fn pack(points: &[Option<Point>; BLOCK]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut before: Option<[u8; 14]> = None;
    while at < BLOCK {
        let code = points[at].map(bytes);
        let run = points[at..].iter().take_while(|p| p.map(bytes) == code).count();
        match code {
            None => out.extend([0, run as u8]),
            Some(code) if before == Some(code) => out.extend([1, run as u8]),
            Some(code) => {
                let single = code[2..6] == code[6..10] && code[6..10] == code[10..14];
                let counted = before.is_some_and(|b| b[..2] == code[..2]);
                before = Some(code);
                out.push(match (single, counted) {
                    (true, false) => 2,
                    (true, true) => 5,
                    (false, false) => 3,
                    (false, true) => 4,
                });
                if !counted {
                    out.extend(&code[..2]);
                }
                out.extend(&code[2..6]);
                if !single {
                    out.extend(&code[7..10]);
                    out.extend(&code[11..14]);
                }
                at += 1;
                continue;
            }
        }
        at += run;
    }
    out
}

fn bytes(point: Point) -> [u8; 14] {
    let mut out = [0; 14];
    let count = u16::try_from(point.count).unwrap_or(u16::MAX);
    out[..2].copy_from_slice(&count.to_le_bytes());
    let mean = point.sum / f64::from(point.count.max(1));
    for (place, value) in out[2..].chunks_exact_mut(4).zip([mean, point.min, point.max]) {
        place.copy_from_slice(&(value as f32).to_le_bytes());
    }
    if out[2..6] != out[6..10] || out[6..10] != out[10..14] {
        (out[6], out[10]) = (0, 0);
    }
    out
}

fn point(code: &[u8; 14]) -> Point {
    let value = |at: usize| f64::from(f32::from_le_bytes([code[at], code[at + 1], code[at + 2], code[at + 3]]));
    let count = u32::from(u16::from_le_bytes([code[0], code[1]]));
    Point { count, sum: value(2) * f64::from(count), min: value(6), max: value(10) }
}

/// Unpacks a block; what is damaged or missing is absent.
pub fn unpack(packed: &[u8]) -> [Option<Point>; BLOCK] {
    let mut out = [None; BLOCK];
    let (mut at, mut rest, mut before) = (0, packed, [0; 14]);
    while let Some((tag, more)) = rest.split_first() {
        let (take, run) = match tag {
            0 | 1 => (1, usize::from(more.first().copied().unwrap_or(0))),
            2 => (6, 1),
            3 => (12, 1),
            4 => (10, 1),
            5 => (4, 1),
            _ => return out,
        };
        let Some((code, after)) = more.split_at_checked(take) else { return out };
        rest = after;
        if *tag > 1 {
            let (count, values) = if matches!(tag, 2 | 3) { code.split_at(2) } else { (&[][..], code) };
            before[..count.len()].copy_from_slice(count);
            before[2..6].copy_from_slice(&values[..4]);
            if matches!(tag, 2 | 5) {
                before.copy_within(2..6, 6);
                before.copy_within(2..6, 10);
            } else {
                (before[6], before[10]) = (0, 0);
                before[7..10].copy_from_slice(&values[4..7]);
                before[11..14].copy_from_slice(&values[7..10]);
            }
        }
        if *tag != 0 {
            out.iter_mut().skip(at).take(run).for_each(|place| *place = Some(point(&before)));
        }
        at += run;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, pack, unpack};
    use crate::model::Point;

    fn point(count: u32, mean: f64, min: f64, max: f64) -> Option<Point> {
        Some(Point { count, sum: mean * f64::from(count), min, max })
    }

    #[test]
    fn comes_back_and_is_small() {
        let mut points = [None; BLOCK];
        assert_eq!(pack(&points), [0, 60]);
        assert_eq!(unpack(&pack(&points)), points);
        points.fill(point(5, 1.0, 1.0, 1.0));
        assert_eq!(pack(&points), [2, 5, 0, 0, 0, 128, 63, 1, 59]);
        assert_eq!(unpack(&pack(&points)), points);
        for (at, place) in points.iter_mut().enumerate() {
            *place = match at % 7 {
                0 | 1 => None,
                2..=4 => point(30, 0.5, 0.25, 1.0),
                _ => point(360, at as f64, 0.0, 4096.0),
            };
        }
        assert_eq!(unpack(&pack(&points)), points);
        assert!(pack(&points).len() <= 13 * BLOCK);
    }

    #[test]
    fn damage_is_absence() {
        for damaged in [&[9, 9][..], &[3, 1], &[0], &[1], &[0, 200, 1, 200], &[]] {
            let _ = unpack(damaged);
        }
        assert_eq!(unpack(&[9]), [None; BLOCK]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_unpack(bytes: Vec<u8>) {
            let once = unpack(&bytes);
            if once.iter().flatten().all(|p| p.sum.is_finite() && p.min.is_finite() && p.max.is_finite() && p.count > 0) {
                proptest::prop_assert_eq!(unpack(&pack(&once)), once);
            }
        }
    }
}
