//! What changed, in the order of commits.

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
                    .table("change")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("at").big_integer().not_null())
                    .col(ColumnDef::new("record_type").text().not_null())
                    .col(ColumnDef::new("record_id").uuid().not_null())
                    .col(ColumnDef::new("unit_before").uuid())
                    .col(ColumnDef::new("owner_before").uuid())
                    .col(ColumnDef::new("unit_after").uuid())
                    .col(ColumnDef::new("owner_after").uuid())
                    .col(ColumnDef::new("position").big_integer())
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("change_position", "change", &["position"]).unique().to_owned()).await?;
        // Only those that wait for a position: a handful at any time.
        manager.create_index(index("change_waiting", "change", &["id"]).and_where(Expr::col("position").is_null()).to_owned()).await?;
        manager.create_index(index("change_at", "change", &["at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["change"]).await
    }
}
