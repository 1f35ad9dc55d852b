//! Groups what one request asks by id, or by parent, into one statement each. Loaders are made for one request and one viewer.

use std::collections::HashMap;
use std::hash::Hash;

use dataloader::BatchFn;
use dataloader::non_cached::Loader as Batches;
use futures::future::BoxFuture;

use crate::db::Scoped;
use crate::error::Error;

/// Most keys in one statement.
const MOST: usize = 100;

/// Fetches what belongs to the keys; a key without an entry has nothing.
pub type Fetch<K, V> = fn(Scoped, Vec<K>) -> BoxFuture<'static, Result<HashMap<K, V>, Error>>;

/// Loads by key, many at a time.
pub struct Loader<K, V>(Batches<K, Result<Option<V>, Error>, Batch<K, V>>)
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + 'static;

struct Batch<K, V> {
    scoped: Scoped,
    fetch: Fetch<K, V>,
}

impl<K, V> BatchFn<K, Result<Option<V>, Error>> for Batch<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + 'static,
{
    async fn load(&mut self, keys: &[K]) -> HashMap<K, Result<Option<V>, Error>> {
        match (self.fetch)(self.scoped.clone(), keys.to_vec()).await {
            Ok(mut found) => keys.iter().map(|key| (key.clone(), Ok(found.remove(key)))).collect(),
            Err(error) => keys.iter().map(|key| (key.clone(), Err(error.clone()))).collect(),
        }
    }
}

impl<K, V> Loader<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + std::fmt::Debug + 'static,
    V: Clone + Send + 'static,
{
    /// A loader for one request.
    pub fn new(scoped: &Scoped, fetch: Fetch<K, V>) -> Self {
        Self(Batches::new(Batch { scoped: scoped.clone(), fetch }).with_max_batch_size(MOST))
    }

    /// What belongs to the key; none where there is nothing that the viewer sees.
    pub async fn load(&self, key: K) -> Result<Option<V>, Error> {
        match self.0.try_load(key).await {
            Ok(loaded) => loaded,
            Err(_) => Err(Error::internal("a loader lost a key")),
        }
    }
}
