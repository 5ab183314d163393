//! Every size up to 66 against the definition of RFC 6962 written down naively, and every way of spoiling a proof.

use std::collections::HashMap;

use super::*;

fn largest_power_of_two_below(size: usize) -> usize {
    let mut k = 1;
    while 2 * k < size {
        k *= 2;
    }
    k
}

/// MTH of RFC 6962 section 2.1, word for word.
fn merkle_tree_hash(data: &[Vec<u8>]) -> Hash {
    match data {
        [] => hash(&[]),
        [only] => hash(&[&[0], only]),
        _ => {
            let k = largest_power_of_two_below(data.len());
            hash(&[&[1], &merkle_tree_hash(&data[..k]), &merkle_tree_hash(&data[k..])])
        }
    }
}

/// PATH(m, D[n]) of RFC 6962 section 2.1.1.
fn path(m: usize, data: &[Vec<u8>]) -> Vec<Hash> {
    if data.len() == 1 {
        return vec![];
    }
    let k = largest_power_of_two_below(data.len());
    if m < k {
        let mut path = path(m, &data[..k]);
        path.push(merkle_tree_hash(&data[k..]));
        path
    } else {
        let mut path = path(m - k, &data[k..]);
        path.push(merkle_tree_hash(&data[..k]));
        path
    }
}

/// SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2.
fn subproof(m: usize, data: &[Vec<u8>], known: bool) -> Vec<Hash> {
    if m == data.len() {
        return if known { vec![] } else { vec![merkle_tree_hash(data)] };
    }
    let k = largest_power_of_two_below(data.len());
    if m <= k {
        let mut proof = subproof(m, &data[..k], known);
        proof.push(merkle_tree_hash(&data[k..]));
        proof
    } else {
        let mut proof = subproof(m - k, &data[k..], false);
        proof.push(merkle_tree_hash(&data[..k]));
        proof
    }
}

const LARGEST: usize = 66;

fn data() -> Vec<Vec<u8>> {
    (0..LARGEST).map(|number| vec![number as u8; number % 5]).collect()
}

/// The edge and all nodes after appending everything, as a store would keep them.
fn grown(data: &[Vec<u8>]) -> (Edge, HashMap<Node, Hash>) {
    let (mut edge, mut nodes) = (Edge::default(), HashMap::new());
    for (index, item) in data.iter().enumerate() {
        let leaf = leaf_hash(item);
        nodes.insert(Node { level: 0, index: index as u64 }, leaf);
        nodes.extend(edge.append(leaf));
    }
    (edge, nodes)
}

fn hashes(path: &[Range<u64>], nodes: &HashMap<Node, Hash>) -> Vec<Hash> {
    let lookup = |node| nodes.get(&node).copied();
    path.iter().map(|leaves| subtree_hash(leaves, &lookup).expect("every node is there")).collect()
}

