//! S45: every way into this process stands in the registry of surfaces, with what guards it. What the process has at this
//! moment (its routes and its ports) is compared with the list that is published.

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};
use crate::surface::{self, Kind, Surface};

/// The probe, on a registry.
pub struct Surfaces(pub &'static [Surface]);

impl Probe for Surfaces {
    fn name(&self) -> &'static str {
        "surfaces"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move { compare(self.0, context) })
    }
}

fn compare(registry: &[Surface], context: &ProbeContext) -> Finding {
    if context.routes.is_empty() {
        return Finding::not_measured("This process serves no routes, so there is nothing to compare.");
    }
    let routes = surface::unmapped(registry, Kind::Route, context.routes.iter().map(|rule| rule.path));
    let ports: Vec<&str> = context.ports.iter().flatten().map(|port| port.purpose.as_str()).collect();
    let sockets = surface::unmapped(registry, Kind::Listener, ports.iter().copied());
    let faults: Vec<String> = routes
        .iter()
        .map(|path| format!("the address `{path}` stands in no row"))
        .chain(sockets.iter().map(|purpose| format!("the port for `{purpose}` stands in no row")))
        .collect();
    let holds = format!("Each of {} routes and {} ports stands in the registry.", context.routes.len(), ports.len());
    Finding::from_faults(&faults, holds).with("Routes", context.routes.len()).with("Ports", ports.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::State;
    use crate::probes::testing::{context, guarded};

    #[tokio::test]
    async fn a_surface_that_no_row_names_turns_it_red() {
        let (context, _kept) = guarded().await;
        let empty = Surfaces(&[]).look(&context).await;
        assert_eq!(empty.state, State::Broken, "{empty:?}");
        let mut odd = context.clone();
        if let Some(rule) = odd.routes.first_mut() {
            rule.path = "/forgotten";
        }
        let finding = Surfaces(surface::all()).look(&odd).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
        assert!(format!("{finding:?}").contains("/forgotten"), "{finding:?}");
    }

    #[tokio::test]
    async fn without_routes_it_is_not_measured() {
        let (mut context, _kept) = context().await;
        context.routes.clear();
        assert_eq!(Surfaces(surface::all()).look(&context).await.state, State::NotMeasured);
    }
}
