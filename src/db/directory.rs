//! What is read before there is a viewer, in order to make one: the tree, the policy, posts, credentials. Nothing here reaches a client.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{SessionId, Timestamp, UserId, delegation, epoch, org_unit, policy_rule, post, role, role_gives, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, Iterable};

use super::conn::Conn;
use super::{Db, Rights};
use crate::access::{
    Action, GrantTable, HeldDelegation, HeldPost, Holding, Lender, Level, OrgTree, Resource, RoleTerms, Rule, TreeUnit, Viewer,
};
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

/// A user with all that the viewer is compiled from.
pub(super) struct Holder {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) username: String,
    pub(super) disabled: bool,
    pub(super) holding: Holding,
}

/// The operator of the machine, for the command line: everything, and the audit says so.
pub fn operator_unscoped(rights: &Rights) -> Arc<Viewer> {
    rights.system("operator")
}

/// The system itself, for a reason that the audit keeps: work that falls due, and what happens before anybody has signed
/// in.
pub fn system_unscoped(rights: &Rights, reason: &'static str) -> Arc<Viewer> {
    rights.system(reason)
}

fn every<E: EntityTrait>(condition: Condition) -> SelectStatement {
    let mut select = Sql::select();
    for column in E::Column::iter() {
        select.expr_as(Expr::col((E::default(), column)), super::page::name(column));
    }
    select.from(E::default()).cond_where(condition).to_owned()
}

