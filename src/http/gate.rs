//! Who is let in to run, and who is sent away at once. More requests at a time than the machine has use for make all of them slow and none
//! of them sooner done; a queue that never empties does the same. So places are few, waiting is short, and no user takes them all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use entity::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::config::HttpConfig;
use crate::error::Error;

/// How long requests wait in a queue that was empty a moment ago, and how many of them for each that runs: what comes all at once has a
/// place soon.
const BURST: Patience = Patience { time: Duration::from_millis(100), for_each: 4 };
/// The same in a queue that stands: it gets no shorter by being long, and who is let in from it has waited about as long as running takes.
const STANDING: Patience = Patience { time: Duration::from_millis(10), for_each: 1 };
/// Users remembered before those without a request are forgotten.
const MOST_USERS: usize = 1024;

/// How much waiting is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Patience {
    time: Duration,
    for_each: usize,
}

/// Places of one kind.
struct Lane {
    places: Arc<Semaphore>,
    most: usize,
    what: &'static str,
    opened: Instant,
    /// Milliseconds from `opened` to the last time that nobody had to wait.
    free_at: AtomicU64,
    waiting: AtomicUsize,
}

impl Lane {
    fn new(most: usize, what: &'static str) -> Self {
        Self {
            places: Arc::new(Semaphore::new(most)),
            most,
            what,
            opened: Instant::now(),
            free_at: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// A place, at once or after a short wait, unless as many as may wait do so. Errors: OVERLOADED.
    async fn enter(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(place) = self.places.clone().try_acquire_owned() {
            self.free_at.store(u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX), Ordering::Release);
            return Ok(place);
        }
        let patience = self.patience();
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.most.saturating_mul(patience.for_each) {
            return Err(self.crowded());
        }
        match timeout(patience.time, self.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(self.crowded()),
        }
    }

    fn is_full(&self) -> bool {
        let waiting = self.waiting.load(Ordering::Acquire);
        self.places.available_permits() == 0 && waiting >= self.most.saturating_mul(self.patience().for_each)
    }

    fn crowded(&self) -> Error {
        Error::Crowded { what: self.what, limit: self.most as u64 }
    }

    fn patience(&self) -> Patience {
        let free_at = Duration::from_millis(self.free_at.load(Ordering::Acquire));
        if self.opened.elapsed().saturating_sub(free_at) <= BURST.time { BURST } else { STANDING }
    }
}

/// The places in execution.
pub struct Gate {
    all: Lane,
    most_of_user: usize,
    users: Mutex<HashMap<UserId, Arc<Lane>>>,
}

/// A place, until it is dropped.
pub struct Place {
    _of_all: OwnedSemaphorePermit,
    _of_user: Option<OwnedSemaphorePermit>,
}

/// One that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Gate {
    /// With as many places as are configured.
    pub fn new(http: &HttpConfig) -> Self {
        Self {
            all: Lane::new(http.max_concurrent_requests, "concurrent requests"),
            most_of_user: http.max_concurrent_requests_user,
            users: Mutex::default(),
        }
    }

    /// Whoever asks now would be refused for want of a place: nothing more of the request need be looked at. Errors: OVERLOADED.
    pub fn has_room(&self) -> Result<(), Error> {
        if self.all.is_full() { Err(self.all.crowded()) } else { Ok(()) }
    }

    /// A place for a request of this user, at once or after a short wait. Errors: OVERLOADED.
    pub async fn enter(&self, user: Option<UserId>) -> Result<Place, Error> {
        let of_user = match user {
            Some(user) => Some(self.of_user(user).enter().await?),
            None => None,
        };
        Ok(Place { _of_user: of_user, _of_all: self.all.enter().await? })
    }

    /// Waits until nobody has a place.
    pub async fn emptied(&self) {
        let all = u32::try_from(self.all.most).unwrap_or(u32::MAX);
        let _ = self.all.places.acquire_many(all).await;
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.all.most.saturating_sub(self.all.places.available_permits())
    }

    fn of_user(&self, user: UserId) -> Arc<Lane> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if users.len() >= MOST_USERS {
            users.retain(|_, lane| Arc::strong_count(lane) > 1 || Arc::strong_count(&lane.places) > 1);
        }
        users.entry(user).or_insert_with(|| Arc::new(Lane::new(self.most_of_user, "concurrent requests of a user"))).clone()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn gate(places: usize, of_user: usize) -> Gate {
        let http = HttpConfig { max_concurrent_requests: places, max_concurrent_requests_user: of_user, ..HttpConfig::default() };
        Gate::new(&http)
    }

    fn user(number: u128) -> Option<UserId> {
        Some(UserId(Uuid::from_u128(number)))
    }

    fn limit(refused: Result<Place, Error>) -> (&'static str, u64) {
        match refused {
            Err(Error::Crowded { what, limit }) => (what, limit),
            _ => panic!("let in"),
        }
    }

    #[tokio::test]
    async fn no_user_takes_every_place() {
        let gate = gate(3, 2);
        let _first = gate.enter(user(1)).await.unwrap();
        let second = gate.enter(user(1)).await.unwrap();
        assert_eq!(limit(gate.enter(user(1)).await), ("concurrent requests of a user", 2));
        let _other = gate.enter(user(2)).await.unwrap();
        assert_eq!(limit(gate.enter(None).await), ("concurrent requests", 3));
        drop(second);
        assert!(gate.enter(None).await.is_ok());
    }

    #[tokio::test]
    async fn a_burst_waits_and_a_standing_queue_does_not() {
        let gate = gate(1, 1);
        let place = gate.enter(None).await.unwrap();
        let waits = gate.enter(None);
        let leaves = async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            drop(place);
        };
        let (entered, ()) = tokio::join!(waits, leaves);
        let _entered = entered.unwrap();
        tokio::time::sleep(BURST.time).await;
        assert_eq!(gate.all.patience(), STANDING);
        assert!(gate.enter(None).await.is_err());
        drop(_entered);
        drop(gate.enter(None).await.unwrap());
        assert_eq!(gate.all.patience(), BURST);
    }

    #[tokio::test]
    async fn only_so_many_wait_and_fewer_where_the_queue_stands() {
        let gate = gate(1, 1);
        let _place = gate.enter(None).await.unwrap();
        for patience in [BURST, STANDING] {
            assert_eq!(gate.all.patience(), patience);
            let told = futures::future::join_all((0..10).map(async |_| {
                let room = gate.has_room();
                let started = Instant::now();
                assert!(gate.enter(None).await.is_err());
                (room.is_ok(), started.elapsed() >= patience.time)
            }));
            let told = told.await;
            assert!(told.iter().all(|(had_room, waited)| had_room == waited), "what is refused early would have been refused: {told:?}");
            assert_eq!(told.into_iter().filter(|(_, waited)| *waited).count(), patience.for_each);
            assert!(gate.has_room().is_ok() && gate.all.waiting.load(Ordering::Acquire) == 0);
        }
    }

    #[tokio::test]
    async fn users_without_requests_are_forgotten() {
        let gate = gate(1, 1);
        for number in 0..10_000 {
            drop(gate.enter(user(number)).await.unwrap());
        }
        assert!(gate.users.lock().unwrap().len() <= MOST_USERS);
    }
}
