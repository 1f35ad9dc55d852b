//! Random choices that a seed repeats. ChaCha is fixed by its definition, so that a seed means the same group on every machine.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use entity::Timestamp;
use uuid::{Builder, Uuid};

/// Draws from one of many independent streams of a seed.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The stream `stream` of `seed`, from its beginning.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self(rng)
    }

    /// Any number below `end`, each as likely as any other but for less than one in a billion; 0 where there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        let scaled = u128::from(self.0.next_u64()) * u128::from(end);
        u64::try_from(scaled >> 64).unwrap_or_default()
    }

    /// The same for places in a list.
    pub fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or_default()
    }

    /// Yes, in so many of a thousand cases.
    pub fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    /// One of them.
    pub fn pick<T: Copy + Default>(&mut self, of: &[T]) -> T {
        let at = self.place(of.len());
        of.get(at).copied().unwrap_or_default()
    }

    /// One of them, the first far more often than the last, as family names come.
    pub fn pick_early<T: Copy + Default>(&mut self, of: &[T]) -> T {
        let at = Ord::min(self.place(of.len()), self.place(of.len()));
        of.get(at).copied().unwrap_or_default()
    }

    /// One of them by weight.
    pub fn weighted<T: Copy>(&mut self, first: T, others: &[(u64, T)]) -> T {
        let mut left = self.below(1_000);
        for (per_mille, one) in others {
            if left < *per_mille {
                return *one;
            }
            left -= per_mille;
        }
        first
    }

    /// An id as of that time.
    pub fn id<I: From<Uuid>>(&mut self, at: Timestamp) -> I {
        let mut random = [0; 10];
        self.0.fill_bytes(&mut random);
        Builder::from_unix_timestamp_millis(u64::try_from(at.0 / 1_000).unwrap_or_default(), &random).into_uuid().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_stream_repeat_themselves() {
        let draw = |seed, stream| {
            let mut dice = Dice::new(seed, stream);
            (0..20).map(|_| dice.below(1_000_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(2, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        // What a seed means is a promise: a change here changes every generated group.
        assert_eq!(draw(42, 0)[..3], [681_896, 950_275, 427_516]);
    }

    #[test]
    fn weights_hold() {
        let mut dice = Dice::new(7, 0);
        let drawn: Vec<char> = (0..10_000).map(|_| dice.weighted('c', &[(100, 'a'), (300, 'b')])).collect();
        let share = |of: char| drawn.iter().filter(|one| **one == of).count();
        assert!((850..1_150).contains(&share('a')) && (2_800..3_200).contains(&share('b')), "{} {}", share('a'), share('b'));
        assert_eq!(dice.below(0), 0);
        assert!((0..10_000).all(|_| dice.below(3) < 3));
    }
}
