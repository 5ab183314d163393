//! Where the trunk's name leads to: its calls are known by their address, and a name that was not found when the node started, or
//! has moved since, must not leave the carrier among the strangers.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use telephony::line::Line;

/// How soon it is looked again for a name that was not found.
const UNTIL_FOUND: Duration = Duration::from_secs(30);
/// How soon once it was.
const ONCE_FOUND: Duration = Duration::from_mins(5);

/// The trunk's name.
pub struct Whereabouts {
    /// None when there is no trunk, or its address is written down and known for good.
    name: Option<String>,
    /// Whether the last look found it; nothing was looked at yet.
    found: Option<bool>,
}

impl Whereabouts {
    /// Of a trunk with this host.
    pub fn of(host: Option<&str>) -> Self {
        let name = host.filter(|host| host.parse::<IpAddr>().is_err()).map(str::to_owned);
        Self { name, found: None }
    }

    /// Looks the name up again and again; never ends.
    pub async fn keep(mut self, line: &Line) {
        let Some(name) = self.name.clone() else { return std::future::pending().await };
        loop {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let pause = self.note(line, found.map(|found| found.map(|address| address.ip()).collect()));
            tokio::time::sleep(pause).await;
        }
    }

    /// Tells the line what was found; gives how long to wait. What was found earlier stays while the name cannot be looked up.
    fn note(&mut self, line: &Line, found: io::Result<Vec<IpAddr>>) -> Duration {
        let before = self.found;
        let found =
            found.and_then(|found| if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) });
        self.found = Some(found.is_ok());
        match found {
            Ok(addresses) => {
                if before == Some(false) {
                    tracing::info!("the name in `trunk.address` is found again");
                }
                line.trunk_is_at(addresses);
                ONCE_FOUND
            }
            Err(error) => {
                if before != Some(false) {
                    tracing::warn!(
                        %error,
                        "the name in `trunk.address` is not found: until it is, the trunk's calls are known by `trunk.addresses` alone"
                    );
                }
                UNTIL_FOUND
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use storage::SystemEntropy;
    use telephony::line::LineConfig;

    use super::*;

    #[tokio::test]
    async fn a_name_that_is_found_later_makes_the_trunk_known() {
        let line = Line::open(LineConfig::loopback(), Arc::new(SystemEntropy)).await.expect("a line");
        let (first, second) = (IpAddr::from([192, 0, 2, 7]), IpAddr::from([192, 0, 2, 8]));
        let mut whereabouts = Whereabouts::of(Some("sip.carrier.example"));
        let away = || Err(io::ErrorKind::TimedOut.into());
        assert_eq!(whereabouts.note(&line, away()), UNTIL_FOUND);
        assert_eq!(whereabouts.note(&line, Ok(Vec::new())), UNTIL_FOUND);
        assert!(!line.trusts(first));
        assert_eq!(whereabouts.note(&line, Ok(vec![first])), ONCE_FOUND);
        assert_eq!(whereabouts.note(&line, away()), UNTIL_FOUND);
        assert!(line.trusts(first), "a name server that is away makes nobody a stranger");
        whereabouts.note(&line, Ok(vec![second]));
        assert!(line.trusts(second) && !line.trusts(first), "it has moved");
        line.shutdown().await;
    }

    #[test]
    fn addresses_that_are_written_down_are_not_looked_up() {
        assert_eq!(Whereabouts::of(Some("192.0.2.7")).name, None);
        assert_eq!(Whereabouts::of(Some("2001:db8::1")).name, None);
        assert_eq!(Whereabouts::of(Some("localhost")).name.as_deref(), Some("localhost"));
    }
}
