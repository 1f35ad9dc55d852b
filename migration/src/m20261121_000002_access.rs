//! Users, roles, posts, the policy, and the counter that says when rights changed.

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
                    .table("user_account")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(byte_ordered(manager, "username").not_null().unique_key())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("email").text())
                    .col(ColumnDef::new("password_hash").text())
                    .col(ColumnDef::new("disabled_at").big_integer())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("role")
                    .col(byte_ordered(manager, "code").not_null().primary_key())
                    .col(ColumnDef::new("title").text().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("role_gives")
                    .col(byte_ordered(manager, "role").not_null())
                    .col(byte_ordered(manager, "gives").not_null())
                    .primary_key(Index::create().col("role").col("gives"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("policy_rule")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(byte_ordered(manager, "role").not_null())
                    .col(byte_ordered(manager, "resource").not_null())
                    .col(byte_ordered(manager, "action").not_null())
                    .col(byte_ordered(manager, "reach").not_null())
                    .col(byte_ordered(manager, "level").not_null())
                    .col(byte_ordered(manager, "effect").not_null())
                    .to_owned(),
            )
            .await?;
        let mut once = index("policy_rule_once", "policy_rule", &["role", "resource", "action", "reach", "effect"]);
        manager.create_index(once.unique().to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("post")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(byte_ordered(manager, "role").not_null())
                    .col(ColumnDef::new("unit_id").uuid().not_null())
                    .col(ColumnDef::new("valid_from").big_integer().not_null())
                    .col(ColumnDef::new("valid_to").big_integer())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .foreign_key(&mut reference("post", "user_id", "user_account"))
                    .foreign_key(&mut reference("post", "unit_id", "org_unit"))
                    .foreign_key(ForeignKey::create().from("post", "role").to("role", "code"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("post_user", "post", &["user_id"])).await?;
        manager.create_index(index("post_unit", "post", &["unit_id", "user_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("epoch")
                    .col(byte_ordered(manager, "scope").not_null().primary_key())
                    .col(ColumnDef::new("value").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("epoch_value", "epoch", &["value"])).await?;
        for scope in ["*", "group"] {
            manager
                .execute(Query::insert().into_table("epoch").columns(["scope", "value"]).values_panic([scope.into(), 1.into()]).to_owned())
                .await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["epoch", "post", "policy_rule", "role_gives", "role", "user_account"]).await
    }
}
