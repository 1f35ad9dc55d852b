//! What is read before there is a viewer, in order to make one: the tree, the policy, posts, credentials. Nothing here reaches a client.

use std::collections::HashMap;
use std::sync::Arc;

use entity::{SessionId, Timestamp, UserId, delegation, epoch, org_unit, post, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query as Sql, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, Iterable};

use super::rights::Ground;
use super::running::Conn;
use super::{Db, Rights};
use crate::access::{GrantTable, HeldDelegation, HeldPost, Holding, Lender, Level, OrgTree, TreeUnit, Viewer, Who, pair_from_word};
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

impl Holder {
    /// The user's viewer on this ground.
    pub(super) fn viewer(&self, ground: &Ground, now: Timestamp) -> Viewer {
        let who = Who::User { id: self.id, name: self.name.clone(), username: self.username.clone() };
        Viewer::new(who, self.holding.clone(), &ground.table, &ground.tree, now)
    }
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
    pub(super) async fn rows_unscoped<E: EntityTrait>(&self, condition: Condition) -> Result<Vec<E::Model>, Error> {
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

    /// The scopes whose rights changed after `since`, and the latest change.
    pub(super) async fn epochs_unscoped(&self, since: i64) -> Result<Vec<(String, i64)>, Error> {
        let newer = Condition::all().add(Expr::col((epoch::Entity, epoch::Column::Value)).gt(since));
        Ok(self.rows_unscoped::<epoch::Entity>(newer).await?.into_iter().map(|row| (row.scope, row.value)).collect())
    }

    /// The tree and the policy as they stand; of a policy that is refused, the last good one.
    pub(super) async fn ground(&self, last_good: Arc<GrantTable>) -> Result<Ground, Error> {
        let tree = Arc::new(self.tree_unscoped().await?);
        let table = match self.policy_unscoped().await?.compared().await {
            Ok(table) => Arc::new(table),
            Err(malformed) => {
                tracing::error!("the policy was refused, the last good one stays: {malformed}");
                last_good
            }
        };
        Ok(Ground { tree, table })
    }

    /// Somebody on this ground at `now`. None: no such user, or disabled; or the session has ended, or is none of theirs.
    pub(super) async fn compile(
        &self,
        id: UserId,
        session: Option<SessionId>,
        ground: &Ground,
        now: Timestamp,
    ) -> Result<Option<Viewer>, Error> {
        if let Some(session) = session
            && !self.session_lives_unscoped(id, session, now).await?
        {
            return Ok(None);
        }
        let holder = self.holders_unscoped(Some(&[id]), now).await?.into_iter().next().filter(|holder| !holder.disabled);
        Ok(holder.map(|holder| holder.viewer(ground, now).in_session(session)))
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

    /// What the rights of these users, or of everybody, are compiled from at `now`.
    pub(super) async fn holders_unscoped(&self, only: Option<&[UserId]>, now: Timestamp) -> Result<Vec<Holder>, Error> {
        let of = |column: SimpleExpr| Condition::all().add_option(only.map(|ids| column.is_in(ids.iter().copied())));
        let lent = of(delegation::Column::DelegateId.into_expr()).add(delegation::Column::ValidTo.gt(now));
        let posts = self.rows_unscoped::<post::Entity>(of(post::Column::UserId.into_expr()));
        let (mut posts, lent) = futures::try_join!(posts, self.rows_unscoped::<delegation::Entity>(lent))?;
        let named = posts.iter().filter_map(|post| post.acting_for).chain(lent.iter().map(|lent| lent.delegator_id));
        let named = named.chain(only.into_iter().flatten().copied());
        let named = Condition::all().add_option(only.map(|_| user::Column::Id.is_in(named)));
        let users = self.rows_unscoped::<user::Entity>(named).await?;
        let lenders: Vec<UserId> = match only {
            Some(only) => lent.iter().map(|lent| lent.delegator_id).filter(|lender| !only.contains(lender)).collect(),
            None => Vec::new(),
        };
        if !lenders.is_empty() {
            posts.extend(self.rows_unscoped::<post::Entity>(Condition::all().add(post::Column::UserId.is_in(lenders))).await?);
        }
        Ok(holders(only, &users, &posts, lent))
    }
}

fn holders(only: Option<&[UserId]>, users: &[user::Model], posts: &[post::Model], lent: Vec<delegation::Model>) -> Vec<Holder> {
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
    let asked = users.iter().filter(|user| only.is_none_or(|only| only.contains(&user.id)));
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
    let theirs = posts.get(&delegator.id).filter(|_| delegator.disabled_at.is_none()).cloned();
    Some(HeldDelegation {
        id: lent.id,
        post: lent.post_id,
        delegator: lender(delegator),
        delegators_posts: theirs.unwrap_or_default(),
        actions: lent.actions.as_array()?.iter().filter_map(|word| pair_from_word(word.as_str()?)).collect(),
        level: Level::from_word(&lent.level)?,
        valid_from: lent.valid_from,
        valid_to: lent.valid_to,
    })
}

impl Db {
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
