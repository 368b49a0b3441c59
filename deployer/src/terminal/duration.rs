//! Time spans: parsed from arguments and printed.

use std::time::Duration;

/// Parses a time span such as `15m`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "invalid time span {text:?}: expected a number with a unit, as in 30s, 15m, 1h or 2d"
        )
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

/// Prints a time span of five minutes or more in its largest unit.
pub(crate) fn words(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_a_number_with_a_unit() {
        let seconds = |text: &str| parse(text).map(|span| span.as_secs());
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("2d"), Ok(172_800));
        for wrong in ["", "h", "1", "1y", "-1h", "1.5h", "1ä", "99999999999d"] {
            assert!(parse(wrong).is_err_and(|text| text.contains("as in 30s")), "{wrong}");
        }
    }
}
