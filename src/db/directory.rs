//! What is read before there is a viewer, in order to make one: the tree, the policy, posts, credentials. Nothing here reaches a client.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{UserId, epoch, org_unit, policy_rule, post, role, role_gives, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement};
use sea_orm::{Condition, EntityTrait, FromQueryResult, Iterable};

use super::{Db, Rights};
use crate::access::{GrantTable, HeldPost, OrgTree, Rule, TreeUnit, Viewer};
use crate::error::Error;

/// What signing in needs to know of a user.
#[derive(Clone)]
pub struct Credentials {
    /// Who.
    pub id: UserId,
    /// Argon2id, PHC format; none: no sign-in by password.
    pub password_hash: Option<String>,
    /// May not sign in any more.
    pub disabled: bool,
}

/// A user with all posts, past and future, as the viewer is compiled from them.
pub(super) struct Holder {
    pub(super) name: String,
    pub(super) username: String,
    pub(super) disabled: bool,
    pub(super) posts: Vec<HeldPost>,
}

/// The operator of the machine, for the command line: everything, and the audit says so.
pub fn operator_unscoped(rights: &Rights) -> Arc<Viewer> {
    rights.system("operator")
}

fn every<E: EntityTrait>(condition: Condition) -> SelectStatement {
    let mut select = Sql::select();
    for column in E::Column::iter() {
        select.expr_as(Expr::col((E::default(), column)), super::page::name(column));
    }
    select.from(E::default()).cond_where(condition).to_owned()
}

impl Db {
    async fn rows_unscoped<E: EntityTrait>(&self, condition: Condition) -> Result<Vec<E::Model>, Error> {
        let rows = self.reading().all(&every::<E>(condition)).await?;
        Ok(rows.iter().map(|row| E::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    pub(super) async fn tree_unscoped(&self) -> Result<OrgTree, Error> {
        let units = self.rows_unscoped::<org_unit::Entity>(Condition::all()).await?;
        Ok(OrgTree::new(units.into_iter().map(|unit| TreeUnit {
            id: unit.id,
            code: unit.code,
            parent: unit.parent_id,
            region: unit.region_id,
            own_mode: unit.business_mode,
        })))
    }

    pub(super) async fn policy_unscoped(&self) -> Result<GrantTable, Error> {
        let rules = self.rows_unscoped::<policy_rule::Entity>(Condition::all()).await?;
        let roles = self.rows_unscoped::<role::Entity>(Condition::all()).await?;
        let mut gives: HashMap<String, Vec<String>> = HashMap::new();
        for row in self.rows_unscoped::<role_gives::Entity>(Condition::all()).await? {
            gives.entry(row.role).or_default().push(row.gives);
        }
        let rules = rules
            .into_iter()
            .map(|row| Rule {
                role: row.role,
                resource: row.resource,
                action: row.action,
                reach: row.reach,
                level: row.level,
                effect: row.effect,
            })
            .collect();
        let titles = roles.into_iter().map(|role| (role.code, role.title)).collect();
        GrantTable::try_new(rules, titles, gives).await.map_err(|malformed| Error::internal(format!("the policy was refused: {malformed}")))
    }

    pub(super) async fn holder_unscoped(&self, id: UserId) -> Result<Option<Holder>, Error> {
        let users = self.rows_unscoped::<user::Entity>(Condition::all().add(Expr::col((user::Entity, user::Column::Id)).eq(id)));
        let posts = self.rows_unscoped::<post::Entity>(Condition::all().add(Expr::col((post::Entity, post::Column::UserId)).eq(id)));
        let (users, posts) = futures::try_join!(users, posts)?;
        let posts = posts
            .into_iter()
            .map(|post| HeldPost { id: post.id, role: post.role, unit: post.unit_id, valid_from: post.valid_from, valid_to: post.valid_to })
            .collect();
        Ok(users.into_iter().next().map(|user| Holder {
            name: user.name,
            username: user.username,
            disabled: user.disabled_at.is_some(),
            posts,
        }))
    }

    /// The scopes whose rights changed after `since`, and the latest change.
    pub(super) async fn epochs_unscoped(&self, since: i64) -> Result<Vec<(String, i64)>, Error> {
        let newer = Condition::all().add(Expr::col((epoch::Entity, epoch::Column::Value)).gt(since));
        Ok(self.rows_unscoped::<epoch::Entity>(newer).await?.into_iter().map(|row| (row.scope, row.value)).collect())
    }

    /// What signing in needs, by user name.
    pub async fn credentials_unscoped(&self, username: &str) -> Result<Option<Credentials>, Error> {
        let named = Condition::all().add(Expr::col((user::Entity, user::Column::Username)).eq(username));
        Ok(self.rows_unscoped::<user::Entity>(named).await?.into_iter().next().map(|user| Credentials {
            id: user.id,
            password_hash: user.password_hash,
            disabled: user.disabled_at.is_some(),
        }))
    }

    /// Does the database answer?
    pub async fn ping_unscoped(&self) -> Result<(), Error> {
        let mut select = Sql::select();
        select.expr_as(Expr::val(1), "one");
        self.reading().all(&select).await.map(|_| ())
    }
}
