//! Compiled rights, kept fresh. Whoever changes rights, or ends a session, raises the epoch in the same transaction. Other instances are
//! told at the commit where the database can tell, ask for newer epochs twice a second anyway, and recompile what they name. An instance
//! that cannot ask for five seconds is not ready and denies.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use entity::{SessionId, UserId, epoch};
use moka::sync::Cache;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query as Sql};
use tokio::sync::Notify;
use uuid::Uuid;

use super::running::Conn;
use super::{Db, Scoped};
use crate::access::{GrantTable, OrgTree, Viewer};
use crate::error::Error;

/// How often other instances' changes are looked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How old the last answer may be.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(5);
const COUNTER: &str = "*";
pub(super) const GROUP: &str = "group";
const MOST_VIEWERS: u64 = 10_000;

/// The tree and the policy that viewers are compiled against.
pub(super) struct Ground {
    pub(super) tree: Arc<OrgTree>,
    pub(super) table: Arc<GrantTable>,
}

/// Compiled rights of all users, kept fresh.
pub struct Rights {
    db: Db,
    /// Asks for changes: a queue for the other connections does not keep it from confirming.
    asking: Conn,
    ground: ArcSwap<Ground>,
    /// By user, and by session where they signed in.
    viewers: Cache<(UserId, Option<SessionId>), Arc<Viewer>>,
    /// The latest change that this instance has taken in.
    epoch: AtomicI64,
    /// The latest change of the group, and of single users.
    changed: RwLock<(i64, HashMap<UserId, i64>)>,
    confirmed: RwLock<Instant>,
    refreshing: tokio::sync::Mutex<()>,
}

impl Rights {
    /// Loads tree and policy. Rows of the policy that nobody understands keep no server from starting: they are left out, and a role of
    /// which one may have denied something grants nothing. The log tells of each.
    pub async fn init(db: Db) -> Result<Arc<Self>, Error> {
        let asking = db.apart();
        let epochs = asking.epochs_unscoped(0).await?;
        let policy = asking.policy_unscoped().await?.understood().await.map_err(Error::internal)?;
        let ground = Ground { tree: Arc::new(asking.tree_unscoped().await?), table: Arc::new(policy) };
        let latest = epochs.iter().map(|(_, value)| *value).max().unwrap_or_default();
        Ok(Arc::new(Self {
            db,
            asking,
            ground: ArcSwap::from_pointee(ground),
            viewers: Cache::new(MOST_VIEWERS),
            epoch: AtomicI64::new(latest),
            changed: RwLock::new((latest, HashMap::new())),
            confirmed: RwLock::new(Instant::now()),
            refreshing: tokio::sync::Mutex::new(()),
        }))
    }

    /// Somebody who has not signed in, for the command line and for what is looked up about them. None: no such user, or disabled. Errors:
    /// UNAVAILABLE when rights cannot be confirmed.
    pub async fn viewer(&self, id: UserId) -> Result<Option<Arc<Viewer>>, Error> {
        self.compiled(id, None).await
    }

    /// Somebody who has signed in, compiled or from the cache. None: the session has ended, is none of this user's, or the user is disabled.
    /// Errors: UNAVAILABLE when rights cannot be confirmed.
    pub async fn signed_in(&self, id: UserId, session: SessionId) -> Result<Option<Arc<Viewer>>, Error> {
        self.compiled(id, Some(session)).await
    }

    /// The same viewer with the rights that stand now. None: the system, and whoever is no longer signed in.
    pub async fn anew(&self, viewer: &Viewer) -> Result<Option<Arc<Viewer>>, Error> {
        match viewer.user_id() {
            Some(id) => self.compiled(id, viewer.session()).await,
            None => Ok(None),
        }
    }

    async fn compiled(&self, id: UserId, session: Option<SessionId>) -> Result<Option<Arc<Viewer>>, Error> {
        if !self.is_confirmed() {
            return Err(Error::Unavailable);
        }
        let now = self.db.clock().now();
        if let Some(viewer) = self.viewers.get(&(id, session))
            && viewer.epoch() >= self.changed_at(id, viewer.lenders())
            && viewer.valid_until().is_none_or(|until| now < until)
        {
            return Ok(Some(viewer));
        }
        // Before anything is read: what changes meanwhile is taken in the next time at the latest.
        let epoch = self.epoch.load(Ordering::Acquire);
        let ground = self.ground.load_full();
        let Some(viewer) = self.db.reading().compile(id, session, &ground, now).await? else {
            self.viewers.invalidate(&(id, session));
            return Ok(None);
        };
        let viewer = Arc::new(viewer.as_of(epoch));
        self.viewers.insert((id, session), viewer.clone());
        Ok(Some(viewer))
    }

    /// Is it confirmed that rights are those of the database? Errors: UNAVAILABLE, for what must fail before it tells anything else.
    pub fn confirmed(&self) -> Result<(), Error> {
        if self.is_confirmed() { Ok(()) } else { Err(Error::Unavailable) }
    }

    /// The system itself, for a reason that the audit keeps.
    pub(super) fn system(&self, reason: &'static str) -> Arc<Viewer> {
        let ground = self.ground.load();
        Arc::new(Viewer::system(reason, &ground.table, &ground.tree))
    }