impl Conn {
    async fn rows_unscoped<E: EntityTrait>(&self, condition: Condition) -> Result<Vec<E::Model>, Error> {
        let rows = self.all(&every::<E>(condition)).await?;
        Ok(rows.iter().map(|row| E::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// Has this session of this user neither ended nor run out?
    pub(super) async fn session_lives_unscoped(&self, user: UserId, id: SessionId, now: Timestamp) -> Result<bool, Error> {
        use session::Column;
        let lives = Condition::all()
            .add(Column::Id.eq(id))
            .add(Column::UserId.eq(user))
            .add(Column::EndedAt.is_null())
            .add(Column::ExpiresAt.gt(now));
        Ok(!self.rows_unscoped::<session::Entity>(lives).await?.is_empty())
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

    /// The policy as it stands. None: its rows are malformed; the log tells how.
    pub(super) async fn policy_unscoped(&self) -> Result<Option<GrantTable>, Error> {
        let rules = self.rows_unscoped::<policy_rule::Entity>(Condition::all()).await?;
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
        let roles = self.rows_unscoped::<role::Entity>(Condition::all()).await?.into_iter().map(|role| {
            let gives = gives.remove(&role.code).unwrap_or_default();
            (role.code, RoleTerms { title: role.title, gives, delegates_sensitive: role.delegates_sensitive })
        });
        match GrantTable::try_new(rules, roles.collect()).await {
            Ok(table) => Ok(Some(table)),
            Err(malformed) => {
                tracing::error!("the policy was refused: {malformed}");
                Ok(None)
            }
        }
    }

    /// What the rights of one user, or of everybody, are compiled from at `now`.
    pub(super) async fn holders_unscoped(&self, only: Option<UserId>, now: Timestamp) -> Result<Vec<Holder>, Error> {
        let of = |column: SimpleExpr| Condition::all().add_option(only.map(|id| column.eq(id)));
        let lent = of(delegation::Column::DelegateId.into_expr()).add(delegation::Column::ValidTo.gt(now));
        let posts = self.rows_unscoped::<post::Entity>(of(post::Column::UserId.into_expr()));
        let (mut posts, lent) = futures::try_join!(posts, self.rows_unscoped::<delegation::Entity>(lent))?;
        let named = posts.iter().filter_map(|post| post.acting_for).chain(lent.iter().map(|lent| lent.delegator_id)).chain(only);
        let named = Condition::all().add_option(only.map(|_| user::Column::Id.is_in(named)));
        let users = self.rows_unscoped::<user::Entity>(named).await?;
        let lenders: Vec<UserId> = lent.iter().map(|lent| lent.delegator_id).filter(|lender| Some(*lender) != only).collect();
        if only.is_some() && !lenders.is_empty() {
            posts.extend(self.rows_unscoped::<post::Entity>(Condition::all().add(post::Column::UserId.is_in(lenders))).await?);
        }
        Ok(holders(only, &users, &posts, lent))
    }
}

fn holders(only: Option<UserId>, users: &[user::Model], posts: &[post::Model], lent: Vec<delegation::Model>) -> Vec<Holder> {
    let by_id: HashMap<UserId, &user::Model> = users.iter().map(|user| (user.id, user)).collect();
    let mut held_by: HashMap<UserId, Vec<HeldPost>> = HashMap::new();
    for post in posts {
        held_by.entry(post.user_id).or_default().push(held(post, &by_id));
    }
    let mut lent_to: HashMap<UserId, Vec<HeldDelegation>> = HashMap::new();
    for lent in lent {
        let delegate = lent.delegate_id;
        lent_to.entry(delegate).or_default().extend(delegation_of(lent, &by_id, &held_by));
    }
    let asked = users.iter().filter(|user| only.is_none_or(|only| user.id == only));
    asked
        .map(|user| Holder {
            id: user.id,
            name: user.name.clone(),
            username: user.username.clone(),
            disabled: user.disabled_at.is_some(),
            holding: Holding {
                posts: held_by.get(&user.id).cloned().unwrap_or_default(),
                delegations: lent_to.remove(&user.id).unwrap_or_default(),
            },
        })
        .collect()
}

fn lender(user: &user::Model) -> Lender {
    Lender { id: user.id, name: user.name.clone() }
}

fn held(post: &post::Model, users: &HashMap<UserId, &user::Model>) -> HeldPost {
    // Held for another it stays, even where nobody asked for the name.
    let name = |absent| users.get(&absent).map_or_else(String::new, |absent| absent.name.clone());
    let acting_for = post.acting_for.map(|absent| Lender { id: absent, name: name(absent) });
    let role = post.role.clone();
    HeldPost { id: post.id, role, unit: post.unit_id, valid_from: post.valid_from, valid_to: post.valid_to, acting_for }
}

/// None where the row says something that the vocabulary does not know. A disabled delegator lends nothing, until enabled again.
fn delegation_of(
    lent: delegation::Model,
    users: &HashMap<UserId, &user::Model>,
    posts: &HashMap<UserId, Vec<HeldPost>>,
) -> Option<HeldDelegation> {
    let delegator = users.get(&lent.delegator_id)?;
    let pair = |word: &str| {
        let (resource, action) = word.split_once(':')?;
        Some((Resource::from_word(resource)?, Action::from_word(action)?))
    };
    let theirs = posts.get(&delegator.id).filter(|_| delegator.disabled_at.is_none()).cloned();
    Some(HeldDelegation {
        id: lent.id,
        post: lent.post_id,
        delegator: lender(delegator),
        delegators_posts: theirs.unwrap_or_default(),
        actions: lent.actions.as_array()?.iter().filter_map(|word| pair(word.as_str()?)).collect(),
        level: Level::from_word(&lent.level)?,
        valid_from: lent.valid_from,
        valid_to: lent.valid_to,
    })
}

impl Db {
    /// The scopes whose rights changed after `since`, and the latest change.
    pub(super) async fn epochs_unscoped(&self, since: i64) -> Result<Vec<(String, i64)>, Error> {
        let newer = Condition::all().add(Expr::col((epoch::Entity, epoch::Column::Value)).gt(since));
        Ok(self.reading().rows_unscoped::<epoch::Entity>(newer).await?.into_iter().map(|row| (row.scope, row.value)).collect())
    }

    /// What signing in needs, by user name.
    pub async fn credentials_unscoped(&self, username: &str) -> Result<Option<Credentials>, Error> {
        let named = Condition::all().add(Expr::col((user::Entity, user::Column::Username)).eq(username));
        Ok(self.reading().rows_unscoped::<user::Entity>(named).await?.into_iter().next().map(|user| Credentials {
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
