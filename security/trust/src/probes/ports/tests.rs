//! A socket that nobody declared turns the promise red, and so does a declared one that is not there.

use std::collections::BTreeSet;
use std::net::{TcpListener, UdpSocket};

use super::{DeclaredPort, OpenSocket, Ports, Transport, compare, driver, waiting};
use crate::finding::State;
use crate::probe::Probe;
use crate::probes::testing::context;

fn declared(transport: Transport, first: u16, last: u16) -> DeclaredPort {
    DeclaredPort { purpose: "test".to_owned(), transport, first, last, only_loopback: false, always_open: true }
}

fn open(sockets: &[(Transport, &str)]) -> BTreeSet<OpenSocket> {
    sockets
        .iter()
        .map(|(transport, address)| OpenSocket { transport: *transport, address: address.parse().expect("an address") })
        .collect()
}

#[test]
fn the_declared_ports_hold() {
    let manifest = [
        declared(Transport::Tcp, 8080, 8080),
        DeclaredPort { always_open: false, ..declared(Transport::Udp, 10_000, 10_010) },
    ];
    assert_eq!(compare(&manifest, &open(&[(Transport::Tcp, "0.0.0.0:8080")])).state, State::Holds);
    let in_a_call = open(&[(Transport::Tcp, "[::]:8080"), (Transport::Udp, "0.0.0.0:10010")]);
    assert_eq!(compare(&manifest, &in_a_call).state, State::Holds);
}

#[test]
fn each_difference_turns_it_red() {
    let manifest = [DeclaredPort { only_loopback: true, ..declared(Transport::Tcp, 9100, 9100) }];
    for sockets in [
        &[(Transport::Tcp, "127.0.0.1:9100"), (Transport::Tcp, "127.0.0.1:9101")] as &[_],
        &[(Transport::Tcp, "127.0.0.1:9100"), (Transport::Udp, "127.0.0.1:9100")],
        &[(Transport::Tcp, "0.0.0.0:9100")],
        &[],
    ] {
        let finding = compare(&manifest, &open(sockets));
        assert_eq!(finding.state, State::Broken, "{sockets:?}: {finding:?}");
    }
}

#[test]
fn reads_the_tables_of_the_kernel() {
    let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
        \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n\
        \x20  1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4712 1\n\
        \x20  2: nonsense\n";
    let found = waiting(table, Transport::Tcp);
    assert_eq!(
        found,
        [(4711, OpenSocket { transport: Transport::Tcp, address: "127.0.0.1:8080".parse().expect("an address") })]
    );
}

#[tokio::test]
async fn a_real_socket_that_nobody_declared_is_seen() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let udp = UdpSocket::bind("[::1]:0").or_else(|_| UdpSocket::bind("127.0.0.1:0")).expect("a free port");
    let sockets = driver::lasting_sockets().await.expect("this is Linux");
    for (transport, address) in [(Transport::Tcp, tcp.local_addr()), (Transport::Udp, udp.local_addr())] {
        let wanted = OpenSocket { transport, address: address.expect("it has an address") };
        assert!(sockets.contains(&wanted), "{wanted:?} is not among {sockets:?}");
    }
    let (mut context, _kept) = context().await;
    context.ports = Some(Vec::new());
    let finding = Ports.look(&context).await;
    assert_eq!(finding.state, State::Broken, "{finding:?}");
    drop((tcp, udp));
}

#[tokio::test]
async fn without_a_manifest_it_is_not_measured() {
    assert_eq!(Ports.look(&context().await.0).await.state, State::NotMeasured);
}
