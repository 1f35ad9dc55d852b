//! The steps of the schema: up, down to nothing, and up again, on data.

use branchwise::cli::sample;
use branchwise::db::{MigrationState, Rights};
use serde_json::json;

use crate::app::{Engine, PASSWORD, TestApp};
use crate::on_both;
use crate::tables::{count, tables};

/// The shape of the database: columns with their types, and indexes.
async fn shape(app: &TestApp) -> Vec<String> {
    let sql = match app.engine {
        Engine::Sqlite => "SELECT type || ' ' || name || ' ' || COALESCE(sql, '') FROM sqlite_master ORDER BY 1",
        Engine::Postgres => {
            "SELECT CAST(table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || \
                COALESCE(collation_name, '') AS text) \
             FROM information_schema.columns WHERE table_schema = 'public' \
             UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' \
             UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace \
             ORDER BY 1"
        }
    };
    app.select(sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn states(app: &TestApp) -> Vec<MigrationState> {
    app.db.migrations().await.unwrap().into_iter().map(|(_, state)| state).collect()
}

on_both! {
    async fn up_down_to_nothing_and_up_again(app) {
        let (before, steps) = (shape(&app).await, states(&app).await.len());
        let (customers, rules) = (count(&app, "customer").await, count(&app, "policy_rule").await);
        assert!(customers > 100 && rules > 100);
        assert_eq!(states(&app).await, vec![MigrationState::Applied; steps]);
        app.db.migrate_up().await.unwrap();
        assert_eq!(shape(&app).await, before, "a second time up does nothing");
        assert_eq!(count(&app, "customer").await, customers);

        app.db.migrate_down(None).await.unwrap();
        let left: Vec<String> = tables(&app).await.into_iter().filter(|table| !table.starts_with("seaql")).collect();
        assert_eq!(left, Vec::<String>::new());
        assert_eq!(states(&app).await, vec![MigrationState::Pending; steps]);

        app.db.migrate_up().await.unwrap();
        assert_eq!(shape(&app).await, before);
        assert_eq!((count(&app, "policy_rule").await, count(&app, "customer").await), (rules, 0));
        let rights = Rights::init(app.db.clone()).await.unwrap();
        sample::fill(&app.db, &rights, &app.secrets, PASSWORD, &app.database.folder()).await.unwrap();
        assert_eq!(count(&app, "customer").await, customers);
    }

    async fn each_step_can_be_taken_back_and_again(app) {
        let before = shape(&app).await;
        let steps = states(&app).await.len();
        for back in 1..=steps {
            app.db.migrate_down(Some(1)).await.unwrap();
            assert_eq!(states(&app).await.iter().filter(|state| **state == MigrationState::Pending).count(), back);
        }
        app.db.migrate_up().await.unwrap();
        assert_eq!(shape(&app).await, before);
        for back in 1..=steps {
            app.db.migrate_down(Some(u32::try_from(back).unwrap())).await.unwrap();
            app.db.migrate_up().await.unwrap();
            assert_eq!(shape(&app).await, before, "{back} back and up again");
        }
    }

    async fn the_server_goes_on_over_a_schema_that_is_up_already(app) {
        app.db.migrate_up().await.unwrap();
        assert_eq!(app.actor("hq.director").await.ask("{ orgUnits { totalCount } }").await, json!({ "orgUnits": { "totalCount": 15 } }));
    }
}
