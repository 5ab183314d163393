//! Fuzz targets for every parser; they also run as plain tests. What they share: how a seed is altered.

/// Edits of a seed that are applied at most.
const EDITS_MAX: usize = 64;

/// Applies edits to a seed: each four bytes of `edits` overwrite, insert, delete or repeat at a place. Near misses of good input reach
/// deeper into a parser than noise does.
pub fn edited(seed: &[u8], edits: &[u8]) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for edit in edits.chunks_exact(4).take(EDITS_MAX) {
        let place = (usize::from(edit[1]) << 8 | usize::from(edit[2])) % (bytes.len() + 1);
        match edit[0] % 4 {
            0 if place < bytes.len() => bytes[place] = edit[3],
            1 => bytes.insert(place, edit[3]),
            2 if place < bytes.len() => drop(bytes.remove(place)),
            _ => {
                let piece = bytes[place..(place + usize::from(edit[3])).min(bytes.len())].to_vec();
                bytes.splice(place..place, piece);
            }
        }
    }
    bytes
}
