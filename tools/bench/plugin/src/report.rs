// SPDX-License-Identifier: GPL-2.0
//! The windows of a run as JSON, one object a case and line.

use crate::windows::{Case, Window};
use std::fmt::Write;

/// Writes `case` as one line of JSON.
///
/// Of many windows it gives the one with the median number of instructions,
/// whole: a timer tick that falls into a window makes it an outlier, and the
/// register accesses of the window reported belong to its instructions.
///
/// The words of the description become members, and then
/// - `windows`: how many there were; all that follows is missing if 0
/// - `insns`, `vgic_insns`: instructions, and those of the vGIC
/// - `sysregs`, `barriers`, `vgic_sysregs`, `vgic_barriers`: by name
/// - `exits`: how often a guest was left
/// - `insns_range`: the lowest and the highest number of any window.
pub fn line(case: &Case) -> String {
    let mut out = String::from("{");
    for word in case.description.split(' ') {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        write_member(&mut out, key, &quote(value));
    }
    write_member(&mut out, "windows", &case.windows.len().to_string());
    if let Some((median, range)) = median(&case.windows) {
        let members = [
            ("insns", median.all.insns().to_string()),
            ("vgic_insns", median.vgic.insns().to_string()),
            ("sysregs", object(&median.all.sysregs())),
            ("vgic_sysregs", object(&median.vgic.sysregs())),
            ("barriers", object(&median.all.barriers())),
            ("vgic_barriers", object(&median.vgic.barriers())),
            ("exits", median.exits.to_string()),
            ("insns_range", format!("[{}, {}]", range.0, range.1)),
        ];
        for (key, value) in members {
            write_member(&mut out, key, &value);
        }
    }
    out.push('}');
    out
}

/// The median window, and the fewest and the most instructions of any.
fn median(windows: &[Window]) -> Option<(&Window, (u64, u64))> {
    let mut sorted: Vec<_> = windows.iter().collect();
    sorted.sort_by_key(|w| w.all.insns());
    let range = (sorted.first()?.all.insns(), sorted.last()?.all.insns());
    Some((sorted[sorted.len() / 2], range))
}

fn write_member(out: &mut String, key: &str, value: &str) {
    let comma = if out.len() > 1 { ", " } else { "" };
    // Writing to a String cannot fail.
    let _ = write!(out, "{comma}{}: {value}", quote(key));
}

fn object(members: &[(String, u64)]) -> String {
    let mut out = String::from("{");
    for (key, value) in members {
        write_member(&mut out, key, &value.to_string());
    }
    out.push('}');
    out
}

fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::{Counts, Slot};
    use crate::windows::Recorder;

    #[test]
    fn reports_the_median_window() {
        let mut recorder = Recorder::new(1);
        recorder.begin("case=a\"b window=roundtrip").unwrap();
        let mut now = Counts::ZERO;
        for insns in [3, 900, 5] {
            recorder.guest_exit(0, &now);
            (0..insns).for_each(|_| now.add(Slot::INSNS));
            now.add(Slot::barrier(0));
            recorder.guest_entry(0, &now);
        }
        assert_eq!(
            line(&recorder.cases()[0]),
            r#"{"case": "a\"b", "window": "roundtrip", "windows": 3, "insns": 5, "vgic_insns": 0, "sysregs": {}, "vgic_sysregs": {}, "barriers": {"DSB #0": 1}, "vgic_barriers": {}, "exits": 1, "insns_range": [3, 900]}"#
        );
    }

    #[test]
    fn reports_that_there_was_nothing() {
        let mut recorder = Recorder::new(1);
        recorder.begin("window=marks").unwrap();
        assert_eq!(
            line(&recorder.cases()[0]),
            r#"{"window": "marks", "windows": 0}"#
        );
    }
}
