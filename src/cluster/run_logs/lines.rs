//! Takes the lines of a log stream apart, and knows where to go on after a cut.

use std::io;

use futures::{AsyncBufRead, AsyncBufReadExt as _};
use jiff::{Timestamp, Unit};

use crate::telemetry::LONGEST_TEXT;

/// The longest line that is kept: a text that is one too long for the log, so that the log marks it
/// as cut, and its time stamp.
const LONGEST_LINE: usize = LONGEST_TEXT + 64;

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    Newline,
    /// With the stream. Empty: there was no line.
    Stream,
}

/// Reads one line without its end. What is longer than the log shows is read and dropped.
pub async fn read_line(
    reader: &mut (impl AsyncBufRead + Unpin),
    line: &mut Vec<u8>,
) -> io::Result<LineEnd> {
    line.clear();
    loop {
        let bytes = reader.fill_buf().await?;
        if bytes.is_empty() {
            return Ok(LineEnd::Stream);
        }
        let newline = bytes.iter().position(|&byte| byte == b'\n');
        let end = newline.unwrap_or(bytes.len());
        let room = LONGEST_LINE - line.len();
        line.extend_from_slice(&bytes[..end.min(room)]);
        reader.consume_unpin(newline.map_or(end, |at| at + 1));
        if newline.is_some() {
            return Ok(LineEnd::Newline);
        }
    }
}

/// Takes a line apart into its time stamp and its text. None: it isn't a line of the container but
/// what the kubelet has to say instead.
pub fn split(line: &[u8]) -> Option<(Timestamp, String)> {
    let line = String::from_utf8_lossy(line);
    let (stamp, text) = line.split_once(' ').unwrap_or((&line, ""));
    let text = text.strip_suffix('\r').unwrap_or(text);
    Some((stamp.parse().ok()?, text.to_owned()))
}

/// How far a log was read. The API server can resume at a whole second only and then repeats lines,
/// and two lines may have the same time, so the lines of the last second are counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    /// Lines before this are not wanted.
    since: Option<Timestamp>,
    latest: Option<Timestamp>,
    /// How many lines were read of the second of the latest.
    in_second: u64,
    /// How many of them a resumed stream has still to repeat.
    repeats: u64,
}

impl Position {
    /// At the first line that isn't before `since`.
    pub fn new(since: Option<Timestamp>) -> Self {
        Self {
            since,
            ..Self::default()
        }
    }

    /// The time to ask the API server for, and from there on the lines that it repeats are known.
    pub fn resume(&mut self) -> Option<Timestamp> {
        self.repeats = self.in_second;
        self.latest.or(self.since).map(second)
    }

    /// Whether a line of this time is new; to be called for each line as it comes.
    pub fn take(&mut self, at: Timestamp) -> bool {
        if Some(at) < self.since {
            return false;
        }
        let Some(latest) = self.latest else {
            self.latest = Some(at);
            self.in_second = 1;
            return true;
        };
        if self.repeats > 0 {
            // What is later than all that was read is new even if fewer lines than expected were
            // repeated, as after a log file was rotated away.
            if at <= latest {
                if second(at) == second(latest) {
                    self.repeats -= 1;
                }
                return false;
            }
            self.repeats = 0;
        }
        if second(at) > second(latest) {
            self.in_second = 0;
        }
        // Output and error output are stamped apart, so that a line may be a little older than the
        // one before it.
        self.latest = Some(latest.max(at));
        if second(at) >= second(latest) {
            self.in_second += 1;
        }
        true
    }
}

