//! The rest of a refused request: taken in for a moment, so that its sender reads why.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;

/// Bytes of a refused request's body that are taken in at most.
const BYTES: usize = 1024 * 1024;
/// And for so long at most.
const LIMIT: Duration = Duration::from_secs(2);

/// Takes in what a refused sender is still sending: a connection that is closed while bytes are on their way is reset, and the
/// sender never reads why.
pub(super) async fn drain(body: Body) {
    let taking = async {
        let mut stream = body.into_data_stream();
        let mut taken = 0;
        while let Some(Ok(piece)) = stream.next().await {
            taken += piece.len();
            if taken > BYTES {
                return;
            }
        }
    };
    // Whoever has not finished by then reads what it reads.
    let _in_time = tokio::time::timeout(LIMIT, taking).await;
}
