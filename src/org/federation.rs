//! Users whom an issuer of OpenID Connect vouches for. Its tokens belong to no session of ours: whoever is disabled, or whose subject is
//! taken away, is out at the next request, and the posts of that moment count.

use std::sync::Arc;

use entity::UserId;
use sha2::{Digest, Sha256};

use super::users::{NewUser, create_without_posts};
use super::{repo, rules};
use crate::db::{Db, Rights, Scoped, system_unscoped};
use crate::error::Error;
use crate::oidc::{Issuer, Somebody};

/// What the audit gives as the reason.
const REASON: &str = "first token of an issuer";

/// By what an issuer knows a user, for ever. Personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Subject {
    /// Who says so.
    pub issuer: String,
    /// What it says.
    pub subject: String,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Subject")
    }
}

impl Subject {
    /// Tells subjects apart without telling them: some letters of a hash.
    pub fn mark(issuer: &str, subject: &str) -> String {
        let hash = Sha256::new().chain_update((issuer.len() as u64).to_be_bytes()).chain_update(issuer).chain_update(subject).finalize();
        hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Takes tokens of the configured issuer; without one, none.
pub struct Federation {
    db: Db,
    rights: Arc<Rights>,
    issuer: Option<Arc<Issuer>>,
    creates: bool,
}

impl Federation {
    /// `creates`: a subject that nobody has becomes a user without any post.
    pub fn new(db: Db, rights: Arc<Rights>, issuer: Option<Arc<Issuer>>, creates: bool) -> Arc<Self> {
        Arc::new(Self { db, rights, issuer, creates })
    }

    /// The issuer as its tokens name it.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_ref().map(|issuer| issuer.name())
    }

    /// Whose token it is; none: nobody's, for whatever reason.
    pub async fn user_of(&self, token: &str) -> Result<Option<UserId>, Error> {
        let Some(issuer) = &self.issuer else { return Ok(None) };
        self.rights.confirmed()?;
        let Some(somebody) = issuer.verify(token, self.db.clock().now()).await else { return Ok(None) };
        let system = self.db.seen_by(system_unscoped(&self.rights, REASON));
        let known = repo::user_of_subject(&system, &somebody.issuer, &somebody.subject).await?;
        if known.is_some() || !self.creates {
            return Ok(known);
        }
        self.create(&system, somebody).await
    }

    async fn create(&self, system: &Scoped, somebody: Somebody) -> Result<Option<UserId>, Error> {
        let Somebody { issuer, subject, name } = somebody;
        let username = format!("oidc-{}", Subject::mark(&issuer, &subject));
        let name = name.filter(|name| rules::name_violation("name", name).is_none()).unwrap_or_else(|| username.clone());
        let held = Subject { issuer: issuer.clone(), subject: subject.clone() };
        match create_without_posts(system, NewUser { username, name, email: None, subject: Some(held) }).await {
            Ok(created) => Ok(created),
            // Somebody has that user name, or added the user at the same moment.
            Err(Error::Conflict(_)) => repo::user_of_subject(system, &issuer, &subject).await,
            Err(error) => Err(error),
        }
    }
}
