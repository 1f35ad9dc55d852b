//! `branchwise explain`.

use std::io::Write;

use clap::Args;

use super::{Failure, start};
use crate::access::{Action, Explanation, OrgTree, Resource, Viewer, Way};
use crate::db::{Db, Rights, operator_unscoped};
use crate::explain::{Record, explain};
use crate::graphql::id::parse;

#[derive(Args)]
pub struct Explain {
    /// Who, by user name.
    user: String,
    /// What would be done, as in customer:update.
    action: String,
    /// To which record: a global id as the API gives it.
    id: Option<String>,
}

impl Explain {
    pub async fn run(self) -> Result<(), Failure> {
        let config = start::config()?;
        let db = start::database(&config, false).await?;
        let rights = Rights::init(db.clone()).await?;
        let text = self.text(&db, &rights).await;
        db.close().await;
        write!(std::io::stdout(), "{}", text?)?;
        Ok(())
    }

    /// What is printed.
    pub async fn text(&self, db: &Db, rights: &Rights) -> Result<String, Failure> {
        let (resource, action) = words(&self.action)?;
        let user = db.credentials_unscoped(&self.user.to_lowercase()).await?;
        let user = user.ok_or_else(|| Failure::new(format!("there is no user '{}'", self.user)))?;
        if user.disabled {
            return Ok(format!("{} is disabled and may do nothing\n", self.user));
        }
        let viewer = rights.viewer(user.id).await?.ok_or_else(|| Failure::new(format!("{} may not sign in", self.user)))?;
        let mut lines = vec![format!("{} and {}:", self.user, self.action)];
        let explanation = match &self.id {
            None => viewer.explain(resource, action, None),
            Some(id) => {
                let record = parse(id).and_then(|(kind, id)| Record::from_global(&kind, id));
                let record = record.ok_or_else(|| Failure::new(format!("'{id}' is not the global id of a record")))?;
                if record.resource(action).is_ok_and(|of_record| of_record != resource) {
                    return Err(Failure::new(format!("'{}' is not done to a record of that kind", self.action)));
                }
                let seen = explain(&db.seen_by(viewer.clone()), record, action).await?;
                let stands = explain(&db.seen_by(operator_unscoped(rights)), record, action).await?;
                lines.push(match (stands.allowed, seen.allowed) {
                    (false, _) => "there is no such record".to_owned(),
                    (true, true) => "allowed on this record".to_owned(),
                    (true, false) => "not allowed on this record: no way below leads to it".to_owned(),
                });
                seen
            }
        };
        lines.extend(told(&explanation, &viewer));
        Ok(lines.join("\n") + "\n")
    }
}

fn words(text: &str) -> Result<(Resource, Action), Failure> {
    let pair = text.split_once(':').and_then(|(resource, action)| Some((Resource::from_word(resource)?, Action::from_word(action)?)));
    pair.ok_or_else(|| Failure::new(format!("'{text}' is no action: write a resource and an action, as in customer:update")))
}

fn told(explanation: &Explanation, viewer: &Viewer) -> Vec<String> {
    let mut lines = Vec::new();
    for post in &explanation.denied_by {
        lines.push(format!("denied by the role {} at {}", post.held.role, code(viewer.tree(), post.held.unit)));
    }
    if viewer.posts().is_empty() {
        lines.push("no post counts now".to_owned());
    } else if explanation.ways.is_empty() {
        lines.push("no post of this user grants it".to_owned());
    }
    lines.extend(explanation.ways.iter().map(|way| way_told(way, viewer)));
    lines
}

fn way_told(way: &Way, viewer: &Viewer) -> String {
    let from = match (&way.post, &way.lender) {
        (Some(post), None) => format!("{} at {}", post.role, code(viewer.tree(), post.unit)),
        (Some(post), Some(lender)) => format!("{} at {} for {}", post.role, code(viewer.tree(), post.unit), lender.name),
        (None, _) => "every holder of a post".to_owned(),
    };
    let reach = way.reach.map(|reach| format!(" {}", reach.word())).unwrap_or_default();
    let (sideways, reaches) = (if way.sideways { ", sideways" } else { "" }, if way.reaches { ": leads to this record" } else { "" });
    format!("- {from}:{reach} {}{sideways}{reaches}", way.level.word())
}

fn code(tree: &OrgTree, unit: entity::UnitId) -> String {
    tree.unit(unit).map_or_else(String::new, |unit| unit.code.clone())
}