/// The second in which an instant lies.
fn second(at: Timestamp) -> Timestamp {
    let round = jiff::TimestampRound::new()
        .smallest(Unit::Second)
        .mode(jiff::RoundMode::Floor);
    // Seconds divide a day, which is all that rounding asks for.
    at.round(round).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: &str) -> Timestamp {
        format!("2026-11-20T18:45:{seconds}Z").parse().unwrap()
    }

    async fn lines(text: &[u8]) -> Vec<(String, LineEnd)> {
        let mut reader = futures::io::BufReader::with_capacity(7, text);
        let mut line = Vec::new();
        let mut lines = Vec::new();
        loop {
            let end = read_line(&mut reader, &mut line).await.unwrap();
            lines.push((String::from_utf8_lossy(&line).into_owned(), end));
            if end == LineEnd::Stream {
                return lines;
            }
        }
    }

    #[tokio::test]
    async fn a_stream_is_split_at_newlines_however_it_is_cut_into_packets() {
        use LineEnd::{Newline, Stream};
        let row = |text: &str, end| (text.to_owned(), end);
        assert_eq!(lines(b"").await, [row("", Stream)]);
        assert_eq!(lines(b"a\n").await, [row("a", Newline), row("", Stream)]);
        assert_eq!(
            lines(b"a line of more than seven\n\nand a part").await,
            [
                row("a line of more than seven", Newline),
                row("", Newline),
                row("and a part", Stream)
            ]
        );
    }

    #[tokio::test]
    async fn an_endless_line_is_kept_up_to_its_bound() {
        let mut text = vec![b'x'; 3 * LONGEST_LINE];
        text.extend_from_slice(b"\nnext\n");
        let lines = lines(&text).await;
        assert_eq!(lines[0].0.len(), LONGEST_LINE);
        assert_eq!(lines[1].0, "next");
    }

    #[test]
    fn a_line_is_a_time_stamp_and_a_text() {
        let stamp = "2026-11-20T18:45:01.5Z";
        for (line, text) in [
            (format!("{stamp} hello world"), "hello world"),
            (format!("{stamp} "), ""),
            (stamp.to_owned(), ""),
            (format!("{stamp}  two spaces\r"), " two spaces"),
        ] {
            assert_eq!(split(line.as_bytes()), Some((at("01.5"), text.to_owned())));
        }
        assert_eq!(split(b"unable to retrieve container logs"), None);
        assert_eq!(split(b"\xff\xfe"), None);
    }

    /// What is new of these lines, by their seconds.
    fn taken(position: &mut Position, stamps: &[&str]) -> Vec<bool> {
        stamps
            .iter()
            .map(|stamp| position.take(at(stamp)))
            .collect()
    }

    #[test]
    fn a_resumed_stream_repeats_nothing_and_loses_nothing() {
        let mut position = Position::new(None);
        assert_eq!(position.resume(), None);
        // Two lines with the same time, and one that is older than the one before it.
        let all = ["01.9", "02.1", "02.3", "02.2", "02.3"];
        assert_eq!(taken(&mut position, &all), [true; 5]);
        assert_eq!(position.resume(), Some(at("02")));
        assert_eq!(
            taken(
                &mut position,
                &["02.1", "02.3", "02.2", "02.3", "02.3", "02.25", "03"]
            ),
            [false, false, false, false, true, true, true]
        );
        assert_eq!(position.resume(), Some(at("03")));
        assert_eq!(taken(&mut position, &["03", "03"]), [false, true]);
    }

    #[test]
    fn a_server_that_repeats_more_than_it_was_asked_for_makes_no_line_come_twice() {
        let mut position = Position::new(None);
        taken(&mut position, &["01.9", "02.1", "02.2"]);
        position.resume();
        let again = ["01.9", "02.1", "02.2", "02.3"];
        assert_eq!(taken(&mut position, &again), [false, false, false, true]);
    }

    #[test]
    fn a_later_line_is_new_though_the_repeated_ones_were_rotated_away() {
        let mut position = Position::new(None);
        taken(&mut position, &["02.1", "02.2", "02.3"]);
        position.resume();
        assert_eq!(taken(&mut position, &["02.4", "02.35"]), [true, true]);
    }

    #[test]
    fn what_was_printed_before_the_controller_started_is_not_wanted() {
        let mut position = Position::new(Some(at("02.5")));
        assert_eq!(position.resume(), Some(at("02")));
        assert_eq!(
            taken(&mut position, &["02.4", "02.5", "02.6"]),
            [false, true, true]
        );
        assert_eq!(position.resume(), Some(at("02")));
        // The server repeats the whole second, also what was not wanted.
        let again = ["02.4", "02.5", "02.6", "02.7"];
        assert_eq!(taken(&mut position, &again), [false, false, false, true]);
    }
}
