//! Lines written by a thread of their own, so that nobody waits for whoever reads them.
//!
//! A pipe that nobody empties would stop the service with the first line that doesn't fit. Here
//! lines are dropped then, and counted.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait to be written.
const QUEUE: usize = 8_192;

/// About how many bytes of lines are written at once.
const AT_ONCE: usize = 64 << 10;

/// How long lines are collected after some were written. To be woken for each of them, and to
/// write each by itself, costs a busy service more than making the line.
const PAUSE: Duration = Duration::from_millis(2);

/// What writes to a thread's queue. Clones write to the same one.
#[derive(Clone, Debug)]
pub struct Lossy {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Item {
    Line(Vec<u8>),
    /// Tells that everything before it was written.
    Mark(SyncSender<()>),
}

impl Lossy {
    /// Starts the thread, which writes to `output` until all clones are gone.
    pub fn new(output: impl Write + Send + 'static) -> Self {
        let (queue, items) = mpsc::sync_channel(QUEUE);
        let dropped = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&dropped);
        thread::spawn(move || write_all(output, &items, &count));
        Self { queue, dropped }
    }

    /// Waits until what was logged so far is written, but no longer than `patience`.
    pub fn flush(&self, patience: Duration) {
        let end = Instant::now().checked_add(patience);
        let (written, done) = mpsc::sync_channel(1);
        let mut mark = Item::Mark(written);
        // Where the queue is full, somebody may still read it.
        while let Err(TrySendError::Full(back)) = self.queue.try_send(mark) {
            if end.is_none_or(|end| Instant::now() >= end) {
                return;
            }
            mark = back;
            thread::sleep(Duration::from_millis(5));
        }
        let rest = end.map(|end| end.saturating_duration_since(Instant::now()));
        let _ = done.recv_timeout(rest.unwrap_or_default());
    }
}

/// One line, which goes to the queue when it is complete: when this is dropped.
pub struct Line {
    to: Lossy,
    bytes: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let line = Item::Line(std::mem::take(&mut self.bytes));
        if self.to.queue.try_send(line).is_err() {
            self.to.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl MakeWriter<'_> for Lossy {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line { to: self.clone(), bytes: Vec::new() }
    }
}

fn write_all(mut output: impl Write, items: &Receiver<Item>, dropped: &AtomicU64) {
    let mut lines = Vec::new();
    while let Ok(item) = items.recv() {
        let mut marks = Vec::new();
        let mut next = Some(item);
        while let Some(item) = next {
            match item {
                Item::Line(line) => lines.extend_from_slice(&line),
                Item::Mark(written) => marks.push(written),
            }
            next = if lines.len() < AT_ONCE { items.try_recv().ok() } else { None };
        }
        // What can't be written can't be told of either.
        let _ = output.write_all(&lines);
        lines.clear();
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(
                output,
                r#"{{"level":"WARN","message":"lines of the log were lost, as nobody read them","lines":{lost}}}"#
            );
        }
        if marks.is_empty() {
            thread::sleep(PAUSE);
            continue;
        }
        let _ = output.flush();
        for written in marks {
            let _ = written.try_send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>, Arc<Mutex<()>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A reader that stalls has this.
            let _reader = self.1.lock().unwrap();
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_come_whole_and_in_order() {
        let output = Output::default();
        let log = Lossy::new(output.clone());
        for number in 0..100 {
            let mut line = log.make_writer();
            write!(line, "line ").unwrap();
            writeln!(line, "{number}").unwrap();
        }
        log.flush(Duration::from_secs(10));
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let expected: String = (0..100).map(|number| format!("line {number}\n")).collect();
        assert_eq!(text, expected);
    }

    #[test]
    fn nobody_waits_for_a_reader_that_stalls_and_what_was_lost_is_counted() {
        let output = Output::default();
        let log = Lossy::new(output.clone());
        let stalled = output.1.lock().unwrap();
        for _ in 0..QUEUE * 2 {
            writeln!(log.make_writer(), "line").unwrap();
        }
        log.flush(Duration::from_millis(20));
        assert!(output.0.lock().unwrap().is_empty());
        drop(stalled);
        log.flush(Duration::from_secs(10));
        let text = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let written = text.lines().filter(|line| *line == "line").count();
        let lost = text.lines().find_map(|line| {
            line.split_once(r#""lines":"#)?.1.strip_suffix('}')?.parse::<usize>().ok()
        });
        assert_eq!(written + lost.expect("a line about it"), QUEUE * 2);
    }
}
