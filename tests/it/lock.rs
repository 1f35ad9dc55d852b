//! The lock itself, below every use case: what a permit does not reach is neither added nor changed, whatever a caller has forgotten to
//! ask. Use cases ask first and answer more kindly, so that nothing here is seen over HTTP while they do.

use branchwise::access::Permits;
use branchwise::access::action::{CustomerCreate, CustomerUpdate};
use branchwise::access::visible::Place;
use branchwise::db::{Row, Scoped};
use entity::{CustomerId, UnitId, UserId, customer};

use crate::app::TestApp;
use crate::on_both;
use crate::raw::sql_id;

async fn seen_by(app: &TestApp, username: &str) -> Scoped {
    let user = UserId(app.user(username).await);
    app.db.seen_by(app.rights.viewer(user).await.unwrap().unwrap())
}

async fn row(app: &TestApp, reference: &str) -> Row<customer::Entity> {
    let scoped = seen_by(app, "hq.director").await;
    scoped.find::<customer::Entity>().id(app.customer(reference).await).one().await.unwrap().unwrap()
}

/// Saves the customer under another name. How many rows that changed; none: refused.
async fn rename(app: &TestApp, username: &str, reference: &str, change: impl Fn(&mut customer::Model)) -> Option<u64> {
    let scoped = seen_by(app, username).await;
    let permit = scoped.viewer().permit::<CustomerUpdate>().unwrap();
    let before = row(app, reference).await.model;
    let mut after = before.clone();
    after.name = "Taken".to_owned();
    change(&mut after);
    scoped.transaction(move |tx| async move { tx.save::<customer::Entity, _>(&permit, &before, &after).await }).await.ok()
}

on_both! {
    async fn a_row_is_added_where_the_permit_reaches(app) {
        let scoped = seen_by(&app, "shanghai.manager").await;
        let added = async |rows: Vec<(Place, customer::Model)>| {
            let permit = scoped.viewer().permit::<CustomerCreate>().unwrap();
            scoped.transaction(move |tx| async move { tx.insert::<customer::Entity, _>(&permit, rows).await }).await
        };
        let of = async |reference: &str, id: u128| {
            let model = row(&app, reference).await.model;
            let id = uuid::Uuid::from_u128(id);
            let model = customer::Model { id: CustomerId(id), external_ref: None, ..model };
            (Place { unit: model.unit_id, owner: model.owner_id }, model)
        };
        let before = app.number("SELECT COUNT(*) FROM customer").await;
        let rows = vec![of("SH-0003", 1).await, of("LN-0001", 2).await];
        assert!(added(rows).await.is_err(), "one of two lies in London");
        assert_eq!(app.number("SELECT COUNT(*) FROM customer").await, before, "then neither is added");
        let (_, model) = of("LN-0001", 3).await;
        let told = Place { unit: UnitId(app.unit("SHANGHAI").await), owner: None };
        assert!(added(vec![(told, model)]).await.is_err(), "the row tells where it goes, not the caller");
        added(vec![of("SH-0003", 4).await]).await.unwrap();
        assert_eq!(app.number("SELECT COUNT(*) FROM customer").await, before + 1);
    }

    async fn a_row_is_changed_that_the_permit_reaches(app) {
        assert_eq!(rename(&app, "shanghai.rep1", "SH-0002", |_| ()).await, Some(0), "seen as a card, beyond the right to change");
        assert_eq!(rename(&app, "shanghai.manager", "LN-0001", |_| ()).await, Some(0), "not seen at all");
        assert_eq!(rename(&app, "shanghai.manager", "SH-0002", |_| ()).await, Some(1));
    }

    async fn a_row_that_is_not_seen_is_not_changed_whatever_the_permit(app) {
        // Rights to change reach the whole group, those to read the unit alone.
        app.add_rule(["branch_manager", "customer", "update", "GROUP", "FULL", "allow"]).await;
        app.rights_changed().await;
        assert_eq!(rename(&app, "shanghai.manager", "LN-0001", |_| ()).await, Some(0));
        assert_eq!(rename(&app, "shanghai.manager", "SH-0002", |_| ()).await, Some(1));
    }

    async fn a_row_goes_where_the_permit_reaches(app) {
        let (london, hangzhou) = (UnitId(app.unit("LONDON").await), UnitId(app.unit("HANGZHOU").await));
        assert_eq!(rename(&app, "shanghai.manager", "SH-0002", |row| row.unit_id = london).await, None);
        assert_eq!(rename(&app, "shanghai.manager", "SH-0002", |row| row.unit_id = hangzhou).await, None, "seen, if only by cards");
    }

    async fn a_row_that_sql_finds_and_no_arm_reaches_is_not_seen(app) {
        let scoped = seen_by(&app, "east.manager").await;
        let id = app.customer("SH-0002").await;
        assert!(scoped.find::<customer::Entity>().id(id).one().await.unwrap().is_some());
        // By its column of the region it is still below; by the tree it is not.
        let london = sql_id(app.engine, app.unit("LONDON").await);
        app.execute(&format!("UPDATE customer SET unit_id = {london} WHERE external_ref = 'SH-0002'")).await;
        assert!(scoped.find::<customer::Entity>().id(id).one().await.unwrap().is_none());
    }
}