#[test]
fn the_known_hashes_of_the_empty_tree_and_of_an_empty_leaf() {
    assert_eq!(hex::encode(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_eq!(hex::encode(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

#[test]
fn every_root_is_that_of_the_definition() {
    let data = data();
    let mut edge = Edge::default();
    for size in 0..=LARGEST {
        assert_eq!(edge.root(), merkle_tree_hash(&data[..size]), "size {size}");
        assert_eq!(Edge::from_parts(edge.size(), &edge.peaks()), Some(edge.clone()));
        if let Some(next) = data.get(size) {
            edge.append(leaf_hash(next));
        }
    }
}

#[test]
fn every_inclusion_proof_is_that_of_the_definition_and_no_other_is_taken() {
    let data = data();
    let (_, nodes) = grown(&data);
    for size in 1..=LARGEST {
        let root = merkle_tree_hash(&data[..size]);
        for index in 0..size {
            let proof = hashes(&inclusion_path(index as u64, size as u64).expect("inside"), &nodes);
            assert_eq!(proof, path(index, &data[..size]), "leaf {index} of {size}");
            let leaf = leaf_hash(&data[index]);
            let verify = |leaf: &Hash, index: usize, size: usize, proof: &[Hash]| {
                verify_inclusion(leaf, index as u64, size as u64, proof, &root)
            };
            assert!(verify(&leaf, index, size, &proof));
            assert!(!verify(&leaf_hash(b"other"), index, size, &proof));
            for other in (0..size).filter(|other| *other != index) {
                assert!(!verify(&leaf, other, size, &proof), "leaf {index} of {size} as {other}");
            }
            for position in 0..proof.len() {
                let mut bad = proof.clone();
                bad[position][7] ^= 1;
                assert!(!verify(&leaf, index, size, &bad));
                assert!(!verify(&leaf, index, size, &proof[..position]));
            }
            assert!(!verify(&leaf, index, size, &[&proof[..], &[root]].concat()));
        }
    }
    assert_eq!(inclusion_path(5, 5), None);
    assert_eq!(inclusion_path(0, 0), None);
    assert_eq!(inclusion_path(0, MAXIMUM_SIZE + 1), None);
    assert_eq!(inclusion_path(MAXIMUM_SIZE - 1, MAXIMUM_SIZE).map(|path| path.len()), Some(62));
}

#[test]
fn every_consistency_proof_is_that_of_the_definition_and_no_other_is_taken() {
    let data = data();
    let (_, nodes) = grown(&data);
    let roots: Vec<Hash> = (0..=LARGEST).map(|size| merkle_tree_hash(&data[..size])).collect();
    for new in 1..=LARGEST {
        for old in 1..=new {
            let proof = hashes(&consistency_path(old as u64, new as u64).expect("in order"), &nodes);
            assert_eq!(proof, subproof(old, &data[..new], true), "{old} to {new}");
            let verify = |old_root: &Hash, new_root: &Hash, proof: &[Hash]| {
                verify_consistency((old as u64, old_root), (new as u64, new_root), proof)
            };
            assert!(verify(&roots[old], &roots[new], &proof));
            assert!(!verify(&roots[old - 1], &roots[new], &proof));
            assert!(!verify(&roots[old], &roots[new - 1], &proof));
            for position in 0..proof.len() {
                let mut bad = proof.clone();
                bad[position][31] ^= 1;
                assert!(!verify(&roots[old], &roots[new], &bad), "{old} to {new}, hash {position}");
                assert!(!verify(&roots[old], &roots[new], &proof[..position]));
            }
            assert!(!verify(&roots[old], &roots[new], &[&proof[..], &[roots[1]]].concat()));
        }
        assert!(verify_consistency((0, &empty_root()), (new as u64, &roots[new]), &[]));
        assert!(!verify_consistency((0, &roots[1]), (new as u64, &roots[new]), &[]));
        assert!(!verify_consistency((new as u64 + 1, &roots[new]), (new as u64, &roots[new]), &[]));
    }
    assert_eq!(consistency_path(0, 5), None);
    assert_eq!(consistency_path(6, 5), None);
    assert_eq!(consistency_path(1, MAXIMUM_SIZE + 1), None);
}

#[test]
fn a_stored_edge_that_does_not_fit_is_refused() {
    assert_eq!(Edge::from_parts(0, &[]), Some(Edge::default()));
    assert_eq!(Edge::from_parts(3, &[0; 32]), None);
    assert_eq!(Edge::from_parts(3, &[0; 63]), None);
    assert_eq!(Edge::from_parts(3, &[0; 65]), None);
    assert!(Edge::from_parts(3, &[0; 64]).is_some());
    assert_eq!(Edge::from_parts(MAXIMUM_SIZE * 2, &[0; 32]), None);
}

#[test]
fn nodes_cover_exactly_their_leaves() {
    for (_, completed) in (0..LARGEST as u64).map(|size| (size, nodes(&(0..size)))) {
        let mut next = 0;
        for node in completed {
            assert_eq!(node.leaves().start, next);
            next = node.leaves().end;
        }
    }
}
