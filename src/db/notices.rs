//! Notices between instances: on PostgreSQL a change of rights is told at its commit, and instances listen on a connection of their own.
//! A notice may be lost with a connection; whoever listens asks again now and then anyway.

use std::convert::Infallible;
use std::time::Duration;

use sea_orm::DbBackend;
use sea_orm::sea_query::{Expr, Func, Query as Sql};
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;

use super::Db;
use super::running::Conn;
use crate::error::Error;

const CHANNEL: &str = "branchwise_rights";
const BACK_OFF: Duration = Duration::from_millis(250);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(30);

impl Conn {
    /// Tells other instances, when this unit of work commits, that rights have changed.
    pub(super) async fn notify(&self) -> Result<(), Error> {
        if self.backend() != DbBackend::Postgres {
            return Ok(());
        }
        let mut notify = Sql::select();
        notify.expr(Func::cust("pg_notify").arg(Expr::val(CHANNEL)).arg(Expr::val("")));
        self.execute(&notify).await.map(|_| ())
    }
}

impl Db {
    /// Wakes `heard` at every notice, for ever; and after each lost connection, since a notice may have been lost with it. On SQLite nobody
    /// tells anything.
    pub(super) async fn hear(&self, heard: &Notify) -> Infallible {
        let mut back_off = BACK_OFF;
        loop {
            if !self.is_postgres() {
                std::future::pending::<()>().await;
            }
            let error = match self.listener().await {
                Ok(mut listener) => {
                    back_off = BACK_OFF;
                    loop {
                        heard.notify_one();
                        if let Err(error) = listener.try_recv().await {
                            break error;
                        }
                    }
                }
                Err(error) => error,
            };
            tracing::warn!(kind = super::error::kind(&error), "not listening for changes of rights; looking for them instead");
            tokio::time::sleep(back_off).await;
            back_off = (back_off * 2).min(LONGEST_BACK_OFF);
        }
    }

    /// Beside the pool, which is for requests.
    async fn listener(&self) -> Result<PgListener, sqlx::Error> {
        let options = self.writer().get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None).connect_with(options.as_ref().clone());
        let mut listener = PgListener::connect_with(&pool.await?).await?;
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    }
}
