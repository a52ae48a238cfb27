//! A browser without a window visits a page that this process serves, and the page posts what it saw.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The longest that a visit takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Browser {
    program: String,
}

/// What the page saw of one film.
#[derive(serde::Deserialize)]
pub(crate) struct Seen {
    pub(crate) size: [u32; 2],
    pub(crate) duration: f64,
    pub(crate) patches: Vec<[f64; 3]>,
}

/// Ends the browser whatever happens.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Browser {
    /// The one that is named, or one of the usual names that starts.
    pub(crate) fn find() -> Option<Self> {
        let named = std::env::var("EFFIGY_CHROMIUM").ok();
        let usual = ["chromium", "chromium-browser", "google-chrome"].map(String::from);
        let starts = |program: &String| {
            Command::new(program).arg("--version").output().is_ok_and(|out| out.status.success())
        };
        named.into_iter().chain(usual).find(starts).map(|program| Self { program })
    }

    /// Plays all films of charts of so many columns and rows.
    pub(crate) fn watch(&self, films: &[&[u8]], [columns, rows]: [u32; 2]) -> Vec<Seen> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let address = listener.local_addr().expect("an address");
        let settings = format!("{{films: {}, columns: {columns}, rows: {rows}}}", films.len());
        let page = include_str!("page.html").replace("SETTINGS", &settings);
        let profile = tempfile::tempdir().expect("a folder");
        let browser = Command::new(&self.program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-quic"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--autoplay-policy=no-user-gesture-required", "--force-color-profile=srgb"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg(format!("http://{address}/"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let mut browser = Running(browser);
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            match listener.accept() {
                Ok((stream, _)) => {
                    if let Some(body) = answer(stream, &page, films) {
                        let seen: Vec<serde_json::Value> = serde_json::from_slice(&body).expect("JSON");
                        return seen
                            .into_iter()
                            .map(|seen| {
                                serde_json::from_value(seen.clone()).unwrap_or_else(|_| panic!("{seen}"))
                            })
                            .collect();
                    }
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
            if let Some(status) = browser.0.try_wait().expect("the browser's state") {
                panic!("the browser ended: {status}");
            }
        }
        panic!("the page has not answered after {PATIENCE:?}");
    }
}

/// Answers one request. What the page posts is given back.
fn answer(mut stream: TcpStream, page: &str, films: &[&[u8]]) -> Option<Vec<u8>> {
    stream.set_nonblocking(false).expect("a stream that waits");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut request = String::new();
    // A connection that is opened in advance and says nothing is no fault.
    reader.read_line(&mut request).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().expect("a length");
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    let film = path.strip_prefix("/film/").and_then(|index| films.get(index.parse::<usize>().ok()?));
    let (status, kind, content): (_, _, &[u8]) = match (path, film) {
        ("/", _) => ("200 OK", "text/html", page.as_bytes()),
        (_, Some(film)) => ("200 OK", "video/mp4", film),
        ("/seen", _) => ("200 OK", "text/plain", b""),
        _ => ("404 Not Found", "text/plain", b""),
    };
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        content.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(content)).ok()?;
    (path == "/seen").then_some(body)
}
