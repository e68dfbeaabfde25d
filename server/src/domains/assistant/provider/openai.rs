//! A model behind an API that speaks as OpenAI's does: chat completions, streamed as server-sent
//! events.

use std::{
    pin::Pin,
    time::{Duration, SystemTime},
};

use axum::http::{HeaderValue, header};
use eventsource_stream::{Event, EventStreamError, Eventsource};
use futures::{Stream, StreamExt};
use reqwest::{Client, Response, StatusCode, Url, redirect};
use samewire_protocol::assistant::Role;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    ProviderError,
    delta::{self, Delta, End},
};
use crate::{
    domains::assistant::{Settings, context::Said},
    remote::{is_loopback, retry_after},
};

/// Waits before the first repetition of a request that was refused without saying for how long. Each
/// further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Bytes of a response for each byte of an answer: an event is a few hundred bytes for a word of a
/// few.
const BYTES_PER_BYTE: usize = 256;

/// A model.
#[derive(Debug, Clone)]
pub(in crate::domains::assistant) struct OpenAi {
    client: Client,
    /// Marked as sensitive: shown nowhere.
    authorization: HeaderValue,
    url: Url,
    model: String,
    first_token_timeout: Duration,
    idle_timeout: Duration,
    retry_timeout: Duration,
    max_response_bytes: usize,
}

/// An answer as it comes.
pub(in crate::domains::assistant) struct Deltas {
    events: Pin<Box<dyn Stream<Item = Result<Event, EventStreamError<ReadError>>> + Send>>,
    /// When the next event is to have come: until the first text, that.
    deadline: Instant,
    begun: bool,
    idle_timeout: Duration,
    /// How the answer ends, once that was said.
    end: Option<End>,
}

/// A response that breaks off.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("the connection was cut")]
    Http,
    #[error("it goes on and on")]
    TooLong,
}

#[derive(Serialize)]
struct Request<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
}

#[derive(Serialize)]
struct Message<'a> {
    role: Role,
    content: &'a str,
}

impl OpenAi {
    /// The model of these settings.
    ///
    /// # Errors
    /// When this machine can't ask over HTTPS.
    pub(super) fn new(
        url: Url,
        authorization: HeaderValue,
        settings: &Settings,
    ) -> Result<Self, reqwest::Error> {
        // A redirection could lead the key astray.
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(settings.assistant_connect_timeout);
        let client = if is_loopback(&url) { client.no_proxy() } else { client };
        Ok(Self {
            client: client.build()?,
            authorization,
            url,
            model: settings.openai_model.clone(),
            first_token_timeout: settings.assistant_first_token_timeout,
            idle_timeout: settings.assistant_idle_timeout,
            retry_timeout: settings.assistant_retry_timeout,
            max_response_bytes: settings.max_answer_bytes().saturating_mul(BYTES_PER_BYTE),
        })
    }

    /// Asks for an answer; again where the provider has too much to do and says when.
    pub(super) async fn ask(&self, conversation: &[Said]) -> Result<Deltas, ProviderError> {
        let messages = conversation
            .iter()
            .map(|said| Message { role: said.role, content: &said.content })
            .collect();
        let request = Request { model: &self.model, messages, stream: true };
        let body = serde_json::to_vec(&request).map_err(|_| ProviderError::Failed)?;
        let give_up_at = Instant::now() + self.retry_timeout;
        let mut wait = FIRST_WAIT;
        loop {
            let deadline = Instant::now() + self.first_token_timeout;
            let response = timeout_at(deadline, self.send(body.clone()));
            let response = response.await.map_err(|_| ProviderError::NoBeginning)??;
            let status = response.status();
            if status.is_success() {
                return Ok(self.deltas(response, deadline));
            }
            let asked = retry_after(response.headers(), SystemTime::now());
            let pause = match (status, asked) {
                (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE, Some(asked)) => {
                    asked
                }
                (StatusCode::TOO_MANY_REQUESTS, None) => {
                    let pause = wait;
                    wait *= 2;
                    pause
                }
                _ => {
                    tracing::warn!(status = status.as_u16(), "the assistant's provider refused");
                    return Err(ProviderError::Refused(status));
                }
            };
            if Instant::now().checked_add(pause).is_none_or(|at| at > give_up_at) {
                tracing::warn!(status = status.as_u16(), "the assistant's provider is busy");
                return Err(ProviderError::Busy);
            }
            tracing::info!(pause_ms = pause.as_millis(), "the assistant's provider is busy");
            sleep(pause).await;
        }
    }

    async fn send(&self, body: Vec<u8>) -> Result<Response, ProviderError> {
        let request = self.client.post(self.url.clone());
        let request = request
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "text/event-stream");
        request.body(body).send().await.map_err(|error| {
            // The address may hold a credential.
            let error = error.without_url();
            tracing::warn!(%error, "the assistant's provider can't be reached");
            ProviderError::Unreachable(error)
        })
    }

    fn deltas(&self, response: Response, deadline: Instant) -> Deltas {
        let mut left = self.max_response_bytes;
        let bytes = response.bytes_stream().map(move |part| {
            let part = part.map_err(|_| ReadError::Http)?;
            left = left.checked_sub(part.len()).ok_or(ReadError::TooLong)?;
            Ok(part)
        });
        Deltas {
            events: Box::pin(bytes.eventsource()),
            deadline,
            begun: false,
            idle_timeout: self.idle_timeout,
            end: None,
        }
    }
}

impl Deltas {
    pub(super) async fn next(&mut self) -> Result<Option<String>, ProviderError> {
        loop {
            let event = timeout_at(self.deadline, self.events.next()).await;
            let event = match event {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(EventStreamError::Transport(ReadError::TooLong)))) => {
                    return Err(ProviderError::TooLong);
                }
                // Whoever has said how it ends may leave out [DONE].
                Ok(_) if self.end.is_some() => return self.ended(),
                Ok(_) => return Err(ProviderError::Cut),
                Err(_) if self.end.is_some() => return self.ended(),
                Err(_) if self.begun => return Err(ProviderError::Silent),
                Err(_) => return Err(ProviderError::NoBeginning),
            };
            let (delta, end) = delta::read(&event.data);
            self.end = self.end.or(end);
            match delta {
                Delta::Text(text) => {
                    self.begun = true;
                    self.deadline = Instant::now() + self.idle_timeout;
                    return Ok(Some(text));
                }
                Delta::Done => {
                    self.end.get_or_insert(End::Whole);
                    return self.ended();
                }
                Delta::Failed => return Err(ProviderError::Failed),
                // A provider that thinks aloud, or calls for tools, is not silent.
                Delta::Nothing if self.begun => self.deadline = Instant::now() + self.idle_timeout,
                Delta::Nothing => {}
            }
        }
    }

    fn ended(&self) -> Result<Option<String>, ProviderError> {
        match self.end {
            Some(End::Whole) => Ok(None),
            Some(End::TooLong) => Err(ProviderError::TooLong),
            Some(End::Withheld) => Err(ProviderError::Withheld),
            None => Err(ProviderError::Cut),
        }
    }
}
