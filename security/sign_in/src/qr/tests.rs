//! The drawn code is read back as a phone's camera would.

use super::*;

/// Draws the path into pixels and reads them.
fn read(qr: &Qr) -> String {
    const SCALE: usize = 6;
    let mut dark = vec![false; qr.side * qr.side];
    for module in qr.path.split('M').filter(|module| !module.is_empty()) {
        let (column, rest) = module.split_once(' ').expect("a column");
        let row = rest.strip_suffix("h1v1h-1z").expect("a square");
        dark[row.parse::<usize>().expect("a row") * qr.side + column.parse::<usize>().expect("a column")] = true;
    }
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(qr.side * SCALE, qr.side * SCALE, |x, y| {
        if dark[(y / SCALE) * qr.side + x / SCALE] { 0 } else { 255 }
    });
    let grids = image.detect_grids();
    grids.first().expect("a code is seen").decode().expect("it can be read").1
}

#[test]
fn a_camera_reads_what_was_drawn() {
    let text =
        "otpauth://totp/Ringfence:olive%40harbour.example?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Ringfence";
    let qr = Qr::of(text).expect("short enough");
    assert_eq!(read(&qr), text);
    let svg = qr.to_string();
    assert!(svg.contains("role=\"img\"") && !svg.contains("style") && !svg.contains("secret"));
}

#[test]
fn a_novel_is_no_code() {
    assert!(Qr::of(&"a".repeat(4_000)).is_none());
}
