//! How many connections: in all, of one network at once, and of one network over time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Network;

/// Networks that are remembered at once; what is beyond is refused until some are forgotten.
const MAXIMUM_NETWORKS: usize = 65_536;

/// How fast one network may make new connections (a leaky bucket, GCRA).
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    /// Between two connections, over time.
    interval: Duration,
    /// How far ahead of its time a network may be.
    tolerance: Duration,
}

impl Rate {
    pub(super) fn new(per_second: u32, at_once: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, tolerance: interval * at_once.max(1) }
    }
}

/// The seats of a listener.
#[derive(Clone)]
pub(super) struct Seats(Arc<Inner>);

struct Inner {
    maximum: usize,
    maximum_per_network: usize,
    rate: Rate,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_network: HashMap<Network, Here>,
}

/// What one network has taken.
struct Here {
    open: usize,
    /// When all its connections so far would have been within the rate.
    even_at: Instant,
}

impl Taken {
    /// Forgets what is over; called when there is no room for another network.
    fn sweep(&mut self, now: Instant) {
        self.by_network.retain(|_, here| here.open > 0 || here.even_at > now);
    }
}

/// One taken seat; free again when dropped.
pub(super) struct Seat {
    seats: Arc<Inner>,
    network: Option<Network>,
}

impl Seats {
    pub(super) fn new(maximum: usize, maximum_per_network: usize, rate: Rate) -> Self {
        Self(Arc::new(Inner { maximum, maximum_per_network, rate, taken: Mutex::default() }))
    }

    /// A seat, or `None` when all, or all of this network, are taken, or when it comes too often. Without a network only the
    /// total counts.
    pub(super) fn take(&self, network: Option<Network>, now: Instant) -> Option<Seat> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(network) = network {
            if taken.by_network.len() >= MAXIMUM_NETWORKS && !taken.by_network.contains_key(&network) {
                taken.sweep(now);
                if taken.by_network.len() >= MAXIMUM_NETWORKS {
                    return None;
                }
            }
            let is_full = taken.total >= self.0.maximum;
            let rate = self.0.rate;
            let here = taken.by_network.entry(network).or_insert(Here { open: 0, even_at: now });
            let even_at = here.even_at.max(now) + rate.interval;
            if even_at > now + rate.tolerance || here.open >= self.0.maximum_per_network || is_full {
                return None;
            }
            here.even_at = even_at;
            here.open += 1;
        } else if taken.total >= self.0.maximum {
            return None;
        }
        taken.total += 1;
        Some(Seat { seats: Arc::clone(&self.0), network })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        if let Some(network) = self.network
            && let Some(here) = taken.by_network.get_mut(&network)
        {
            here.open -= 1;
            if here.open == 0 && here.even_at <= Instant::now() {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Option<Network> = Some(Network::V4(1));
    const OTHER: Option<Network> = Some(Network::V4(2));

    fn seats(maximum: usize, per_network: usize) -> Seats {
        Seats::new(maximum, per_network, Rate::new(1_000, 1_000))
    }

    #[test]
    fn caps_hold_at_their_edge_and_seats_come_back() {
        let (seats, now) = (seats(3, 2), Instant::now());
        let first = seats.take(ONE, now);
        let second = seats.take(ONE, now);
        assert!(first.is_some() && second.is_some());
        assert!(seats.take(ONE, now).is_none(), "two of one network");
        let third = seats.take(OTHER, now);
        assert!(third.is_some());
        assert!(seats.take(OTHER, now).is_none(), "three in all");
        drop(first);
        assert!(seats.take(ONE, now).is_some());
        drop((second, third));
        let mut taken = seats.0.taken.lock().expect("not poisoned");
        taken.sweep(now + Duration::from_secs(1));
        assert!(taken.by_network.is_empty() && taken.total == 0, "nothing is remembered");
    }

    #[test]
    fn a_trusted_proxy_is_not_counted_as_one_client() {
        let (seats, now) = (Seats::new(5, 1, Rate::new(1, 1)), Instant::now());
        let all: Vec<_> = (0..6).map(|_| seats.take(None, now)).collect();
        assert_eq!(all.iter().filter(|seat| seat.is_some()).count(), 5);
    }

    #[test]
    fn coming_back_too_often_is_refused_until_time_has_passed() {
        let (seats, start) = (Seats::new(100, 100, Rate::new(10, 3)), Instant::now());
        let come = |milliseconds: u64| seats.take(ONE, start + Duration::from_millis(milliseconds)).is_some();
        assert!(come(0) && come(0) && come(0), "three at once");
        assert!(!come(0) && !come(99), "the fourth is one too many, although the others are gone");
        assert!(come(100) && !come(100), "one each tenth of a second");
        assert!(seats.take(OTHER, start).is_some(), "another network is not held back");
        assert!(come(1_000) && come(1_000) && come(1_000) && !come(1_000), "rest gives all three back, and no more");
    }

    #[test]
    fn the_number_of_remembered_networks_is_bounded() {
        let (seats, now) = (Seats::new(usize::MAX, 1, Rate::new(1, 10)), Instant::now());
        let fill = |number: usize| seats.take(Some(Network::V4(number as u32)), now).is_some();
        assert!((0..MAXIMUM_NETWORKS).all(fill));
        assert!(!fill(MAXIMUM_NETWORKS), "beyond the bound");
        assert!(seats.take(OTHER, now + Duration::from_millis(1)).is_some(), "a known network goes on");
        let later = now + Duration::from_secs(20);
        assert!(seats.take(Some(Network::V4(u32::MAX)), later).is_some(), "what is over is forgotten");
        assert!(seats.0.taken.lock().expect("not poisoned").by_network.len() < 10);
    }
}
