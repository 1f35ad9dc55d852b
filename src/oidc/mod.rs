//! Tokens of an issuer of OpenID Connect. Its keys are found by discovery, kept, and asked for again when they grow old or a token names
//! one that is not known: in pauses that grow while it does not help, so that no flood of tokens becomes a flood of questions. While the
//! issuer is away the last good keys count for a day. Whatever is wrong with a token, the answer is the same.

mod fetch;
mod keys;
mod token;

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use entity::Timestamp;
use tokio::sync::Mutex;

use self::fetch::Fetch;
use self::keys::Keys;
use crate::error::Error;

pub use fetch::is_trustworthy;

/// Longer tokens are nobody's.
const LONGEST_TOKEN: usize = 16 * 1024;

/// The issuer, and how it is asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Exactly as its tokens name it.
    pub issuer: String,
    /// What its tokens must name as their audience.
    pub audience: String,
    /// How far its clock may be off.
    pub skew_s: u64,
    /// It may go without TLS where it is on this machine.
    pub allow_http: bool,
    /// After so long its keys are asked for again.
    pub fresh: Duration,
    /// After so long its keys count no more.
    pub kept: Duration,
    /// Between two questions, at first;
    pub pause: Duration,
    /// and at last, while it does not help.
    pub longest_pause: Duration,
    /// How long a question may take.
    pub timeout: Duration,
}

impl Settings {
    /// As they are for a server.
    pub fn new(issuer: String, audience: String, skew_s: u64, allow_http: bool) -> Self {
        Self {
            issuer,
            audience,
            skew_s,
            allow_http,
            fresh: Duration::from_secs(3_600),
            kept: Duration::from_secs(24 * 3_600),
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_secs(60),
            timeout: Duration::from_secs(3),
        }
    }
}

/// Whom a token speaks of. The subject is personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Somebody {
    /// Who says so.
    pub issuer: String,
    /// By what the issuer knows them, for ever.
    pub subject: String,
    /// Their name, if it tells.
    pub name: Option<String>,
}

#[derive(Default)]
struct Kept {
    keys: Option<Arc<Keys>>,
    at: Option<Instant>,
}

struct Asked {
    last: Option<Instant>,
    pause: Duration,
}

/// Verifies the tokens of one issuer.
pub struct Issuer {
    settings: Settings,
    fetch: Fetch,
    kept: RwLock<Kept>,
    asked: Mutex<Asked>,
}

impl Issuer {
    /// Nothing is asked before there is a token: an issuer that is away keeps no server from starting. Errors: INTERNAL_SERVER_ERROR where
    /// the client cannot be set up.
    pub fn try_new(settings: Settings) -> Result<Arc<Self>, Error> {
        let asked = Mutex::new(Asked { last: None, pause: settings.pause });
        Ok(Arc::new(Self { fetch: Fetch::try_new(&settings)?, kept: RwLock::default(), asked, settings }))
    }

    /// The issuer as its tokens name it.
    pub fn name(&self) -> &str {
        &self.settings.issuer
    }

    /// Whom this token speaks of; none: it is not to be taken, for whatever reason.
    pub async fn verify(self: &Arc<Self>, text: &str, now: Timestamp) -> Option<Somebody> {
        if text.len() > LONGEST_TOKEN {
            return None;
        }
        let header = token::header(text)?;
        let mut keys = self.keys();
        if keys.as_ref().is_none_or(|keys| keys.of(&header).is_none()) {
            // To its end, even where the client hangs up: the answer is for everybody.
            let asking = tokio::spawn(self.clone().ask(true));
            let _ = tokio::time::timeout(self.settings.timeout, asking).await;
            keys = self.keys();
        } else if self.age().is_none_or(|age| age > self.settings.fresh) {
            tokio::spawn(self.clone().ask(false));
        }
        token::verified(text, &header, keys?.of(&header)?, &self.settings, now)
    }

    /// The keys that count.
    fn keys(&self) -> Option<Arc<Keys>> {
        let kept = self.kept.read().ok()?;
        kept.keys.clone().filter(|_| kept.at.is_some_and(|at| at.elapsed() < self.settings.kept))
    }

    fn age(&self) -> Option<Duration> {
        self.kept.read().ok()?.at.map(|at| at.elapsed())
    }

    /// Asks for the keys, unless that was done a moment ago. Who does not wait for it gives way to who asks already.
    async fn ask(self: Arc<Self>, waits: bool) {
        let mut asked = if waits {
            self.asked.lock().await
        } else {
            let Ok(asked) = self.asked.try_lock() else { return };
            asked
        };
        if asked.last.is_some_and(|at| at.elapsed() < asked.pause) {
            return;
        }
        let got = tokio::time::timeout(self.settings.timeout, self.fetch.keys(&self.settings)).await;
        let got = got.unwrap_or(Err("it did not answer in time"));
        asked.last = Some(Instant::now());
        let longer = (asked.pause * 2).min(self.settings.longest_pause);
        match got {
            Ok(keys) => {
                let Ok(mut kept) = self.kept.write() else { return };
                let is_new = kept.keys.as_ref().is_none_or(|before| before.text() != keys.text());
                asked.pause = if is_new { self.settings.pause } else { longer };
                *kept = Kept { keys: Some(Arc::new(keys)), at: Some(Instant::now()) };
                if is_new {
                    tracing::info!("the keys of the OpenID Connect issuer were taken in");
                }
            }
            Err(why) => {
                asked.pause = longer;
                tracing::warn!(why, "the OpenID Connect issuer could not be asked for its keys");
            }
        }
    }
}
