//! Parties, customers and their contacts. The indexes are those of the measured row rules: a unit's, a region's and the group's newest,
//! and the same by name.

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
                    .table("party")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("customer")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("party_id").uuid().not_null())
                    .col(ColumnDef::new("unit_id").uuid().not_null())
                    .col(ColumnDef::new("region_id").uuid())
                    .col(ColumnDef::new("origin_unit_id").uuid().not_null())
                    .col(byte_ordered(manager, "external_ref"))
                    .col(ColumnDef::new("owner_id").uuid())
                    .col(ColumnDef::new("kind").string_len(16).not_null())
                    .col(ColumnDef::new("class").string_len(16).not_null())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(byte_ordered(manager, "name_folded").not_null())
                    .col(byte_ordered(manager, "industry"))
                    .col(byte_ordered(manager, "phone"))
                    .col(byte_ordered(manager, "email"))
                    .col(ColumnDef::new("address").text())
                    .col(ColumnDef::new("birth_date").date())
                    .col(byte_ordered(manager, "gender"))
                    .col(byte_ordered(manager, "occupation"))
                    .col(byte_ordered(manager, "education"))
                    .col(ColumnDef::new("annual_income_minor").big_integer())
                    .col(ColumnDef::new("annual_income_currency").string_len(3))
                    .col(ColumnDef::new("identity_cipher").binary())
                    .col(ColumnDef::new("identity_index").binary())
                    .col(ColumnDef::new("custom").json_binary().not_null())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("archived_at").big_integer())
                    .foreign_key(&mut reference("customer", "party_id", "party"))
                    .foreign_key(&mut reference("customer", "unit_id", "org_unit"))
                    .foreign_key(&mut reference("customer", "region_id", "org_unit"))
                    .foreign_key(&mut reference("customer", "origin_unit_id", "org_unit"))
                    .foreign_key(&mut reference("customer", "owner_id", "user_account"))
                    .to_owned(),
            )
            .await?;
        for index in [
            index("customer_unit_created", "customer", &["unit_id", "created_at", "id"]),
            index("customer_region_created", "customer", &["region_id", "created_at", "id"]),
            index("customer_created", "customer", &["created_at", "id"]),
            index("customer_unit_name", "customer", &["unit_id", "name_folded", "id"]),
            index("customer_name", "customer", &["name_folded", "id"]),
            index("customer_owner", "customer", &["owner_id", "created_at", "id"]),
            index("customer_owner_unit", "customer", &["owner_id", "unit_id"]),
            index("customer_owner_region", "customer", &["owner_id", "region_id"]),
            index("customer_party", "customer", &["party_id"]),
            index("customer_identity", "customer", &["identity_index"]),
            index("customer_reference", "customer", &["origin_unit_id", "external_ref"]).unique().to_owned(),
        ] {
            manager.create_index(index).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("contact")
                    .col(ColumnDef::new("id").uuid().not_null().primary_key())
                    .col(ColumnDef::new("customer_id").uuid().not_null())
                    .col(ColumnDef::new("unit_id").uuid().not_null())
                    .col(ColumnDef::new("region_id").uuid())
                    .col(ColumnDef::new("name").text().not_null())
                    .col(ColumnDef::new("role").text())
                    .col(ColumnDef::new("phone").text())
                    .col(ColumnDef::new("email").text())
                    .col(ColumnDef::new("created_at").big_integer().not_null())
                    .col(ColumnDef::new("updated_at").big_integer().not_null())
                    .col(ColumnDef::new("version").big_integer().not_null())
                    .col(ColumnDef::new("archived_at").big_integer())
                    .foreign_key(&mut reference("contact", "customer_id", "customer"))
                    .foreign_key(&mut reference("contact", "unit_id", "org_unit"))
                    .foreign_key(&mut reference("contact", "region_id", "org_unit"))
                    .to_owned(),
            )
            .await?;
        manager.create_index(index("contact_customer", "contact", &["customer_id", "created_at", "id"])).await?;
        manager.create_index(index("contact_unit", "contact", &["unit_id"])).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["contact", "customer", "party"]).await
    }
}
