//! Bytes into another program.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread::JoinHandle;

use crate::VideoError;

/// Another program's standard input. What it prints on standard output is thrown away; of what it prints on standard
/// error the last line is kept for when it fails.
pub struct Pipe {
    program: String,
    child: Child,
    stdin: Option<ChildStdin>,
    listener: Option<JoinHandle<String>>,
}

impl Pipe {
    /// Starts a program.
    ///
    /// # Errors
    /// [`VideoError::Program`].
    pub fn new<A: AsRef<OsStr>>(
        program: impl AsRef<OsStr>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Self, VideoError> {
        let name = program.as_ref().to_string_lossy().into_owned();
        let fail = |reason: String| VideoError::Program { program: name.clone(), reason };
        let mut child = Command::new(program.as_ref())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| fail(format!("cannot be started: {error}")))?;
        let stdin = child.stdin.take();
        let listener = child.stderr.take().map(|stderr| {
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stderr);
                let (mut line, mut kept) = (Vec::new(), String::new());
                while lines.by_ref().take(65_536).read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
                    let text = String::from_utf8_lossy(&line);
                    if !text.trim().is_empty() {
                        text.trim().clone_into(&mut kept);
                    }
                    line.clear();
                }
                kept
            })
        });
        Ok(Self { program: name, child, stdin, listener })
    }

    /// Closes its input and waits for its end.
    ///
    /// # Errors
    /// [`VideoError::Program`] with its last line if it failed.
    pub fn finish(mut self) -> Result<(), VideoError> {
        self.stdin = None;
        let status = self.child.wait()?;
        let said = self.listener.take().and_then(|listener| listener.join().ok()).unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        let reason = if said.is_empty() { format!("it failed ({status}) and said nothing") } else { said };
        Err(VideoError::Program { program: self.program.clone(), reason })
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stdin {
            Some(stdin) => stdin.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stdin.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.stdin = None;
        // It sees the end of its input; it is waited for so that no dead process stays behind.
        let _ = self.child.wait();
    }
}
