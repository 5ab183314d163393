//! Leases of nodes on both engines.

use uuid::Uuid;

use super::*;
use crate::Schema;
use crate::testing::databases;

#[tokio::test]
async fn a_node_is_live_while_it_renews_and_until_its_lease_lapses() {
    for test in databases(Schema::new()).await {
        let nodes = Nodes::new(&test.database);
        let (first, second) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let start = Timestamp::from_seconds(1_000_000);
        let after = |seconds| start.plus_seconds(seconds);
        nodes.hold(first, start).await.expect("held");
        nodes.hold(second, after(20)).await.expect("held");
        let live = async |seconds| -> Vec<Uuid> {
            nodes.live(after(seconds)).await.expect("read").iter().map(|node| node.id).collect()
        };
        assert_eq!(live(LEASE_SECONDS - 1).await, [first, second], "{}", test.name);
        assert_eq!(live(LEASE_SECONDS).await, [second], "its lease is over to the second");
        nodes.hold(first, after(40)).await.expect("held again");
        assert_eq!(nodes.live(after(41)).await.expect("read")[0].started_at, start, "it is the same life");
        nodes.end(second).await.expect("ended");
        assert_eq!(live(41).await, [first]);
        nodes.forget(after(40 + LEASE_SECONDS + KEPT_SECONDS)).await.expect("nothing to forget yet");
        assert_eq!(live(41).await, [first]);
        nodes.forget(after(41 + LEASE_SECONDS + KEPT_SECONDS)).await.expect("forgotten");
        assert!(live(41).await.is_empty());
    }
}

#[test]
fn two_renewals_may_fail_before_a_lease_lapses() {
    assert!(CLOCK_DIFFERENCE_SECONDS > 0 && 3 * RENEW_SECONDS as i64 <= LEASE_SECONDS);
}
