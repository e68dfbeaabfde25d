//! Who answers: a model behind an API that speaks as OpenAI's does, or an echo.

mod delta;
mod echo;
mod openai;

use reqwest::StatusCode;
use samewire_protocol::ErrorCode;

use super::{Settings, context::Said, settings};

/// Who answers.
#[derive(Debug, Clone)]
pub(super) enum Provider {
    /// Says again what it was told, and that it does.
    Echo,
    /// A model.
    OpenAi(Box<openai::OpenAi>),
}

/// An answer as it comes.
pub(super) enum Deltas {
    /// Of the echo.
    Echo(echo::Deltas),
    /// Of a model.
    OpenAi(openai::Deltas),
}

/// Why there is no answer, or no more of it. Never shows what the provider said, which may repeat
/// the key.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    /// It can't be reached.
    #[error("the assistant can't be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It answered with a status that is no answer.
    #[error("the assistant's provider refused, with status {}", .0.as_u16())]
    Refused(StatusCode),
    /// It has too much to do, and for longer than we wait.
    #[error("the assistant has too much to do; try again later")]
    Busy,
    /// It didn't begin in time.
    #[error("the assistant took too long to begin")]
    NoBeginning,
    /// It ceased to speak.
    #[error("the assistant fell silent in the middle of its answer")]
    Silent,
    /// The connection ended before the answer did.
    #[error("the connection to the assistant was cut in the middle of its answer")]
    Cut,
    /// It says itself that it failed.
    #[error("the assistant failed in the middle of its answer")]
    Failed,
    /// It withheld the rest.
    #[error("the assistant's provider withheld the rest of its answer")]
    Withheld,
    /// It goes on and on, or its own bound was reached.
    #[error("the answer is longer than it may be")]
    TooLong,
    /// It takes too long in all.
    #[error("the answer took longer than it may")]
    TooSlow,
}

impl ProviderError {
    /// The code that a conversation is told.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::TooLong => ErrorCode::PayloadTooLarge,
            _ => ErrorCode::AiUnavailable,
        }
    }
}

impl Provider {
    /// Who answers by these settings.
    ///
    /// # Errors
    /// When the provider's address is none, or this machine can't ask over HTTPS.
    pub(super) fn new(settings: &Settings) -> Result<Self, settings::ProviderError> {
        let url = settings.completions()?;
        match settings.openai_api_key.as_ref().and_then(|key| key.authorization()) {
            Some(key) => Ok(Self::OpenAi(Box::new(openai::OpenAi::new(url, key, settings)?))),
            None => Ok(Self::Echo),
        }
    }

    /// Asks for an answer to the last of what was said.
    ///
    /// # Errors
    /// When there will be none.
    pub(super) async fn ask(&self, conversation: &[Said]) -> Result<Deltas, ProviderError> {
        match self {
            Self::Echo => Ok(Deltas::Echo(echo::Deltas::of(conversation))),
            Self::OpenAi(openai) => Ok(Deltas::OpenAi(openai.ask(conversation).await?)),
        }
    }
}

impl Deltas {
    /// What comes next of the answer; nothing once it is whole. May be dropped and called again: nothing is lost.
    ///
    /// # Errors
    /// When no more will come and it isn't whole.
    pub(super) async fn next(&mut self) -> Result<Option<String>, ProviderError> {
        match self {
            Self::Echo(deltas) => Ok(deltas.next().await),
            Self::OpenAi(deltas) => deltas.next().await,
        }
    }
}
