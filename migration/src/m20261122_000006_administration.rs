//! What a living group needs: kinds of posts, delegations, sessions, one-time links, failed sign-ins, daily quotas, work that falls due,
//! and an audit that tells names.

use sea_orm_migration::prelude::*;

use crate::{byte_ordered, drop_all, index, reference};

#[derive(DeriveMigrationName)]
pub struct Migration;

const NEW_TABLES: [&str; 6] = ["due_work", "daily_use", "sign_in_failure", "password_link", "session", "delegation"];
const NEW_COLUMNS: [(&str, &str); 8] = [
    ("post", "origin"),
    ("post", "acting_for"),
    ("post", "updated_at"),
    ("post", "version"),
    ("role", "delegates_sensitive"),
    ("audit", "actor_name"),
    ("audit", "behalf_of_id"),
    ("audit", "behalf_of_name"),
];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        widen(manager).await?;
        name_records(manager).await?;
        for index in [
            index("audit_unit", "audit", &["unit_id", "at", "id"]),
            index("audit_at", "audit", &["at", "id"]),
            index("audit_actor", "audit", &["actor_id", "at", "id"]),
        ] {
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("delegation")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("post_id").uuid().not_null())
                    .col(ColumnDef::new("delegator_id").uuid().not_null())
                    .col(ColumnDef::new("delegate_id").uuid().not_null())
                    .col(ColumnDef::new("actions").json_binary().not_null())
                    .col(byte_ordered(manager, "level").not_null())
                    .col(ColumnDef::new("valid_from").big_integer().not_null())
                    .col(ColumnDef::new("valid_to").big_integer().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .foreign_key(&mut reference("delegation", "post_id", "post"))
                    .foreign_key(&mut reference("delegation", "delegator_id", "user_account"))
                    .foreign_key(&mut reference("delegation", "delegate_id", "user_account"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("delegation_delegate", "delegation", &["delegate_id", "valid_to"])).await?;
        manager.create_index(index("delegation_delegator", "delegation", &["delegator_id", "valid_to"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("session")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(ColumnDef::new("device").text())
                    .col(ColumnDef::new("generation").big_integer().not_null())
                    .col(ColumnDef::new("started_at").big_integer().not_null())
                    .col(ColumnDef::new("used_at").big_integer().not_null())
                    .col(ColumnDef::new("expires_at").big_integer().not_null())
                    .col(ColumnDef::new("ended_at").big_integer())
                    .col(byte_ordered(manager, "ended_by"))
                    .foreign_key(&mut reference("session", "user_id", "user_account"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("session_user", "session", &["user_id", "started_at"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("password_link")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("expires_at").big_integer().not_null())
                    .col(ColumnDef::new("used_at").big_integer())
                    .foreign_key(&mut reference("password_link", "user_id", "user_account"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("password_link_user", "password_link", &["user_id"])).await?;
        manager
            .create_table(
                Table::create()
                    .table("sign_in_failure")
                    .col(byte_ordered(manager, "subject").not_null().primary_key())
                    .col(ColumnDef::new("failures").big_integer().not_null())
                    .col(ColumnDef::new("since").big_integer().not_null())
                    .col(ColumnDef::new("locked_until").big_integer())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("daily_use")
                    .col(ColumnDef::new("user_id").uuid().not_null())
                    .col(byte_ordered(manager, "what").not_null())
                    .col(ColumnDef::new("day").date().not_null())
                    .col(ColumnDef::new("used").big_integer().not_null())
                    .primary_key(Index::create().col("user_id").col("what").col("day"))
                    .foreign_key(&mut reference("daily_use", "user_id", "user_account"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("due_work")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(byte_ordered(manager, "kind").not_null())
                    .col(ColumnDef::new("record_id").uuid().not_null())
                    .col(ColumnDef::new("unit_id").uuid())
                    .col(ColumnDef::new("details").json_binary().not_null())
                    .col(ColumnDef::new("due_at").big_integer().not_null())
                    .col(ColumnDef::new("planned_by").uuid())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("done_at").big_integer())
                    .col(byte_ordered(manager, "outcome"))
                    .foreign_key(&mut reference("due_work", "planned_by", "user_account"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("due_work_due", "due_work", &["done_at", "due_at"])).await?;
        manager.create_index(index("due_work_record", "due_work", &["record_id", "due_at"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &NEW_TABLES).await?;
        for (name, table) in [("audit_actor", "audit"), ("audit_at", "audit"), ("audit_unit", "audit")] {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for (table, column) in NEW_COLUMNS {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        for table in ["org_unit", "user"] {
            rename_records(manager, table, "organisation").await?;
        }
        Ok(())
    }
}

/// New columns of old tables, one statement each: SQLite adds no two at once.
async fn widen(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut origin = byte_ordered(manager, "origin");
    origin.not_null().default("DIRECT");
    let columns = [
        origin,
        ColumnDef::new("acting_for").uuid().to_owned(),
        ColumnDef::new("updated_at").big_integer().not_null().default(0).to_owned(),
        ColumnDef::new("version").big_integer().not_null().default(1).to_owned(),
        ColumnDef::new("delegates_sensitive").boolean().not_null().default(false).to_owned(),
        ColumnDef::new("actor_name").text().to_owned(),
        ColumnDef::new("behalf_of_id").uuid().to_owned(),
        ColumnDef::new("behalf_of_name").text().to_owned(),
    ];
    for ((table, _), column) in NEW_COLUMNS.iter().zip(columns) {
        manager.alter_table(Table::alter().table(*table).add_column(column).to_owned()).await?;
    }
    manager.execute(Query::update().table("post").value("updated_at", Expr::col("created_at")).to_owned()).await
}

/// Audit rows of units and users used to share one type; posts were told of in their user's rows and stay there.
async fn name_records(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    for (record_type, table) in [("org_unit", "org_unit"), ("user", "user_account")] {
        let known = Query::select().column("id").from(table).to_owned();
        manager
            .execute(
                Query::update()
                    .table("audit")
                    .value("record_type", record_type)
                    .and_where(Expr::col("record_type").eq("organisation"))
                    .and_where(Expr::col("record_id").in_subquery(known))
                    .to_owned(),
            )
            .await?;
    }
    Ok(())
}

async fn rename_records(manager: &SchemaManager<'_>, from: &'static str, to: &'static str) -> Result<(), DbErr> {
    let rename = Query::update().table("audit").value("record_type", to).and_where(Expr::col("record_type").eq(from)).to_owned();
    manager.execute(rename).await
}
