//! Bytes as they come, cut into lines.

use super::MAX_LINE_BYTES;
use super::fault::{Fault, Malformation, Wrong};

/// What is left of the last line, and how many there were.
#[derive(Debug, Default)]
pub struct Lines {
    complete: u64,
    rest: Vec<u8>,
}

impl Lines {
    /// The number of the line that comes.
    pub fn number(&self) -> u64 {
        self.complete.saturating_add(1)
    }

    /// Takes more bytes, and gives each line that is complete now, without the line feed.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(u64, &[u8]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            let (line, rest) = bytes.split_at_checked(end).unwrap_or((bytes, &[]));
            self.check_length(line)?;
            if self.rest.is_empty() {
                each(self.number(), line)?;
            } else {
                self.rest.extend_from_slice(line);
                each(self.number(), &self.rest)?;
                self.rest.clear();
            }
            self.complete = self.number();
            bytes = rest.split_first().map_or(&[], |(_, rest)| rest);
        }
        self.check_length(bytes)?;
        self.rest.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether there is an end to the last line.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.rest.is_empty() {
            true => Ok(()),
            false => Err(Fault { line: self.number(), wrong: Wrong::Cut }),
        }
    }

    /// So that no file fills the memory.
    fn check_length(&self, more: &[u8]) -> Result<(), Fault> {
        if self.rest.len().saturating_add(more.len()) <= MAX_LINE_BYTES {
            return Ok(());
        }
        Err(Fault { line: self.number(), wrong: Wrong::Malformed(Malformation::TooLong) })
    }
}
