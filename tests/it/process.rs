//! The binary as a server in a process of its own, with its log.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value as Json;

use crate::app::SECRET;

const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// A server that ends with its test at the latest.
pub struct Process {
    child: Child,
    log: Arc<(Mutex<Vec<String>>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Process {
    /// A server over this database on a free port, without a port for operators unless the environment names one.
    pub fn start(url: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_branchwise"));
        command.arg("serve").env_clear().env("DATABASE_URL", url).env("BRANCHWISE_SECRET", SECRET);
        command.env("BRANCHWISE_LISTEN", "127.0.0.1:0").env("BRANCHWISE_ADMIN_LISTEN", "").envs(environment.iter().copied());
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log: Arc<(Mutex<Vec<String>>, Condvar)> = Arc::default();
        let kept = log.clone();
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                kept.0.lock().unwrap().push(line);
                kept.1.notify_all();
            }
        });
        Self { child, log, reader: Some(reader) }
    }

    /// What the first line of the log with this message says under this key; waits for it.
    pub fn told(&self, message: &str, key: &str) -> String {
        let find = |lines: &Vec<String>| {
            let lines = lines.iter().filter_map(|line| serde_json::from_str::<Json>(line).ok());
            lines.into_iter().find(|line| line["message"] == message).and_then(|line| line[key].as_str().map(str::to_owned))
        };
        let lines = self.log.0.lock().unwrap();
        let (lines, _) = self.log.1.wait_timeout_while(lines, STARTED_WITHIN, |lines| find(lines).is_none()).unwrap();
        find(&lines).unwrap_or_else(|| panic!("no {message:?} with {key}: {lines:#?}"))
    }

    /// The first line of the log, however it is written; waits for it.
    pub fn first_line(&self) -> String {
        let lines = self.log.0.lock().unwrap();
        let (lines, _) = self.log.1.wait_timeout_while(lines, STARTED_WITHIN, |lines| lines.is_empty()).unwrap();
        lines.first().cloned().unwrap_or_default()
    }

    /// Waits for a line of the log with this message.
    pub fn wait_for(&self, message: &str) {
        self.told(message, "message");
    }

    /// Where it listens, once it does: `127.0.0.1:12345`.
    pub fn address(&self) -> String {
        self.told("serving", "address")
    }

    /// Sends a signal, as in `TERM`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: how it ended, and every line of its log.
    pub fn ended(mut self) -> (ExitStatus, Vec<String>) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let lines = std::mem::take(&mut *self.log.0.lock().unwrap());
        (status, lines)
    }
}
