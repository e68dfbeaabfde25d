//! How many tests passed and failed, read from what test runners print at their end.

use std::ops::AddAssign;

/// Tests passed and failed. Signed, since a runner may take back what it said a line before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) passed: i32,
    pub(super) failed: i32,
}

impl Count {
    /// One that passed.
    pub(super) const SUCCESS: Self = Self { passed: 1, failed: 0 };
    /// One that failed.
    pub(super) const FAILURE: Self = Self { passed: 0, failed: 1 };

    /// What a line of a runner's output adds: nothing, unless it is one that sums up.
    pub(super) fn of_line(line: &str) -> Self {
        let line = without_colors(line);
        let words: Vec<&str> = line
            .split(|sign: char| sign.is_whitespace() || "();,|=".contains(sign))
            .filter(|word| !word.is_empty())
            .collect();
        match words[..] {
            // cargo test and wasm-bindgen-test: `test result: ok. 3 passed; 1 failed; 0 ignored; …`
            ["test", "result:", _, ref rest @ ..] => Self::of_pairs(rest),
            // Vitest: `Tests  1 failed | 11 passed (12)`
            ["Tests", ref rest @ ..] => Self::of_pairs(rest),
            // node --test, into a pipe or a terminal: `# pass 3`, `ℹ fail 1`
            ["#" | "ℹ", "pass", count] => Self { passed: number(count), failed: 0 },
            ["#" | "ℹ", "fail", count] => Self { passed: 0, failed: number(count) },
            // Playwright: `12 passed (30.1s)`, `1 failed`
            [count, "passed", _] => Self { passed: number(count), failed: 0 },
            [count, "failed"] => Self { passed: 0, failed: number(count) },
            // unittest: `Ran 3 tests in 0.1s`, and then `FAILED (failures=1, errors=1)`
            ["Ran", count, "test" | "tests", "in", _] => Self { passed: number(count), failed: 0 },
            ["FAILED", "failures" | "errors", ..] => {
                let named = |pair: &&[&str]| ["failures", "errors"].contains(&pair[0]);
                let failed: i32 = words.windows(2).filter(named).map(|pair| number(pair[1])).sum();
                Self { passed: -failed, failed }
            }
            _ => Self::default(),
        }
    }

    /// The numbers that stand before `passed` and `failed`.
    fn of_pairs(words: &[&str]) -> Self {
        let before =
            |name| words.windows(2).find(|pair| pair[1] == name).map_or(0, |pair| number(pair[0]));
        Self { passed: before("passed"), failed: before("failed") }
    }

    /// How many there were.
    pub(super) fn total(self) -> i32 {
        self.passed + self.failed
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn number(word: &str) -> i32 {
    word.parse().unwrap_or(0)
}

/// A color stands between `ESC [` and a letter.
fn without_colors(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.extend(part.chars().skip_while(|sign| !sign.is_ascii_alphabetic()).skip(1));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Count;

    fn sum(output: &str) -> (i32, i32) {
        let mut count = Count::default();
        output.lines().for_each(|line| count += Count::of_line(line));
        (count.passed, count.failed)
    }

    #[test]
    fn reads_what_each_runner_closes_with() {
        let cargo = "running 4 tests\ntest a ... ok\n\
                     test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n\
                     test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert_eq!(sum(cargo), (5, 1));
        let vitest = " Test Files  1 failed | 3 passed (4)\n\u{1b}[2m      Tests \u{1b}[22m 1 failed | 11 passed (12)";
        assert_eq!(sum(vitest), (11, 1));
        assert_eq!(sum(" Tests  12 passed | 2 skipped (14)"), (12, 0));
        assert_eq!(sum("# tests 4\n# pass 3\n# fail 1"), (3, 1));
        assert_eq!(sum("ℹ tests 3\nℹ pass 3\nℹ fail 0"), (3, 0));
        assert_eq!(sum("  1 failed\n    [chromium] › a.spec.ts:3\n  12 passed (30.1s)"), (12, 1));
        assert_eq!(sum("Ran 5 tests in 0.112s\n\nOK"), (5, 0));
        assert_eq!(sum("Ran 5 tests in 0.112s\n\nFAILED (failures=1, errors=2)"), (2, 3));
    }

    #[test]
    fn takes_nothing_else_for_a_sum() {
        assert_eq!(sum("Tests are run in Chromium\n3 requests failed so far\nall passed"), (0, 0));
    }
}
