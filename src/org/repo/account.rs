//! What somebody signs in by: sessions, the password, links.

use entity::{PasswordLinkId, SessionId, Timestamp, UserId, password_link, session, user};
use sea_orm::sea_query::{Expr, Query as Sql};
use sea_orm::{ColumnTrait, Condition};

use crate::access::Permit;
use crate::access::action::OrganisationAdminister;
use crate::db::{Scoped, Values};
use crate::error::Error;

fn live(now: Timestamp) -> Condition {
    Condition::all().add(session::Column::EndedAt.is_null()).add(session::Column::ExpiresAt.gt(now))
}

/// The viewer's own live sessions, of very many those used last, the latest first.
pub async fn live_sessions(scoped: &Scoped) -> Result<Vec<session::Model>, Error> {
    const MOST: u64 = 100;
    scoped.own_rows::<session::Entity>(live(scoped.now()), session::Column::UsedAt, MOST).await
}

/// A session of the viewer's own, or for the system anybody's, ended or not.
pub async fn session(scoped: &Scoped, id: SessionId) -> Result<Option<session::Model>, Error> {
    scoped.own_row::<session::Entity>(Condition::all().add(session::Column::Id.eq(id))).await
}

/// Takes the next generation of a live session of an enabled user, where this is its present one. False: it is not.
pub async fn rotate_session(tx: &Scoped, id: SessionId, generation: i64, expires_at: Timestamp) -> Result<bool, Error> {
    use session::Column;
    let disabled = Sql::select().column(user::Column::Id).from(user::Entity).and_where(user::Column::DisabledAt.is_not_null()).to_owned();
    let present =
        live(tx.now()).add(Column::Id.eq(id)).add(Column::Generation.eq(generation)).add(Column::UserId.not_in_subquery(disabled));
    let values: Values<session::Entity> = vec![
        (Column::Generation, Expr::val(generation.saturating_add(1))),
        (Column::UsedAt, Expr::val(tx.now())),
        (Column::ExpiresAt, Expr::val(expires_at)),
    ];
    Ok(!tx.change_own::<session::Entity>(present, values).await?.is_empty())
}

/// Which sessions of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    Others(Option<SessionId>),
}

fn ended(tx: &Scoped, whose: UserId, which: Which, by: &str) -> (Condition, Values<session::Entity>) {
    use session::Column;
    let of = live(tx.now()).add(Column::UserId.eq(whose));
    let of = match which {
        Which::One(id) => of.add(Column::Id.eq(id)),
        Which::Others(but) => of.add_option(but.map(|id| Column::Id.ne(id))),
    };
    (of, vec![(Column::EndedAt, Expr::val(tx.now())), (Column::EndedBy, Expr::val(by))])
}

/// Ends live sessions of the viewer's own, or for the system of anybody; tells which.
pub async fn end_own_sessions(tx: &Scoped, whose: UserId, which: Which, by: &str) -> Result<Vec<SessionId>, Error> {
    let (of, values) = ended(tx, whose, which, by);
    Ok(tx.change_own::<session::Entity>(of, values).await?.into_iter().map(SessionId).collect())
}

/// Ends all live sessions of a user whom the permit reaches; tells which.
pub async fn end_sessions_of(
    tx: &Scoped,
    permit: &Permit<OrganisationAdminister>,
    whose: UserId,
    by: &str,
) -> Result<Vec<SessionId>, Error> {
    let (of, values) = ended(tx, whose, Which::Others(None), by);
    Ok(tx.change_for::<session::Entity, _>(permit, of, values).await?.into_iter().map(SessionId).collect())
}

/// Deletes the viewer's own sessions, or for the system everybody's, that were over before `at`.
pub async fn remove_sessions_over_before(tx: &Scoped, at: Timestamp) -> Result<(), Error> {
    let over = Condition::any().add(session::Column::EndedAt.lt(at)).add(session::Column::ExpiresAt.lt(at));
    tx.remove_own::<session::Entity>(over).await.map(|_| ())
}

/// Deletes the viewer's own links, or for the system everybody's, that had run out before `at`.
pub async fn remove_links_over_before(tx: &Scoped, at: Timestamp) -> Result<(), Error> {
    let over = Condition::all().add(password_link::Column::ExpiresAt.lt(at));
    tx.remove_own::<password_link::Entity>(over).await.map(|_| ())
}

/// The viewer's own account with its password's hash; for the system the account of this user.
pub async fn own_account(scoped: &Scoped, id: UserId) -> Result<Option<user::Model>, Error> {
    scoped.own_row::<user::Entity>(Condition::all().add(user::Column::Id.eq(id))).await
}

/// The same, held until the unit of work ends.
pub async fn own_account_held(tx: &Scoped, id: UserId) -> Result<Option<user::Model>, Error> {
    tx.own_row_held::<user::Entity>(Condition::all().add(user::Column::Id.eq(id))).await
}

/// Sets the password of an account that still stands as it was read. False: it does not.
pub async fn set_own_password(tx: &Scoped, account: &user::Model, hash: &str) -> Result<bool, Error> {
    use user::Column;
    let stands = Condition::all().add(Column::Id.eq(account.id)).add(Column::Version.eq(account.version)).add(Column::DisabledAt.is_null());
    let values: Values<user::Entity> = vec![
        (Column::PasswordHash, Expr::val(hash)),
        (Column::Version, Expr::val(account.version.saturating_add(1))),
        (Column::UpdatedAt, Expr::val(tx.now())),
    ];
    Ok(!tx.change_own::<user::Entity>(stands, values).await?.is_empty())
}

fn open_links(now: Timestamp) -> Condition {
    Condition::all().add(password_link::Column::UsedAt.is_null()).add(password_link::Column::ExpiresAt.gt(now))
}

/// A link that can still be used; for the system, since nobody has signed in yet.
pub async fn open_link(scoped: &Scoped, id: PasswordLinkId) -> Result<Option<password_link::Model>, Error> {
    scoped.own_row::<password_link::Entity>(open_links(scoped.now()).add(password_link::Column::Id.eq(id))).await
}

/// Uses a link. False: somebody else has, or it has run out.
pub async fn use_link(tx: &Scoped, id: PasswordLinkId) -> Result<bool, Error> {
    let open = open_links(tx.now()).add(password_link::Column::Id.eq(id));
    let values = vec![(password_link::Column::UsedAt, Expr::val(tx.now()))];
    Ok(!tx.change_own::<password_link::Entity>(open, values).await?.is_empty())
}

fn void(tx: &Scoped, whose: UserId) -> (Condition, Values<password_link::Entity>) {
    let open = open_links(tx.now()).add(password_link::Column::UserId.eq(whose));
    (open, vec![(password_link::Column::ExpiresAt, Expr::val(tx.now()))])
}

/// Lets the viewer's own links, or for the system those of this user, run out.
pub async fn void_own_links(tx: &Scoped, whose: UserId) -> Result<(), Error> {
    let (open, values) = void(tx, whose);
    tx.change_own::<password_link::Entity>(open, values).await.map(|_| ())
}

/// Lets the links of a user whom the permit reaches run out.
pub async fn void_links_of(tx: &Scoped, permit: &Permit<OrganisationAdminister>, whose: UserId) -> Result<(), Error> {
    let (open, values) = void(tx, whose);
    tx.change_for::<password_link::Entity, _>(permit, open, values).await.map(|_| ())
}
