//! The UDP ports that calls may use for sound: even ones for RTP, the odd one above each for RTCP (RFC 3550, section 11).
//!
//! Promises: a port is given to one call at a time and rests as long as others are free; a lease gives its port back when
//! dropped. The range's size is the real limit of simultaneous calls.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

/// Gives out ports; clones share it.
#[derive(Debug, Clone)]
pub struct PortPool {
    range: Option<RangeInclusive<u16>>,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    next: u16,
    taken: HashSet<u16>,
    leases: usize,
}

/// A port that belongs to one call until dropped.
#[derive(Debug)]
pub struct Lease {
    port: u16,
    book: Arc<Mutex<Book>>,
}

impl PortPool {
    /// A pool over a range; the first port is rounded up to an even one.
    pub fn new(range: RangeInclusive<u16>) -> Self {
        let book = Book { next: first_even(*range.start()), ..Book::default() };
        PortPool { range: Some(range), book: Arc::new(Mutex::new(book)) }
    }

    /// A pool that leaves the choice to the operating system: for tests and softphones.
    pub fn any() -> Self {
        PortPool { range: None, book: Arc::new(Mutex::new(Book::default())) }
    }

    /// How many different ports there are; none when the operating system chooses.
    pub fn size(&self) -> Option<usize> {
        self.range.as_ref().map(|range| evens(range).count())
    }

    /// The next free port; 0 when the operating system chooses; none when all are taken.
    pub fn take(&self) -> Option<Lease> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let port = match &self.range {
            None => 0,
            Some(range) => {
                let start = book.next;
                let port = evens(range).filter(|&port| port >= start).chain(evens(range).filter(|&port| port < start));
                let port = port.into_iter().find(|port| !book.taken.contains(port))?;
                book.next = port.saturating_add(2);
                book.taken.insert(port);
                port
            }
        };
        book.leases += 1;
        Some(Lease { port, book: self.book.clone() })
    }

    /// Leases that are out.
    pub fn in_use(&self) -> usize {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).leases
    }
}

fn first_even(port: u16) -> u16 {
    port.saturating_add(port & 1)
}

fn evens(range: &RangeInclusive<u16>) -> impl Iterator<Item = u16> + use<> {
    // The odd port above belongs to the pair, so it must be in the range too.
    let (start, end) = (first_even(*range.start()), *range.end());
    (start..end).step_by(2)
}

impl Lease {
    /// The port to bind; 0 lets the operating system choose.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        book.taken.remove(&self.port);
        book.leases -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_even_and_rest_before_they_are_used_again() {
        let pool = PortPool::new(10_001..=10_007);
        assert_eq!(pool.size(), Some(3));
        let first = pool.take().expect("free");
        assert_eq!(first.port(), 10_002);
        drop(first);
        let leases: Vec<Lease> = (0..3).map(|_| pool.take().expect("free")).collect();
        assert_eq!(leases.iter().map(Lease::port).collect::<Vec<_>>(), [10_004, 10_006, 10_002]);
        assert!(pool.take().is_none());
        assert_eq!(pool.in_use(), 3);
        drop(leases);
        assert_eq!(pool.in_use(), 0);
        assert_eq!(pool.take().expect("free").port(), 10_004);
    }

    #[test]
    fn the_end_of_all_ports_is_no_trap() {
        let pool = PortPool::new(65_532..=65_535);
        assert_eq!(pool.size(), Some(2));
        let ports: Vec<Lease> = std::iter::from_fn(|| pool.take()).collect();
        assert_eq!(ports.iter().map(Lease::port).collect::<Vec<_>>(), [65_532, 65_534]);
        assert_eq!(PortPool::any().take().expect("always").port(), 0);
    }
}
