//! By what an issuer of OpenID Connect knows a user.

use sea_orm_migration::prelude::*;

use crate::{byte_ordered, index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["issuer", "subject"] {
            manager.alter_table(Table::alter().table("user_account").add_column(byte_ordered(manager, name)).to_owned()).await?;
        }
        manager.create_index(index("user_subject", "user_account", &["issuer", "subject"]).unique().to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name("user_subject").table("user_account").to_owned()).await?;
        for name in ["subject", "issuer"] {
            manager.alter_table(Table::alter().table("user_account").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}
