//! The Merkle tree of RFC 6962 (section 2.1) as pure arithmetic: appending, roots, proofs and their verification.
//!
//! The hash of a leaf is SHA-256 of a zero byte and the leaf's data; the hash of a node is SHA-256 of a one byte and its
//! two children. A tree of `n` leaves is split at the largest power of two below `n`. Complete subtrees never change
//! once they are full; they are the [`Node`]s that a store keeps, and everything else is computed from them: an append
//! and a proof touch O(log n) of them.

#[cfg(test)]
mod tests;

use std::ops::Range;

use aws_lc_rs::digest::{Context, SHA256};

/// Length of a hash, in bytes.
pub const HASH_LENGTH: usize = 32;
/// A tree never has more leaves than this (2^62).
pub const MAXIMUM_SIZE: u64 = 1 << 62;

/// A SHA-256 hash.
pub type Hash = [u8; HASH_LENGTH];

fn hash(parts: &[&[u8]]) -> Hash {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; HASH_LENGTH];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The hash of a leaf with this data.
pub fn leaf_hash(data: &[u8]) -> Hash {
    hash(&[&[0], data])
}

/// The hash of a node above these two.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    hash(&[&[1], left, right])
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    hash(&[])
}

/// A complete subtree: `index` counts the subtrees of `2^level` leaves from the left. Level 0 is a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Logarithm of how many leaves it covers.
    pub level: u8,
    /// Its number among the subtrees of this level.
    pub index: u64,
}

impl Node {
    /// The leaves that it covers.
    pub fn leaves(self) -> Range<u64> {
        self.index << self.level..(self.index + 1) << self.level
    }
}

/// The right edge of a tree: the complete subtrees that its leaves fall into, largest first. That is all that an append
/// needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    peaks: Vec<Hash>,
}

impl Edge {
    /// The edge as stored: a size, and one hash for each bit that is set in it. None when these do not fit.
    pub fn from_parts(size: u64, peaks: &[u8]) -> Option<Self> {
        let (hashes, rest) = peaks.as_chunks::<HASH_LENGTH>();
        let fits = rest.is_empty() && size <= MAXIMUM_SIZE && hashes.len() == size.count_ones() as usize;
        fits.then(|| Self { size, peaks: hashes.to_vec() })
    }

    /// How many leaves there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, one after the other, for the store.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.concat()
    }

    /// Appends a leaf and gives the subtrees that it completed, from the smallest (above the leaf itself) up.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Node, Hash)> {
        let mut completed = Vec::new();
        let mut hash = leaf;
        let mut node = Node { level: 0, index: self.size };
        while node.index % 2 == 1 {
            let left = self.peaks.pop().expect("an odd index has a complete left neighbour at the edge");
            hash = node_hash(&left, &hash);
            node = Node { level: node.level + 1, index: node.index / 2 };
            completed.push((node, hash));
        }
        self.peaks.push(hash);
        self.size += 1;
        completed
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        fold(self.peaks.iter().copied()).unwrap_or_else(empty_root)
    }
}

/// The hash of adjacent complete subtrees of falling size, joined from the right.
fn fold(hashes: impl DoubleEndedIterator<Item = Hash>) -> Option<Hash> {
    hashes.rev().reduce(|right, left| node_hash(&left, &right))
}

/// The complete subtrees, largest first, that make up a subtree of the tree's own division.
pub fn nodes(leaves: &Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = leaves.start;
    while start < leaves.end {
        let level = (leaves.end - start).ilog2() as u8;
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
    }
    nodes
}

/// The hash of such a subtree from the hashes of its nodes, looked up; none when one is missing.
pub fn subtree_hash(leaves: &Range<u64>, lookup: &impl Fn(Node) -> Option<Hash>) -> Option<Hash> {
    let hashes: Option<Vec<Hash>> = nodes(leaves).into_iter().map(lookup).collect();
    fold(hashes?.into_iter())
}

/// Where a tree of this size (two leaves or more) is split: the largest power of two below it.
fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// The subtrees whose hashes prove that leaf `index` is in the tree of `size` leaves, from the leaf up. None when it is
/// not there.
pub fn inclusion_path(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size || size > MAXIMUM_SIZE {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..size;
    while tree.end - tree.start > 1 {
        let middle = tree.start + split(tree.end - tree.start);
        if index < middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose hashes prove that the tree of `old` leaves is the beginning of the tree of `new` leaves. None when
/// there is nothing to prove by hashes: an empty old tree, or an old tree larger than the new one.
pub fn consistency_path(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old == 0 || old > new || new > MAXIMUM_SIZE {
        return None;
    }
    let mut path = Vec::new();
    let mut tree = 0..new;
    // Whether the old tree is a subtree that its verifier knows already: only while nothing was split off on its left.
    let mut known = true;
    while tree.end != old {
        let middle = tree.start + split(tree.end - tree.start);
        if old <= middle {
            path.push(middle..tree.end);
            tree.end = middle;
        } else {
            path.push(tree.start..middle);
            tree.start = middle;
            known = false;
        }
    }
    if !known {
        path.push(tree);
    }
    path.reverse();
    Some(path)
}

/// Whether the proof shows that a leaf with this hash is at `index` in the tree with this root (RFC 9162 section
/// 2.1.3.2).
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut computed) = (index, size - 1, *leaf);
    for hash in proof {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            computed = node_hash(hash, &computed);
            while node % 2 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            computed = node_hash(&computed, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && computed == *root
}

/// Whether the proof shows that the tree with the old size and root is the beginning of the new one (RFC 9162 section
/// 2.1.4.2). The empty tree is the beginning of every tree.
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 || old_size >= new_size {
        let trivial = old_size == 0 && *old_root == empty_root() || old_size == new_size && old_root == new_root;
        return proof.is_empty() && trivial;
    }
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (old_root, proof),
        Some(parts) => parts,
        None => return false,
    };
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    let trailing = node.trailing_ones();
    node >>= trailing;
    last >>= trailing;
    let (mut old_computed, mut new_computed) = (*first, *first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if node % 2 == 1 || node == last {
            old_computed = node_hash(hash, &old_computed);
            new_computed = node_hash(hash, &new_computed);
            while node % 2 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_computed = node_hash(&new_computed, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_computed == *old_root && new_computed == *new_root
}
