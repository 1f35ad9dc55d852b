//! Connections that are handed from statement to statement: one that is cut off leaves nothing to the next, and units of work get theirs
//! however many statements run beside them.

use branchwise::Error;
use branchwise::db::{Db, DbConfig};
use entity::{UserId, customer, org_unit};

use crate::on_both;

on_both! {
    async fn a_statement_that_is_cut_off_leaves_nothing_to_the_next(app) {
        let viewer = app.rights.viewer(UserId(app.user("hq.director").await)).await.unwrap().unwrap();
        let few = Db::connect(DbConfig { max_connections: 2, ..DbConfig::new(&app.database.url) }, app.clock.clone()).await.unwrap();
        let scoped = few.seen_by(viewer);
        let units = scoped.find::<org_unit::Entity>().count().await.unwrap();
        let mut cut_off = 0;
        for step in 0..200 {
            // So often it may go on before it is dropped: it is cut off at every point of its way.
            let answered = {
                let mut long = std::pin::pin!(scoped.find::<customer::Entity>().all(1_000));
                let mut answered = false;
                for _ in 0..step % 20 {
                    if futures::poll!(long.as_mut()).is_ready() {
                        answered = true;
                        break;
                    }
                    tokio::task::yield_now().await;
                }
                answered
            };
            cut_off += u32::from(!answered);
            assert_eq!(scoped.find::<org_unit::Entity>().count().await, Ok(units), "after {} turns", step % 20);
        }
        assert!(cut_off > 20, "{cut_off} of 200 were cut off");
        drop(scoped);
        few.close().await;
    }

    async fn statements_and_units_of_work_share_a_few_connections(app) {
        let viewer = app.rights.viewer(UserId(app.user("hq.director").await)).await.unwrap().unwrap();
        let few = Db::connect(DbConfig { max_connections: 2, ..DbConfig::new(&app.database.url) }, app.clock.clone()).await.unwrap();
        let scoped = few.seen_by(viewer);
        let units = scoped.find::<org_unit::Entity>().count().await.unwrap();
        let alone = (0..100).map(|_| async { scoped.find::<org_unit::Entity>().count().await });
        let within = (0..100).map(|_| async {
            scoped.transaction(|scoped| async move { scoped.find::<org_unit::Entity>().count().await }).await
        });
        let (alone, within) = futures::join!(futures::future::join_all(alone), futures::future::join_all(within));
        assert!(alone.into_iter().chain(within).all(|found: Result<u64, Error>| found == Ok(units)));
        drop(scoped);
        few.close().await;
    }
}
