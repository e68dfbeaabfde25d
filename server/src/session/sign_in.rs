//! Who is signed in on a connection, and until when (wire.md, section 2).

use std::time::Duration;

use samewire_protocol::{
    ErrorBody, ErrorCode, RoomAddress, ServerEvent, VERSION,
    connection::{
        AuthError, AuthRequest, AuthRequestError, AuthSuccess, Authenticate, Authenticated,
        TokenExpiring,
    },
    payload,
};
use serde_json::{Value, value::to_raw_value};
use tokio::time::Instant;

use super::{Next, Session};
use crate::{
    auth::Identity,
    clock,
    error::{Error, Result},
    metrics,
};

/// How long before a token's expiry the client is told.
const EXPIRY_NOTICE: Duration = Duration::from_secs(60);

/// Longest that a timer is set for; a later deadline is looked at again then.
const LONGEST_TIMER: Duration = Duration::from_secs(24 * 60 * 60);

/// What happens to a session when time passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deadline {
    /// Nobody signed in.
    SignIn,
    /// The token is about to expire.
    ExpiryNotice,
    /// The token has expired.
    Expiry,
    /// Only to look at the clock again.
    Recheck,
}

impl Session {
    /// `authenticate`: answered by `authenticated`, or by `auth_error` and the connection's end.
    pub(super) async fn on_authenticate(
        &mut self,
        payload: Value,
        ack: Option<u64>,
    ) -> Result<Next> {
        let signed_in = match payload::read::<Authenticate>(payload) {
            Ok(asked) => self.authenticate(&asked.token).await,
            Err(error) => Err(error.into()),
        };
        match signed_in {
            Ok(authenticated) => {
                self.connection.send(&authenticated).await?;
                self.answer(ack, &to_raw_value(&authenticated)?).await
            }
            Err(error) => {
                let ErrorBody { code, message, .. } = error.body();
                self.sign_in_failed(&AuthError { message, code }, ack, error).await
            }
        }
    }

    /// `auth:request`: answered by `auth:success`, or by `auth:error` and the connection's end.
    pub(super) async fn on_auth_request(
        &mut self,
        payload: Value,
        ack: Option<u64>,
    ) -> Result<Next> {
        let signed_in = match payload::read::<AuthRequest>(payload) {
            Ok(asked) => self.authenticate(&asked.token).await,
            Err(error) => Err(error.into()),
        };
        match signed_in {
            Ok(authenticated) => {
                let Authenticated { user_id, email, .. } = authenticated.clone();
                self.connection.send(&AuthSuccess { user_id, email }).await?;
                self.answer(ack, &to_raw_value(&authenticated)?).await
            }
            Err(error) => {
                let ErrorBody { code, message, .. } = error.body();
                self.sign_in_failed(&AuthRequestError { message, code }, ack, error).await
            }
        }
    }

    /// Signs in by a token, or takes a fresh token of the same user.
    async fn authenticate(&mut self, token: &str) -> Result<Authenticated> {
        let identity = self.engine.verify(token)?;
        let known = self.connection.identity();
        if known.is_some_and(|known| known.user_id != identity.user_id) {
            return Err(Error::refused(ErrorCode::TokenInvalid, "the token is of another user"));
        }
        self.sign_in(identity).await
    }

    /// Notes who is signed in, and joins their own room.
    pub(super) async fn sign_in(&mut self, identity: Identity) -> Result<Authenticated> {
        let authenticated = Authenticated {
            user_id: identity.user_id.clone(),
            email: identity.email.clone(),
            connection_id: self.connection.id.clone(),
            protocol: VERSION.to_owned(),
            expires_at: identity.expires_at,
        };
        let room = RoomAddress::user(&identity.user_id);
        self.engine.signed_in(&self.connection, &identity.user_id);
        self.connection.set_identity(identity);
        self.expiry_noticed = false;
        self.set_deadline();
        tracing::info!(connection = %self.connection.id, user = %authenticated.user_id, "signed in");
        if !self.connection.is_in(&room) {
            let context = self.context()?;
            self.engine.join(&context, &room, None, None).await?;
        }
        Ok(authenticated)
    }

    async fn sign_in_failed<E: ServerEvent>(
        &self,
        told: &E,
        ack: Option<u64>,
        error: Error,
    ) -> Result<Next> {
        self.connection.send(told).await?;
        if ack.is_some() {
            self.refuse(None, ack, error).await?;
        } else {
            tracing::warn!(connection = %self.connection.id, code = %error.code(), "refused a sign-in");
            metrics::refused(error.code());
        }
        Ok(Next::Disconnect)
    }

    fn set_deadline(&mut self) {
        if let Some(identity) = self.connection.identity() {
            let left_ms = identity.expires_at.unix_ms().saturating_sub(clock::unix_ms());
            let (after, deadline) =
                expiry_deadline(Duration::from_millis(left_ms), self.expiry_noticed);
            self.deadline = (Instant::now() + after, deadline);
        }
    }

    /// Does what is due by now.
    pub(super) async fn on_deadline(&mut self) -> Result<Next> {
        match self.deadline.1 {
            Deadline::SignIn => {
                let message = "no sign-in in time".to_owned();
                self.connection.send(&AuthError { message, code: ErrorCode::AuthTimeout }).await?;
                metrics::refused(ErrorCode::AuthTimeout);
                return Ok(Next::Disconnect);
            }
            Deadline::ExpiryNotice => {
                if let Some(Identity { expires_at, .. }) = self.connection.identity() {
                    self.connection.send(&TokenExpiring { expires_at }).await?;
                }
                self.expiry_noticed = true;
            }
            Deadline::Expiry => {
                let message = "the token expired".to_owned();
                self.connection.send(&AuthError { message, code: ErrorCode::TokenExpired }).await?;
                metrics::refused(ErrorCode::TokenExpired);
                return Ok(Next::Disconnect);
            }
            Deadline::Recheck => {}
        }
        self.set_deadline();
        Ok(Next::Continue)
    }
}

/// What happens next to a token that is good for so long, and when.
fn expiry_deadline(left: Duration, noticed: bool) -> (Duration, Deadline) {
    let (after, deadline) = if noticed || left.is_zero() {
        (left, Deadline::Expiry)
    } else {
        (left.saturating_sub(EXPIRY_NOTICE), Deadline::ExpiryNotice)
    };
    if after > LONGEST_TIMER { (LONGEST_TIMER, Deadline::Recheck) } else { (after, deadline) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_noticed_then_expires() {
        let seconds = Duration::from_secs;
        let day = seconds(86_400);
        assert_eq!(expiry_deadline(seconds(100), false), (seconds(40), Deadline::ExpiryNotice));
        assert_eq!(expiry_deadline(seconds(30), false), (seconds(0), Deadline::ExpiryNotice));
        assert_eq!(expiry_deadline(seconds(30), true), (seconds(30), Deadline::Expiry));
        assert_eq!(expiry_deadline(seconds(0), false), (seconds(0), Deadline::Expiry));
        assert_eq!(expiry_deadline(day * 365, false), (day, Deadline::Recheck));
        assert_eq!(expiry_deadline(day * 365, true), (day, Deadline::Recheck));
    }
}
