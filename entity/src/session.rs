//! A stretch of being signed in on one device. Access tokens name it; whoever ends it ends them.

use sea_orm::entity::prelude::*;

use crate::{SessionId, Timestamp, UserId, stored::stored};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "session")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: SessionId,
    pub user_id: UserId,
    /// What the user calls the device.
    pub device: Option<String>,
    /// How often its refresh token was exchanged; an older token than this is a stolen one.
    pub generation: i64,
    pub started_at: Timestamp,
    /// When it was last refreshed.
    pub used_at: Timestamp,
    /// From when it can no longer be refreshed.
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    /// Why it ended: SIGNED_OUT, REUSED, PASSWORD or ADMINISTRATOR.
    pub ended_by: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("session": id, user_id, device, generation, started_at, used_at, expires_at, ended_at, ended_by);
