//! The one place that reads the wall clock and makes ids. It is handed in, so that tests are exact about days and deadlines.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use entity::Timestamp;
use time::{Date, OffsetDateTime};
use uuid::{NoContext, Uuid};

/// Tells the time and makes ids.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Microseconds since 1970 where the clock stands still; none: the wall clock.
    set: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The wall clock.
    pub fn wall() -> Self {
        Self::default()
    }

    /// A clock that stands at `at` until it is moved.
    pub fn standing(at: Timestamp) -> Self {
        Self { set: Some(Arc::new(AtomicI64::new(at.0))) }
    }

    /// Moves a standing clock; the wall clock does not care.
    pub fn advance_seconds(&self, seconds: i64) {
        if let Some(at) = &self.set {
            at.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
        }
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the one reader of the wall clock")]
    pub fn now(&self) -> Timestamp {
        match &self.set {
            Some(at) => Timestamp(at.load(Ordering::SeqCst)),
            None => OffsetDateTime::now_utc().into(),
        }
    }

    /// Today in UTC.
    pub fn today(&self) -> Date {
        OffsetDateTime::from(self.now()).date()
    }

    /// A new id: UUID v7 of now.
    pub fn id<I: From<Uuid>>(&self) -> I {
        let now = self.now().0;
        let seconds = u64::try_from(now / 1_000_000).unwrap_or_default();
        let nanos = u32::try_from((now % 1_000_000) * 1_000).unwrap_or_default();
        let stamp = uuid::Timestamp::from_unix(NoContext, seconds, nanos);
        Uuid::new_v7(stamp).into()
    }
}
