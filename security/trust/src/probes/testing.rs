//! What the tests of probes share: a context on a real platform, our own routes behind their guard, and a real server on a free port.

use std::net::SocketAddr;

use axum::Router;
use edge::Limits;
use edge::limits::LimitSettings;
use identity::testing::TestPlatform;
use storage::{Schema, Timestamp};
use web::{Access, Audited, Gate, Routes, SessionCookie};

use crate::probe::ProbeContext;
use crate::store::{STATEMENTS, TABLES};

/// The moment at which tests stand.
pub const NOW: Timestamp = identity::testing::START;

/// A context over a fresh database and vault with one business, without a server. The database goes when the second value is dropped.
pub async fn context() -> (ProbeContext, TestPlatform) {
    let tables = [TABLES, web::TABLES, compliance::TABLES, agents::TABLES, chat::TABLES].concat();
    let statements =
        [STATEMENTS, web::STATEMENTS, compliance::STATEMENTS, agents::STATEMENTS, chat::STATEMENTS].concat();
    let test = identity::testing::platform(Schema { tables, statements }).await;
    test.organization("practice").await;
    let data_folder = Some(test.database.folder().to_path_buf());
    let context = ProbeContext { data_folder, ..ProbeContext::of(test.platform.clone()) };
    (context, test)
}

/// The same with our own routes behind their guard, served on a real socket.
pub async fn guarded() -> (ProbeContext, TestPlatform) {
    let (mut context, kept) = context().await;
    let limits = Limits::new(&LimitSettings::default(), context.platform.clock.clone());
    let gate = Gate::new(context.platform.clone(), limits, SessionCookie::OnLoopback);
    let parts = web::account::routes().with_state(gate.clone());
    let routes = parts.merge(agents::api::routes().with_state(context.platform.clone()));
    context.routes = routes.table();
    context.mark = Some(gate.probe_mark.clone());
    // Our own listener says where a request comes from; the one of these tests is told.
    let here = axum::Extension(edge::ClientAddress(Some(std::net::Ipv4Addr::LOCALHOST.into())));
    context.base_url = Some(served(routes.into_router((), &gate).layer(here)).await);
    (context, kept)
}

/// The same with one route more, which asks again who is there.
pub async fn confirmed() -> (ProbeContext, TestPlatform) {
    let (mut context, kept) = context().await;
    let limits = Limits::new(&LimitSettings::default(), context.platform.clock.clone());
    let gate = Gate::new(context.platform.clone(), limits, SessionCookie::OnLoopback);
    let sensitive = Routes::<()>::new()
        .post("/v1/sensitive", Access::Member, Audited::No("made up for a test"), || async { "done" })
        .step_up();
    let routes = web::account::routes().with_state(gate.clone()).merge(sensitive);
    context.routes = routes.table();
    context.base_url = Some(served(routes.into_router((), &gate)).await);
    (context, kept)
}

/// The same with one route more, which is for a directory's key.
pub async fn with_directory() -> (ProbeContext, TestPlatform) {
    let (mut context, kept) = context().await;
    let limits = Limits::new(&LimitSettings::default(), context.platform.clock.clone());
    let gate = Gate::new(context.platform.clone(), limits, SessionCookie::OnLoopback);
    let may = Access::Permission(identity::Permission::MemberProvision);
    let provisioning =
        Routes::<()>::new()
            .get("/scim/v2/ServiceProviderConfig", may, Audited::No("made up for a test"), || async { "{}" });
    let routes = web::account::routes().with_state(gate.clone()).merge(provisioning);
    context.routes = routes.table();
    context.base_url = Some(served(routes.into_router((), &gate)).await);
    (context, kept)
}

/// Serves the router on a free loopback port for the rest of the test; returns its address.
pub async fn served(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it has an address");
    tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
    format!("http://{address}")
}
