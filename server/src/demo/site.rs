//! The sample customer's page, served on a port of its own: another origin than the dashboard's, as in real life.

use std::net::SocketAddr;

use axum::response::{Html, IntoResponse as _};
use axum::routing::get;
use edge::{Listener, ListenerSettings};
use http::{HeaderValue, header};
use tokio_util::sync::CancellationToken;

const PAGE: &str = include_str!("customer.html");
const STYLE: &str = include_str!("customer.css");

/// The page's listener, before it serves.
pub struct CustomerSite {
    listener: Listener,
}

impl CustomerSite {
    /// Takes a free port on loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn bind() -> anyhow::Result<Self> {
        Ok(Self { listener: Listener::bind(ListenerSettings::at(SocketAddr::from(([127, 0, 0, 1], 0)))).await? })
    }

    /// The socket it listens on.
    pub fn address(&self) -> SocketAddr {
        self.listener.local_address()
    }

    /// Where it answers.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Serves the page with the widget of the product at `base_url`, until `shutdown`. The policy is the one that the
    /// guide tells customers to use.
    pub async fn serve(self, base_url: String, embed_token: &str, shutdown: CancellationToken) {
        let page = PAGE.replace("{{ widget }}", &format!("{base_url}/widget.js")).replace("{{ token }}", embed_token);
        let policy = format!("default-src 'self'; script-src {base_url}; frame-src {base_url}; style-src 'self'");
        let answer = move || {
            let (page, policy) = (page.clone(), policy.clone());
            async move {
                let mut response = Html(page).into_response();
                if let Ok(policy) = HeaderValue::try_from(policy) {
                    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
                }
                response
            }
        };
        let style = || async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) };
        let router = axum::Router::new().route("/", get(answer)).route("/customer.css", get(style));
        let router = router.route("/favicon.ico", get(|| async { http::StatusCode::NO_CONTENT }));
        self.listener.serve(router, shutdown).await;
    }
}
