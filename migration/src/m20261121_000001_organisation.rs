//! Units, where they stood, and the closure of the tree.

use sea_orm_migration::prelude::*;

use crate::{byte_ordered, drop_all, index, reference};

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
                    .table("org_unit")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(byte_ordered(manager, "code").not_null().unique_key())
                    .col(byte_ordered(manager, "name").not_null())
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("parent_id").uuid())
                    .col(ColumnDef::new("region_id").uuid())
                    .col(ColumnDef::new("business_mode").string_len(16))
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("archived_at").big_integer())
                    .foreign_key(&mut reference("org_unit", "parent_id", "org_unit"))
                    .foreign_key(&mut reference("org_unit", "region_id", "org_unit"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("org_unit_parent", "org_unit", &["parent_id"])).await?;
        manager.create_index(index("org_unit_created", "org_unit", &["created_at", "id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("org_parent")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("unit_id").uuid().not_null())
                    .col(ColumnDef::new("parent_id").uuid())
                    .col(ColumnDef::new("valid_from").big_integer().not_null())
                    .col(ColumnDef::new("valid_to").big_integer())
                    .foreign_key(&mut reference("org_parent", "unit_id", "org_unit"))
                    .foreign_key(&mut reference("org_parent", "parent_id", "org_unit"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("org_parent_unit", "org_parent", &["unit_id", "valid_from"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("org_path")
                    .col(ColumnDef::new("ancestor_id").uuid().not_null())
                    .col(ColumnDef::new("descendant_id").uuid().not_null())
                    .col(ColumnDef::new("depth").integer().not_null())
                    .primary_key(Index::create().col("ancestor_id").col("descendant_id"))
                    .foreign_key(&mut reference("org_path", "ancestor_id", "org_unit"))
                    .foreign_key(&mut reference("org_path", "descendant_id", "org_unit"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("org_path_descendant", "org_path", &["descendant_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["org_path", "org_parent", "org_unit"]).await
    }
}
