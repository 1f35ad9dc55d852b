//! Audit rows.

use sea_orm_migration::prelude::*;

use crate::{drop_all, index};

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
                    .table("audit")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("at").big_integer().not_null())
                    .col(ColumnDef::new("actor_id").uuid())
                    .col(ColumnDef::new("reason").text())
                    .col(ColumnDef::new("action").text().not_null())
                    .col(ColumnDef::new("record_type").text().not_null())
                    .col(ColumnDef::new("record_id").uuid().not_null())
                    .col(ColumnDef::new("unit_id").uuid())
                    .col(ColumnDef::new("changes").json_binary().not_null())
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("audit_record", "audit", &["record_type", "record_id", "at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["audit"]).await
    }
}
