//! What was found: our figures, and how they stand to the others', with the spread over the rounds.

use std::fmt;

use crate::server::Kind;

/// Above this share of its core the client may have been what was measured.
const CLIENT_BUSY: f64 = 0.9;

/// A row of the report.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// What is to be reached.
    pub(crate) target: Target,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    More,
    Less,
}

/// What a row is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// So many times as good as Node, and as good as bare socketioxide where that is asked.
    TimesNode { times: f64, bare_too: bool },
    /// At most so much.
    AtMost(f64),
    /// None is set.
    None,
}

/// One measurement of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    pub(crate) value: f64,
    /// The same over the server's CPU time and not over time, where that makes sense: of this,
    /// other programs on the machine take nothing away.
    pub(crate) by_cpu: Option<f64>,
    /// The share of its core that the client had.
    pub(crate) client_share: f64,
}

/// All measurements.
#[derive(Debug, Default)]
pub(crate) struct Report {
    measured: Vec<(Row, Kind, Measured)>,
}

impl Report {
    /// Takes a measurement in, and shows it.
    pub(crate) fn add(&mut self, row: Row, kind: Kind, measured: Measured) {
        let cpu = measured.by_cpu.map(|done| format!(", {:.2} µs of CPU each", 1e6 / done));
        let cpu = cpu.unwrap_or_default();
        eprintln!("  {:<32} {:>12.1} {}{cpu}", row.name, measured.value, row.unit);
        self.measured.push((row, kind, measured));
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for (row, ..) in &self.measured {
            if !rows.contains(row) {
                rows.push(*row);
            }
        }
        rows
    }

    /// One figure of each round.
    fn of(&self, row: Row, kind: Kind, figure: impl Fn(Measured) -> Option<f64>) -> Vec<f64> {
        let wanted = self.measured.iter().filter(|(at, of, _)| *at == row && *of == kind);
        wanted.filter_map(|(_, _, measured)| figure(*measured)).collect()
    }

    /// How many times as good we are, round by round.
    fn ratios(
        &self,
        row: Row,
        other: Kind,
        figure: impl Fn(Measured) -> Option<f64> + Copy,
    ) -> Spread {
        let ours = self.of(row, Kind::Ours, figure);
        let theirs = self.of(row, other, figure);
        Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| match row.better {
            Better::More => ours / theirs,
            Better::Less => theirs / ours,
        }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n| {:<32} | {:>24} | {:>20} | {:>20} | {:>8} | {:<18} |",
            "row", "ours, median", "× Node (spread)", "× bare (spread)", "× by CPU", "to reach"
        )?;
        writeln!(f, "|{}|", [34, 26, 22, 22, 10, 20].map(|width| "-".repeat(width)).join("|"))?;
        for row in self.rows() {
            let value = |measured: Measured| Some(measured.value);
            let ours = Spread::of(self.of(row, Kind::Ours, value).into_iter());
            let node = self.ratios(row, Kind::Node, value);
            let bare = self.ratios(row, Kind::Bare, value);
            let by_cpu = self.ratios(row, Kind::Node, |measured| measured.by_cpu);
            let ours_text = format!("{} {}", thousands(ours.median), row.unit);
            let by_cpu = if by_cpu.median.is_nan() {
                String::new()
            } else {
                format!("{:.1}", by_cpu.median)
            };
            writeln!(
                f,
                "| {:<32} | {:>24} | {:>20} | {:>20} | {:>8} | {:<18} |",
                row.name,
                ours_text,
                node.to_string(),
                bare.to_string(),
                by_cpu,
                row.target.verdict(ours.median, node.median, bare.median),
            )?;
        }
        for row in self.rows() {
            for kind in Kind::ALL {
                let share = Spread::of(
                    self.of(row, kind, |measured| Some(measured.client_share)).into_iter(),
                );
                if share.median > CLIENT_BUSY {
                    writeln!(f, "{}: with {} the client was the limit", row.name, kind.name())?;
                }
            }
        }
        Ok(())
    }
}

impl Target {
    fn verdict(self, ours: f64, node: f64, bare: f64) -> String {
        let (text, reached) = match self {
            Self::TimesNode { times, bare_too: false } => {
                (format!("{times} × Node"), node >= times)
            }
            Self::TimesNode { times, bare_too: true } => {
                (format!("{times} × Node, bare"), node >= times && bare >= 1.0)
            }
            Self::AtMost(most) => (thousands(most), ours <= most),
            Self::None => return String::new(),
        };
        format!("{text} {}", if reached { "✓" } else { "✗" })
    }
}

/// The median of several rounds, and from where to where they went.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            at(middle)
        } else {
            f64::midpoint(at(middle.wrapping_sub(1)), at(middle))
        };
        Self { median, least: at(0), most: at(values.len().wrapping_sub(1)) }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.median.is_nan() {
            return Ok(());
        }
        write!(f, "{:.2} ({:.2} to {:.2})", self.median, self.least, self.most)
    }
}

fn thousands(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_of_the_same_round_and_say_how_many_times_as_good() {
        let row = |better| Row { name: "row", unit: "u", better, target: Target::None };
        let measured = |value| Measured { value, by_cpu: None, client_share: 0.0 };
        for (better, expected) in
            [(Better::More, "3.00 (2.00 to 4.00)"), (Better::Less, "0.38 (0.25 to 0.50)")]
        {
            let mut report = Report::default();
            for (node, ours) in [(10.0, 20.0), (5.0, 20.0)] {
                report.add(row(better), Kind::Node, measured(node));
                report.add(row(better), Kind::Ours, measured(ours));
            }
            assert_eq!(
                report.ratios(row(better), Kind::Node, |m| Some(m.value)).to_string(),
                expected
            );
        }
    }

    #[test]
    fn figures_are_read_by_people() {
        assert_eq!(thousands(1_234_567.4), "1,234,567");
        assert_eq!(thousands(0.91), "0.91");
        assert_eq!(thousands(123.0), "123");
    }

    #[test]
    fn a_verdict_wants_all_that_is_asked() {
        let target = Target::TimesNode { times: 5.5, bare_too: true };
        assert!(target.verdict(0.0, 6.0, 1.0).ends_with('✓'));
        assert!(target.verdict(0.0, 6.0, 0.9).ends_with('✗'));
        assert!(target.verdict(0.0, 5.0, 1.2).ends_with('✗'));
        assert!(Target::AtMost(24.0).verdict(23.0, 0.0, 0.0).ends_with('✓'));
    }
}