    /// Takes in what changed; called after every change of rights on this instance, and by [`Rights::watch`]. A policy that is refused
    /// leaves the last good one in force.
    pub async fn refresh(&self) -> Result<(), Error> {
        let _one_at_a_time = self.refreshing.lock().await;
        self.take_in().await
    }

    async fn take_in(&self) -> Result<(), Error> {
        let seen = self.epoch.load(Ordering::Acquire);
        let epochs = self.asking.epochs_unscoped(seen).await?;
        let latest = epochs.iter().map(|(_, value)| *value).max().unwrap_or(seen);
        if epochs.iter().any(|(scope, _)| scope == GROUP) {
            let ground = self.asking.ground(self.ground.load().table.clone()).await?;
            self.ground.store(Arc::new(ground));
        }
        if let Ok(mut changed) = self.changed.write() {
            for (scope, value) in &epochs {
                if scope == GROUP {
                    changed.0 = Ord::max(changed.0, *value);
                } else if let Ok(user) = scope.parse::<Uuid>() {
                    changed.1.insert(UserId(user), *value);
                }
            }
        }
        self.epoch.store(latest, Ordering::Release);
        if let Ok(mut confirmed) = self.confirmed.write() {
            *confirmed = Instant::now();
        }
        Ok(())
    }

    /// Takes in what a request on this instance has changed, so that it counts from the next request on. Asks nothing where nothing was.
    pub async fn catch_up(&self) -> Result<(), Error> {
        // Under the lock: whoever finds the mark gone waits until what took it away has been taken in.
        let _one_at_a_time = self.refreshing.lock().await;
        if !self.db.rights_touched().swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.take_in().await.inspect_err(|_| self.db.rights_touched().store(true, Ordering::Release))
    }

    /// Takes in changes until the process ends: when told of them, and twice a second.
    pub async fn watch(self: Arc<Self>) {
        let heard = Notify::new();
        tokio::join!(self.db.hear(&heard), self.ask(&heard));
    }

    async fn ask(&self, heard: &Notify) -> Infallible {
        let mut tick = tokio::time::interval(ASK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = heard.notified() => {}
            }
            if let Err(error) = self.refresh().await {
                tracing::warn!(%error, "rights could not be confirmed");
            }
        }
    }

    /// Were rights confirmed within the last five seconds?
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.read().is_ok_and(|at| at.elapsed() < CONFIRMED_WITHIN)
    }

    /// How long ago rights were confirmed last.
    pub fn confirmed_ago(&self) -> Duration {
        self.confirmed.read().map_or(Duration::MAX, |at| at.elapsed())
    }

    /// Compiled viewers at hand.
    pub fn entries(&self) -> u64 {
        self.viewers.run_pending_tasks();
        self.viewers.entry_count()
    }

    /// When anything last changed that the rights of a user depend on: the group, the user, those who lend to the user.
    fn changed_at(&self, id: UserId, lenders: &[UserId]) -> i64 {
        let Ok(changed) = self.changed.read() else { return i64::MAX };
        let of_users = lenders.iter().chain([&id]).filter_map(|user| changed.1.get(user).copied());
        of_users.fold(changed.0, Ord::max)
    }
}

/// Whose rights a change touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touched {
    /// Everybody's: tree, modes, roles, policy.
    Group,
    /// One user's.
    User(UserId),
}

impl Scoped {
    /// Says, in this unit of work, whose rights it changes. The counter's row is held until the commit, so that epochs become visible in
    /// their order. [`Rights::catch_up`] takes it in after the commit. Say it before rows of accounts, sessions and links are written:
    /// whoever signs out or changes a password takes no turn, holds the counter, and waits for those.
    ///
    /// A rehearsal changes nobody's: it holds up nobody who does, and wakes nobody.
    pub async fn touch_rights(&self, touched: Touched) -> Result<(), Error> {
        if self.is_rehearsal() {
            return Ok(());
        }
        self.conn.rights_touched().store(true, Ordering::Release);
        let mut count = Sql::update();
        count
            .table(epoch::Entity)
            .value(epoch::Column::Value, Expr::col(epoch::Column::Value).add(1))
            .and_where(Expr::col(epoch::Column::Scope).eq(COUNTER));
        self.conn.execute(&count).await?;
        let scope = match touched {
            Touched::Group => GROUP.to_owned(),
            Touched::User(user) => user.0.to_string(),
        };
        let mut next = Sql::select();
        next.expr(Expr::val(scope)).column(epoch::Column::Value).from(epoch::Entity).and_where(Expr::col(epoch::Column::Scope).eq(COUNTER));
        let mut raise = Sql::insert();
        raise
            .into_table(epoch::Entity)
            .columns([epoch::Column::Scope, epoch::Column::Value])
            .select_from(next)
            .map_err(|_| Error::internal("the epoch statement is malformed"))?
            .on_conflict(OnConflict::column(epoch::Column::Scope).update_column(epoch::Column::Value).to_owned());
        self.conn.execute(&raise).await?;
        self.conn.notify().await
    }
}
