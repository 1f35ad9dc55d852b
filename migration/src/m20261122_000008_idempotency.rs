//! First answers by key.

use sea_orm_migration::prelude::*;

use crate::{byte_ordered, drop_all, index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("idempotency")
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(byte_ordered(manager, "name").not_null())
                    .col(ColumnDef::new("at").big_integer().not_null())
                    .col(ColumnDef::new("asked").blob().not_null())
                    .col(ColumnDef::new("rights").blob())
                    .col(ColumnDef::new("answer").blob())
                    .col(ColumnDef::new("record_type").text())
                    .col(ColumnDef::new("record_id").uuid())
                    .col(ColumnDef::new("level").text())
                    .primary_key(Index::create().col("user_id").col("name"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("idempotency_at", "idempotency", &["at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["idempotency"]).await
    }
}
