//! How many connections: in all, and of one network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::Network;

/// The seats of a listener.
#[derive(Clone)]
pub(super) struct Seats(Arc<Inner>);

struct Inner {
    maximum: usize,
    maximum_per_network: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    total: usize,
    by_network: HashMap<Network, usize>,
}

/// One taken seat; free again when dropped.
pub(super) struct Seat {
    seats: Arc<Inner>,
    network: Option<Network>,
}

impl Seats {
    pub(super) fn new(maximum: usize, maximum_per_network: usize) -> Self {
        Self(Arc::new(Inner { maximum, maximum_per_network, taken: Mutex::default() }))
    }

    /// A seat, or `None` when all, or all of this network, are taken. Without a network only the total counts.
    pub(super) fn take(&self, network: Option<Network>) -> Option<Seat> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.total >= self.0.maximum {
            return None;
        }
        if let Some(network) = network {
            let here = taken.by_network.entry(network).or_insert(0);
            if *here >= self.0.maximum_per_network {
                return None;
            }
            *here += 1;
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
            *here -= 1;
            if *here == 0 {
                taken.by_network.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caps_hold_at_their_edge_and_seats_come_back() {
        let seats = Seats::new(3, 2);
        let (one, other) = (Some(Network::V4(1)), Some(Network::V4(2)));
        let first = seats.take(one);
        let second = seats.take(one);
        assert!(first.is_some() && second.is_some());
        assert!(seats.take(one).is_none(), "two of one network");
        let third = seats.take(other);
        assert!(third.is_some());
        assert!(seats.take(other).is_none(), "three in all");
        drop(first);
        assert!(seats.take(one).is_some());
        drop((second, third));
        assert!(seats.0.taken.lock().expect("not poisoned").by_network.is_empty(), "nothing is remembered");
    }

    #[test]
    fn a_trusted_proxy_is_not_counted_as_one_client() {
        let seats = Seats::new(5, 1);
        let all: Vec<_> = (0..6).map(|_| seats.take(None)).collect();
        assert_eq!(all.iter().filter(|seat| seat.is_some()).count(), 5);
    }
}
