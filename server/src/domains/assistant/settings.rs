//! The assistant's settings (operations.md).

use std::{fmt, num::NonZeroUsize, str::FromStr, time::Duration};

use axum::http::HeaderValue;
use bytesize::ByteSize;
use clap::Args;
use reqwest::Url;

use crate::config::values::{duration, parse};

/// Largest answer that may be set: a chunk holds all of it, and a message has 1 MB.
const MAX_ANSWER_BYTES: u64 = 256 * 1024;

/// Settings of the assistant.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Settings {
    /// Key of the assistant's provider. Without one the assistant is an echo, and says so.
    #[arg(long, env, hide_env_values = true, value_parser = parse::<ApiKey>("OPENAI_API_KEY", "a key"))]
    pub openai_api_key: Option<ApiKey>,

    /// Where the provider is asked: an address that speaks as OpenAI's API does.
    #[arg(long, env, hide_env_values = true, default_value = "https://api.openai.com/v1")]
    pub openai_base_url: String,

    /// The model that answers.
    #[arg(long, env, default_value = "gpt-4o-mini")]
    pub openai_model: String,

    /// Tokens of a conversation that are sent along with a question, by estimate; what was said
    /// before is left out.
    #[arg(long, env, default_value = "16000", value_parser = parse::<NonZeroUsize>("ASSISTANT_CONTEXT_TOKENS", "a number from 1"))]
    pub assistant_context_tokens: NonZeroUsize,

    /// How long connecting to the provider may take.
    #[arg(long, env, default_value = "10s", value_parser = duration("ASSISTANT_CONNECT_TIMEOUT"))]
    pub assistant_connect_timeout: Duration,

    /// How long the provider may take from being asked to the first word.
    #[arg(long, env, default_value = "60s", value_parser = duration("ASSISTANT_FIRST_TOKEN_TIMEOUT"))]
    pub assistant_first_token_timeout: Duration,

    /// How long it may be silent after that.
    #[arg(long, env, default_value = "30s", value_parser = duration("ASSISTANT_IDLE_TIMEOUT"))]
    pub assistant_idle_timeout: Duration,

    /// How long an answer may take in all.
    #[arg(long, env, default_value = "10min", value_parser = duration("ASSISTANT_ANSWER_TIMEOUT"))]
    pub assistant_answer_timeout: Duration,

    /// How long a provider that has too much to do is asked again, when it says.
    #[arg(long, env, default_value = "30s", value_parser = duration("ASSISTANT_RETRY_TIMEOUT"))]
    pub assistant_retry_timeout: Duration,

    /// Bytes of an answer, such as 64KiB; what is longer is cut off. At most 256KiB.
    #[arg(long, env, default_value = "64KiB", value_parser = answer_bytes)]
    pub assistant_answer_bytes: ByteSize,

    /// Answers that are under way at once; further questions wait.
    #[arg(long, env, default_value = "64", value_parser = parse::<NonZeroUsize>("ASSISTANT_ANSWERS", "a number from 1"))]
    pub assistant_answers: NonZeroUsize,

    /// Questions of a user that may be unanswered at once; further ones are refused.
    #[arg(long, env, default_value = "8", value_parser = parse::<NonZeroUsize>("ASSISTANT_ANSWERS_PER_USER", "a number from 1"))]
    pub assistant_answers_per_user: NonZeroUsize,
}

/// A provider's key, which is shown nowhere.
#[derive(Clone)]
pub struct ApiKey(Option<HeaderValue>);

impl ApiKey {
    /// The `Authorization` header that it makes, marked as sensitive; none of an empty key.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        self.0.clone()
    }
}

/// Never fails: what is refused is repeated by whoever reads the settings. A key is of visible ASCII
/// characters; the line break that a file ends with is none.
impl FromStr for ApiKey {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let key: String = text.chars().filter(char::is_ascii_graphic).collect();
        let header = HeaderValue::from_str(&format!("Bearer {key}")).ok();
        Ok(Self(header.filter(|_| !key.is_empty()).map(|mut header| {
            header.set_sensitive(true);
            header
        })))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey")
    }
}

/// A provider that can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The address is none.
    #[error("OPENAI_BASE_URL must be an http:// or https:// address, without a user")]
    BaseUrl,
    /// This machine can't ask over HTTPS.
    #[error("the provider of OPENAI_BASE_URL can't be asked: {0}")]
    Client(#[from] reqwest::Error),
}

impl Settings {
    /// Where completions of chats are asked for.
    pub(super) fn completions(&self) -> Result<Url, ProviderError> {
        let url = format!("{}/chat/completions", self.openai_base_url.trim().trim_end_matches('/'));
        let url = Url::parse(&url).map_err(|_| ProviderError::BaseUrl)?;
        let is_one = matches!(url.scheme(), "http" | "https");
        // A user would be told in the header that the key is told in.
        let has_user = !url.username().is_empty() || url.password().is_some();
        if is_one && !has_user { Ok(url) } else { Err(ProviderError::BaseUrl) }
    }

    pub(super) fn max_answer_bytes(&self) -> usize {
        usize::try_from(self.assistant_answer_bytes.as_u64()).unwrap_or(usize::MAX)
    }
}

fn answer_bytes(text: &str) -> Result<ByteSize, String> {
    let size = text.trim().parse::<ByteSize>().ok();
    size.filter(|size| (1..=MAX_ANSWER_BYTES).contains(&size.as_u64()))
        .ok_or_else(|| "ASSISTANT_ANSWER_BYTES must be a size from 1B to 256KiB".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_nowhere_and_an_empty_one_is_none() {
        let key: ApiKey = "sk-secret\n".parse().unwrap();
        assert_eq!(key.authorization().unwrap(), "Bearer sk-secret");
        assert!(!format!("{key:?} {:?}", key.authorization()).contains("secret"));
        let empty: ApiKey = " ".parse().unwrap();
        assert_eq!(empty.authorization(), None);
    }

    #[derive(Debug, clap::Parser)]
    struct Read {
        #[command(flatten)]
        settings: Settings,
    }

    #[test]
    fn completions_are_below_the_base() {
        let completions = |base| {
            let read = <Read as clap::Parser>::parse_from(["app", "--openai-base-url", base]);
            read.settings.completions().map(|url| url.to_string())
        };
        for base in ["http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1/"] {
            assert_eq!(completions(base).unwrap(), "http://127.0.0.1:1/v1/chat/completions");
        }
        for base in
            ["", "api.openai.com", "ftp://a", "file:///v1", "https://user@a", "https://:key@a"]
        {
            assert!(completions(base).is_err(), "{base}");
        }
    }
}
