//! A running child whose complaints are kept.

use std::io::Read;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// How much of what the child says is kept, bytes.
const KEPT: usize = 1 << 16;

/// A child process; ended when dropped.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    /// Collects standard error, so that the child never waits for a reader.
    complaints: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    /// Starts a command; `stdin` and `stdout` say whether they are pipes of ours or nothing.
    pub(super) fn start(command: &mut Command, stdin: bool, stdout: bool) -> Result<Self, String> {
        let pipe = |ours: bool| if ours { Stdio::piped() } else { Stdio::null() };
        let mut child = command
            .stdin(pipe(stdin))
            .stdout(pipe(stdout))
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| format!("ffmpeg does not start: {e}"))?;
        let complaints = child.stderr.take().map(|stderr| std::thread::spawn(move || start_of(stderr)));
        Ok(Self { child, complaints })
    }

    /// The pipe into the child, once.
    pub(super) fn stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The pipe out of the child, once.
    pub(super) fn stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// Waits for the end. What the child said on standard error, or one line when it did not end well.
    pub(super) fn finish(mut self) -> Result<String, String> {
        drop(self.child.stdin.take());
        let status = self.child.wait().map_err(|e| format!("ffmpeg: {e}"))?;
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        match status.success() {
            true => Ok(said),
            false => Err(match reason(&said) {
                Some(line) => format!("ffmpeg: {line}"),
                None => format!("ffmpeg ended early ({status})"),
            }),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Neither matters for a child that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first line that names a fault: later ones only tell what followed from it.
fn reason(said: &str) -> Option<String> {
    let line = said.lines().map(str::trim).find(|line| !line.is_empty())?;
    // `[mov,mp4 @ 0x55d0c8] moov atom not found`: the address says nothing.
    let text = match line.split_once("] ") {
        Some((source, text)) if source.starts_with('[') && source.contains(" @ ") => text,
        _ => line,
    };
    Some(text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect())
}

fn start_of(mut stream: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if kept.len() < KEPT {
            kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_the_first_line_without_its_address() {
        let said = "\n[mov,mp4,m4a @ 0x55d0c8] moov atom not found\nfile:a.mp4: Invalid data found\n";
        assert_eq!(reason(said).as_deref(), Some("moov atom not found"));
        assert_eq!(reason("plain [1] text\n").as_deref(), Some("plain [1] text"));
        assert_eq!(reason(" \n"), None);
    }
}
