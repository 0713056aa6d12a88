//! Numbers, times, durations, sizes and foreign text as people read them, and as programs do.

use jiff::{Timestamp, tz::TimeZone};

const MICROS: i64 = 1_000_000;

/// Writes a number with up to six significant digits, without needless zeros.
pub fn number_text(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-4.0..9.0).contains(&magnitude) {
        return scientific(value);
    }
    let digits = (5.0 - magnitude).max(0.0) as usize;
    trimmed(&format!("{value:.digits$}")).to_owned()
}

fn scientific(value: f64) -> String {
    let text = format!("{value:.5e}");
    match text.split_once('e') {
        Some((digits, exponent)) => format!("{}e{exponent}", trimmed(digits)),
        None => text,
    }
}

fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// Writes an instant (microseconds since the epoch) as RFC 3339 in UTC; `None` for 0, which means never.
pub fn rfc3339(micros: i64) -> Option<String> {
    let instant = Timestamp::from_microsecond(micros).ok().filter(|_| micros != 0)?;
    Some(instant.to_string())
}

/// Writes an instant in the time zone of this machine, to the second; `-` for 0.
pub fn local_time(micros: i64) -> String {
    time_in(micros, &TimeZone::system())
}

fn time_in(micros: i64, zone: &TimeZone) -> String {
    match Timestamp::from_microsecond(micros) {
        Ok(instant) if micros != 0 => instant.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Ok(_) | Err(_) => "-".to_owned(),
    }
}

/// Writes a duration in microseconds with its two largest units: `350ms`, `4.2s`, `3m 05s`, `2h 10m`, `3d 4h`.
pub fn span_text(micros: i64) -> String {
    let micros = micros.max(0);
    let seconds = micros / MICROS;
    match seconds {
        0 => format!("{}ms", micros / 1_000),
        1..=59 => format!("{:.1}s", (micros / 100_000) as f64 / 10.0),
        60..=3_599 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Writes a size with three digits: `512 B`, `1.5 GiB`.
pub fn bytes_text(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut size = bytes as f64;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && size < 100.0);
    format!("{size:.digits$} {}", UNITS[unit])
}

/// Keeps foreign text in one line and from steering the terminal: ends of lines become blanks, other control
/// characters `�`.
pub fn visible(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.trim_end().chars().map(shown).collect()
}

/// Writes a hash.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_six_digits() {
        let table = [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (0.976_543_21, "0.976543"),
            (0.000_123_456_78, "0.000123457"),
            (0.000_012_345_678, "1.23457e-5"),
            (123_456.789, "123457"),
            (1e9, "1e9"),
            (-2.5, "-2.5"),
            (1e300, "1e300"),
            (f64::NAN, "nan"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::INFINITY, "inf"),
        ];
        for (value, text) in table {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn durations_show_two_units() {
        let table = [
            (-5, "0ms"),
            (350_000, "350ms"),
            (4_260_000, "4.2s"),
            (59_999_999, "59.9s"),
            (185_000_000, "3m 05s"),
            (7_800_000_000, "2h 10m"),
            (273_600_000_000, "3d 4h"),
        ];
        for (micros, text) in table {
            assert_eq!(span_text(micros), text);
        }
    }

    #[test]
    fn sizes_show_three_digits() {
        for (bytes, text) in [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 30, "1.0 GiB"), (300 << 20, "300 MiB")] {
            assert_eq!(bytes_text(bytes), text);
        }
    }

    #[test]
    fn times_are_utc_for_programs_and_local_for_people() {
        let instant = 1_790_000_000_123_456;
        assert_eq!(rfc3339(instant).as_deref(), Some("2026-09-21T14:13:20.123456Z"));
        assert_eq!(rfc3339(0), None);
        assert_eq!(rfc3339(i64::MAX), None);
        assert_eq!(time_in(instant, &TimeZone::UTC), "2026-09-21 14:13:20");
        assert_eq!(time_in(0, &TimeZone::UTC), "-");
        assert_eq!(time_in(i64::MIN, &TimeZone::UTC), "-");
    }

    #[test]
    fn foreign_text_cannot_steer_the_terminal() {
        assert_eq!(visible("a\u{1b}[31m\nb\rc\n"), "a\u{fffd}[31m b\u{fffd}c");
    }
}
