//! People who sign in. The table is `user_account`, since `user` is a word of PostgreSQL's own.

use sea_orm::entity::prelude::*;

use crate::{Timestamp, UserId, stored::stored};

#[derive(Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "user_account")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: UserId,
    pub username: String,
    pub name: String,
    pub email: Option<String>,
    /// Argon2id, PHC format; null: cannot sign in by password.
    pub password_hash: Option<String>,
    pub disabled_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
    /// Who of OpenID Connect knows the user by `subject`; both null: nobody does.
    pub issuer: Option<String>,
    pub subject: Option<String>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("user").field("id", &self.id).finish_non_exhaustive()
    }
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

stored!("user_account": id, username, name, email, password_hash, disabled_at, created_at, updated_at, version, issuer, subject);
