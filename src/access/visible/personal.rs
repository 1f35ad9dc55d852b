//! Rows that belong to one user each, whatever posts say.

use entity::{UserId, delegation, password_link, session, user};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{Condition, EntityTrait};

use crate::access::Viewer;

/// A table of rows that each belong to one user, whom no grant speaks of: that user reads and writes them, and the system does; somebody
/// else writes them only by power over the user.
///
/// ```compile_fail,E0277
/// async fn read(scoped: &branchwise::db::Scoped) {
///     let _ = scoped.own_row::<entity::customer::Entity>(sea_orm::Condition::all()).await;
/// }
/// ```
///
/// ```no_run
/// async fn read(scoped: &branchwise::db::Scoped) {
///     let _ = scoped.own_row::<entity::session::Entity>(sea_orm::Condition::all()).await;
/// }
/// ```
pub trait Personal: EntityTrait {
    /// Whose row it is.
    fn whose(row: &Self::Model) -> UserId;

    /// The column that tells.
    fn person() -> Self::Column;

    /// The column of another user who may change the row, where there is one.
    fn other_side() -> Option<Self::Column> {
        None
    }
}

impl Personal for delegation::Entity {
    fn whose(row: &delegation::Model) -> UserId {
        row.delegator_id
    }

    fn person() -> delegation::Column {
        delegation::Column::DelegatorId
    }

    fn other_side() -> Option<delegation::Column> {
        Some(delegation::Column::DelegateId)
    }
}

impl Personal for session::Entity {
    fn whose(row: &Self::Model) -> UserId {
        row.user_id
    }

    fn person() -> Self::Column {
        session::Column::UserId
    }
}

impl Personal for password_link::Entity {
    fn whose(row: &Self::Model) -> UserId {
        row.user_id
    }

    fn person() -> Self::Column {
        password_link::Column::UserId
    }
}

/// What nobody else sees of a user: the password's hash.
impl Personal for user::Entity {
    fn whose(row: &Self::Model) -> UserId {
        row.id
    }

    fn person() -> Self::Column {
        user::Column::Id
    }
}

/// The rows of `E` that are the viewer's own; for the system everybody's.
pub fn own<E: Personal>(viewer: &Viewer) -> Condition {
    Condition::all().add_option(viewer.user_id().map(|me| Expr::col((E::default(), E::person())).eq(me)))
}

/// The rows of `E` that the viewer may change as its own: those, and the ones of which it is the other side.
pub fn changed_by<E: Personal>(viewer: &Viewer) -> Condition {
    let Some(me) = viewer.user_id() else { return Condition::all() };
    let sides = [Some(E::person()), E::other_side()].into_iter().flatten();
    sides.fold(Condition::any(), |any, side| any.add(Expr::col((E::default(), side)).eq(me)))
}

/// The rows of `E` that belong to these users.
pub fn of_users<E: Personal>(which: Condition) -> Condition {
    let users = Query::select().column(user::Column::Id).from(user::Entity).cond_where(which).to_owned();
    Condition::all().add(Expr::col((E::default(), E::person())).in_subquery(users))
}
