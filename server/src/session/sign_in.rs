//! Who is signed in on a connection, and until when (wire.md, section 2).

use std::time::Duration;

use samewire_protocol::{
    Ack, ClientEvent, ErrorBody, ErrorCode, RoomAddress, ServerEvent, VERSION,
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

/// An event that signs in. They differ in what answers them.
pub(super) trait SignIn: ClientEvent {
    type Success: ServerEvent;
    type Failure: ServerEvent;

    fn token(&self) -> &str;
    fn success(signed_in: &Authenticated) -> Self::Success;
    fn failure(refusal: &ErrorBody) -> Self::Failure;
}

impl SignIn for Authenticate {
    type Success = Authenticated;
    type Failure = AuthError;

    fn token(&self) -> &str {
        &self.token
    }

    fn success(signed_in: &Authenticated) -> Authenticated {
        signed_in.clone()
    }

    fn failure(refusal: &ErrorBody) -> AuthError {
        AuthError { message: refusal.message.clone(), code: refusal.code }
    }
}

impl SignIn for AuthRequest {
    type Success = AuthSuccess;
    type Failure = AuthRequestError;

    fn token(&self) -> &str {
        &self.token
    }

    fn success(signed_in: &Authenticated) -> AuthSuccess {
        AuthSuccess { user_id: signed_in.user_id.clone(), email: signed_in.email.clone() }
    }

    fn failure(refusal: &ErrorBody) -> AuthRequestError {
        AuthRequestError { message: refusal.message.clone(), code: refusal.code }
    }
}

impl Session {
    /// A sign-in by an event. A refused one ends the connection.
    ///
    /// Who is signed in already is counted, before the token is verified: that costs more than
    /// most events. Whoever isn't has one try.
    pub(super) async fn on_sign_in<E: SignIn>(
        &mut self,
        payload: Value,
        ack: Option<u64>,
    ) -> Result<Next> {
        if let Some(known) = self.connection.identity()
            && let Err(error) = self.engine.count(&known.user_id).await
        {
            return self.refuse(Some(E::NAME.to_owned()), ack, error).await;
        }
        let signed_in = match payload::read::<E>(payload) {
            Ok(asked) => self.authenticate(asked.token()).await,
            Err(error) => Err(error.into()),
        };
        match signed_in {
            Ok(authenticated) => {
                self.connection.send(&E::success(&authenticated)).await?;
                self.answer(ack, &to_raw_value(&authenticated)?.into()).await
            }
            Err(error) => {
                let refusal = error.answer();
                tracing::warn!(connection = %self.connection.id, code = %refusal.code, "refused a sign-in");
                self.connection.send(&E::failure(&refusal)).await?;
                if let Some(id) = ack {
                    self.acknowledge(id, &Ack::<()>::Refused(refusal)).await?;
                }
                Ok(Next::Disconnect)
            }
        }
    }

    /// Signs in by a token, or takes a fresh token of the same user.
    async fn authenticate(&mut self, token: &str) -> Result<Authenticated> {
        let identity = self.engine.verify(token).await?;
        let known = self.connection.identity();
        if known.is_some_and(|known| known.user_id != identity.user_id) {
            return Err(Error::refused(ErrorCode::TokenInvalid, "the token is of another user"));
        }
        tracing::info!(connection = %self.connection.id, user = %identity.user_id, "signed in");
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
        if !self.connection.is_in(&room) {
            let context = self.context()?;
            self.engine.join(&context, &room, None, None).await?;
        }
        Ok(authenticated)
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
                return self.end_sign_in(ErrorCode::AuthTimeout, "no sign-in in time").await;
            }
            Deadline::ExpiryNotice => {
                if let Some(Identity { expires_at, .. }) = self.connection.identity() {
                    self.connection.send(&TokenExpiring { expires_at }).await?;
                }
                self.expiry_noticed = true;
            }
            Deadline::Expiry => {
                return self.end_sign_in(ErrorCode::TokenExpired, "the token expired").await;
            }
            Deadline::Recheck => {}
        }
        self.set_deadline();
        Ok(Next::Continue)
    }

    /// Tells why nobody is signed in any longer, and ends the connection.
    async fn end_sign_in(&self, code: ErrorCode, message: &str) -> Result<Next> {
        let ErrorBody { code, message, .. } = Error::refused(code, message).answer();
        self.connection.send(&AuthError { message, code }).await?;
        Ok(Next::Disconnect)
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
