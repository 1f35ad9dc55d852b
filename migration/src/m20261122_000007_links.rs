//! Whose power stands behind a one-time link, and indexes for tidying sessions.

use sea_orm_migration::prelude::*;

use crate::index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Links of before tell no maker; none of them would last a day anyway.
        manager.execute(Query::delete().from_table("password_link").to_owned()).await?;
        let made_by = ColumnDef::new("made_by").uuid().to_owned();
        manager.alter_table(Table::alter().table("password_link").add_column(made_by).to_owned()).await?;
        manager.create_index(index("session_expires", "session", &["expires_at"])).await?;
        manager.create_index(index("session_ended", "session", &["ended_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["session_ended", "session_expires"] {
            manager.drop_index(Index::drop().name(name).table("session").to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("password_link").drop_column("made_by").to_owned()).await
    }
}
