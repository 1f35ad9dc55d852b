//! The schema of Branchwise, one file a step. A step is frozen once it has landed: what it got wrong, a later one puts right.
//! Steps never import `entity`, since entities move on and steps do not.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

mod m20261121_000001_organisation;
mod m20261121_000002_access;
mod m20261121_000003_customer;
mod m20261121_000004_audit;
mod m20261121_000005_default_roles;
mod m20261122_000006_administration;
mod m20261122_000007_links;
mod m20261122_000008_idempotency;
mod m20261122_000009_audit_seal;
mod m20261122_000010_subject;
mod m20261122_000011_change;

pub use sea_orm_migration::{MigrationStatus, MigratorTrait};

/// Runs the steps in their order.
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_organisation::Migration),
            Box::new(m20261121_000002_access::Migration),
            Box::new(m20261121_000003_customer::Migration),
            Box::new(m20261121_000004_audit::Migration),
            Box::new(m20261121_000005_default_roles::Migration),
            Box::new(m20261122_000006_administration::Migration),
            Box::new(m20261122_000007_links::Migration),
            Box::new(m20261122_000008_idempotency::Migration),
            Box::new(m20261122_000009_audit_seal::Migration),
            Box::new(m20261122_000010_subject::Migration),
            Box::new(m20261122_000011_change::Migration),
        ]
    }
}

/// Text that sorts and compares by its bytes on both databases, whatever the locale of PostgreSQL.
fn byte_ordered(manager: &SchemaManager<'_>, name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    if manager.get_database_backend() == DbBackend::Postgres {
        column.custom(r#"text COLLATE "C""#);
    } else {
        column.text();
    }
    column
}

fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).to_owned();
    for column in columns {
        index.col(*column);
    }
    index
}

fn reference(table: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(to, "id").to_owned()
}

async fn drop_all(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables {
        manager.drop_table(Table::drop().table(*table).to_owned()).await?;
    }
    Ok(())
}
