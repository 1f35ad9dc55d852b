//! The sample group of the demo and of the tests: HQ, three regions, branches and a site, users named after their posts, and customers of
//! every class. It goes in through the importer, like any group's files.

use std::path::{Path, PathBuf};

use super::Failure;
use super::import::{Kind, Options, import};
use crate::db::{Rights, operator_unscoped};
use crate::secrets::{Secrets, hash_password};

const FILES: [(Kind, &str, &str); 4] = [
    (Kind::OrgUnits, "org-units.csv", include_str!("org-units.csv")),
    (Kind::Users, "users.csv", include_str!("users.csv")),
    (Kind::Customers, "customers.csv", include_str!("customers.csv")),
    (Kind::Contacts, "contacts.csv", include_str!("contacts.csv")),
];

/// A user of the sample group: name, role, unit.
pub type SampleUser = (String, String, String);

/// Imports the sample group into an empty database, by way of files in `folder`. All users get `password`. Errors: what the importer says.
pub async fn fill(db: &crate::db::Db, rights: &Rights, secrets: &Secrets, password: &str, folder: &Path) -> Result<(), Failure> {
    let hash = hash_password(password)?;
    for (kind, name, text) in FILES {
        let file: PathBuf = folder.join(name);
        std::fs::write(&file, text)?;
        let scoped = db.seen_by(operator_unscoped(rights));
        let mut options = Options::new(kind, file);
        options.password_hash = Some(hash.clone());
        let report = import(&scoped, &secrets.identity, options).await?;
        if report.bad > 0 {
            return Err(Failure::new(format!("the sample {name} has bad rows: {}", report.summary())));
        }
        rights.refresh().await?;
    }
    Ok(())
}

/// Everybody in the sample group, one entry a post.
pub fn users() -> Vec<SampleUser> {
    let lines = FILES.iter().find(|(kind, ..)| *kind == Kind::Users).map_or("", |(_, _, text)| text).lines().skip(1);
    let split = |line: &str| {
        let mut cells = line.rsplit(',');
        let (unit, role) = (cells.next()?.to_owned(), cells.next()?.to_owned());
        Some((line.split(',').next()?.to_owned(), role, unit))
    };
    lines.filter_map(split).collect()
}
