//! Audit rows are stamped when they are written, and sealed in a chain once they are committed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

use crate::{byte_ordered, drop_all, index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("audit").add_column(byte_ordered(manager, "stamp")).to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("audit_seal")
                    .col(ColumnDef::new("position").big_integer().not_null().primary_key())
                    .col(ColumnDef::new("audit_id").uuid().not_null().unique_key())
                    .col(ColumnDef::new("sealed_at").big_integer().not_null())
                    .col(byte_ordered(manager, "digest").not_null())
                    .col(byte_ordered(manager, "chain").not_null())
                    .col(ColumnDef::new("settled").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            // By which transaction a row was written: the sealer finds new rows by it, whatever order they commit in. Two steps, so that
            // rows of before are not rewritten. SQLite has one writer at a time, and the number of the row tells as much.
            let written_in = ColumnDef::new("written_in").big_integer().not_null().default(0).to_owned();
            manager.alter_table(Table::alter().table("audit").add_column(written_in).to_owned()).await?;
            let number = "ALTER TABLE audit ALTER COLUMN written_in SET DEFAULT (pg_current_xact_id()::text::bigint)";
            manager.get_connection().execute_unprepared(number).await?;
            manager.create_index(index("audit_written", "audit", &["written_in", "id"])).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["audit_seal"]).await?;
        if manager.get_database_backend() == DbBackend::Postgres {
            manager.drop_index(Index::drop().name("audit_written").table("audit").to_owned()).await?;
            manager.alter_table(Table::alter().table("audit").drop_column("written_in").to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("audit").drop_column("stamp").to_owned()).await
    }
}
