//! The files with the documents of the group's own apps: read at the start, and again whenever they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::persisted::{Persisted, Trusted, hash, manifest};
use super::validation::Validator;

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The hash of a file; none: it cannot be read.
type Mark = Option<String>;

/// The files, as they were last read.
pub struct Manifests {
    paths: Vec<PathBuf>,
    read: Vec<Mark>,
    persisted: Arc<Persisted>,
    validator: Arc<Validator>,
}

impl Manifests {
    /// Reads the files and takes what they hold. A document that does not fit the schema is left out, and the log tells its id. Errors: a
    /// line for each file that cannot be read.
    pub fn take(paths: Vec<PathBuf>, persisted: Arc<Persisted>, validator: Arc<Validator>) -> Result<Self, String> {
        let mut manifests = Self { read: Vec::new(), paths, persisted, validator };
        manifests.read_again()?;
        Ok(manifests)
    }

    /// Takes them again whenever they change. Where they cannot be read, what was read last stays.
    pub async fn watch(mut self) {
        if self.paths.is_empty() {
            return;
        }
        let mut tick = tokio::time::interval(LOOK_EVERY);
        loop {
            tick.tick().await;
            if self.marks() == self.read {
                continue;
            }
            match self.read_again() {
                Ok(()) => tracing::info!("the trusted documents were read again"),
                Err(faults) => tracing::error!("the trusted documents stay as they were: {faults}"),
            }
        }
    }

    fn marks(&self) -> Vec<Mark> {
        let mark = |path: &PathBuf| std::fs::read_to_string(path).ok().map(|text| hash(&text));
        self.paths.iter().map(mark).collect()
    }

    fn read_again(&mut self) -> Result<(), String> {
        // Before reading: what is written meanwhile is seen the next time.
        self.read = self.marks();
        let (mut documents, mut faults) = (Vec::new(), Vec::new());
        for path in &self.paths {
            match read(path) {
                Ok(found) => documents.extend(found),
                Err(fault) => faults.push(format!("{}: {fault}", path.display())),
            }
        }
        if !faults.is_empty() {
            return Err(faults.join("\n"));
        }
        documents.retain(|(id, text)| {
            let fits = self.validator.validate(text, None).is_ok();
            if !fits {
                tracing::error!(id, "left out: the document does not fit the schema, or holds more than one operation");
            }
            fits
        });
        self.persisted.trust(Trusted::new(documents));
        Ok(())
    }
}

fn read(path: &Path) -> Result<Vec<(String, String)>, String> {
    let json = std::fs::read_to_string(path).map_err(|error| format!("cannot be read ({})", error.kind()))?;
    manifest(&json)
}
