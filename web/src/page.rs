//! What a page knows about its reader.

use axum::extract::FromRequestParts;
use edge::Nonce;
use http::request::Parts;
use identity::Caller;

use crate::Problem;
use crate::form_token::FormToken;
use crate::guard::Looking;
use crate::shell::{AccountNotice, Nav, Shell};

/// What the reader of a page has to acknowledge about changes of their account, beside the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unread(pub Vec<AccountNotice>);

/// The signed-in reader of a page and the nonce of its answer. A handler takes it as an argument.
#[derive(Debug, Clone)]
pub struct PageContext {
    /// Who reads.
    pub caller: Caller,
    /// What lets the page's script elements run.
    pub nonce: Nonce,
    /// What the page's forms carry; nothing where no session stands behind the request.
    pub form_token: Option<FormToken>,
    /// The operators who look into the organization at this moment.
    pub looking: Vec<String>,
    /// What the reader has to acknowledge about changes of their account.
    pub notices: Vec<AccountNotice>,
}

impl PageContext {
    /// The frame of a page for this reader.
    pub fn shell(&self, title: &str, nav: Nav) -> Shell {
        let organization = self.caller.organization_name();
        let shell = Shell::new(title, nav, self.nonce.clone(), organization, self.caller.display_name());
        shell
            .with_form_token(self.form_token.clone())
            .with_looking(self.looking.clone())
            .with_notices(self.notices.clone())
    }

    /// The frame of a page without the rail, for readers who may not go elsewhere yet.
    pub fn alone(&self, title: &str) -> Shell {
        Shell::alone(title, self.nonce.clone()).with_form_token(self.form_token.clone())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageContext {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned().ok_or_else(Problem::unauthorized)?;
        let nonce = parts.extensions.get::<Nonce>().cloned();
        let nonce = nonce.ok_or_else(|| Problem::internal("a page was asked for without the header layer"))?;
        let looking = parts.extensions.get::<Looking>().map(|looking| looking.0.clone()).unwrap_or_default();
        let notices = parts.extensions.get::<Unread>().map(|unread| unread.0.clone()).unwrap_or_default();
        Ok(Self { caller, nonce, form_token: parts.extensions.get::<FormToken>().cloned(), looking, notices })
    }
}
