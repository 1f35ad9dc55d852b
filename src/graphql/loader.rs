//! Groups what one request asks by id, or by parent, into one statement each. Loaders are made for one request and one viewer.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use futures::channel::oneshot;
use futures::future::{BoxFuture, Shared};

use crate::db::Scoped;
use crate::error::Error;

/// Most keys in one statement.
const MOST: usize = 100;

/// Fetches what belongs to the keys; a key without an entry has nothing.
pub type Fetch<K, V> = fn(Scoped, Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>>;

/// What a batch finds. Whoever waits for it drives it: nobody is left alone where another gives up.
type Found<K, V> = Shared<BoxFuture<'static, Result<Arc<HashMap<K, V>>, Error>>>;

/// Keys that go into one statement; none once it is asked.
type Keys<K> = Arc<Mutex<Option<HashSet<K>>>>;

/// Loads by key, many at a time.
pub struct Loader<K, V> {
    scoped: Arc<Scoped>,
    fetch: Fetch<K, V>,
    /// The batch that was begun last.
    latest: Mutex<Option<Batch<K, V>>>,
}

struct Batch<K, V> {
    keys: Keys<K>,
    found: Found<K, V>,
}

/// Begins a batch when it goes, be it that its keys are gathered or that whoever gathers them is given up.
struct Gathering<K> {
    keys: Keys<K>,
    _begins: oneshot::Sender<()>,
}

impl<K, V> Loader<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A loader for one request.
    pub fn new(scoped: &Arc<Scoped>, fetch: Fetch<K, V>) -> Self {
        Self { scoped: scoped.clone(), fetch, latest: Mutex::default() }
    }

    /// What belongs to the key; none where there is nothing that the viewer sees.
    pub async fn load(&self, key: K) -> Result<Option<V>, Error> {
        let (found, gathering) = self.join(&key);
        if let Some(gathering) = gathering {
            gathering.all().await;
        }
        Ok(found.await?.get(&key).cloned())
    }

    /// Takes part in the latest batch while it gathers; else begins one, for which the caller gathers.
    fn join(&self, key: &K) -> (Found<K, V>, Option<Gathering<K>>) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Batch { keys, found }) = latest.as_ref()
            && let Some(keys) = keys.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && (keys.len() < MOST || keys.contains(key))
        {
            keys.insert(key.clone());
            return (found.clone(), None);
        }
        let keys = Keys::new(Mutex::new(Some(HashSet::from([key.clone()]))));
        let (begins, begun) = oneshot::channel();
        let found = batch(self.scoped.clone(), self.fetch, keys.clone(), begun).boxed().shared();
        *latest = Some(Batch { keys: keys.clone(), found: found.clone() });
        (found, Some(Gathering { keys, _begins: begins }))
    }
}

impl<K> Gathering<K> {
    /// Waits until a turn of the request brings no further key, which is when its fields have been asked as far as they go.
    async fn all(self) {
        let gathered = || self.keys.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, HashSet::len);
        let mut before = 0;
        loop {
            let now = gathered();
            if now == before || now >= MOST {
                return;
            }
            before = now;
            tokio::task::yield_now().await;
        }
    }
}

async fn batch<K: Eq + Hash, V>(
    scoped: Arc<Scoped>,
    fetch: Fetch<K, V>,
    keys: Keys<K>,
    begun: oneshot::Receiver<()>,
) -> Result<Arc<HashMap<K, V>>, Error> {
    // An error says that nobody gathers any more.
    let (Ok(()) | Err(_)) = begun.await;
    let keys = keys.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or_default();
    fetch(Scoped::clone(&scoped), keys.into_iter().collect()).await.map(Arc::new)
}
