//! How the values of settings are read.

use std::{ffi::OsStr, marker::PhantomData, str::FromStr, time::Duration};

use clap::{Arg, Command, builder::TypedValueParser, error::ErrorKind};

/// Reads a value; what doesn't fit is answered with the variable's name and what it must be.
pub(crate) fn parse<T: FromStr + Clone + Send + Sync + 'static>(
    name: &'static str,
    must_be: &'static str,
) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| text.trim().parse().map_err(|_| format!("{name} must be {must_be}"))
}

/// As [`parse`], for what may hold a secret: a wrong value is not repeated.
#[derive(Debug)]
pub(crate) struct SecretParser<T> {
    name: &'static str,
    must_be: &'static str,
    read: PhantomData<fn() -> T>,
}

impl<T> SecretParser<T> {
    pub(crate) const fn new(name: &'static str, must_be: &'static str) -> Self {
        Self { name, must_be, read: PhantomData }
    }
}

impl<T> Clone for SecretParser<T> {
    fn clone(&self) -> Self {
        Self::new(self.name, self.must_be)
    }
}

impl<T: FromStr + Clone + Send + Sync + 'static> TypedValueParser for SecretParser<T> {
    type Value = T;

    fn parse_ref(&self, _: &Command, _: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        value.to_str().and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
            let message = format!("{} must be {}\n", self.name, self.must_be);
            clap::Error::raw(ErrorKind::ValueValidation, message)
        })
    }
}

/// Reads a duration.
pub(crate) fn duration(name: &'static str) -> impl Fn(&str) -> Result<Duration, String> + Clone {
    move |text| {
        let text = text.trim();
        let seconds = text.parse().ok().map(Duration::from_secs);
        seconds
            .or_else(|| humantime::parse_duration(text).ok())
            .filter(|duration| !duration.is_zero())
            .ok_or_else(|| format!("{name} must be a duration such as 500ms, 10s or 5min"))
    }
}

/// Reads an origin, or `*`.
pub(super) fn origin(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let known = text == "*" || text.starts_with("http://") || text.starts_with("https://");
    if known && axum::http::HeaderValue::from_str(text).is_ok() {
        Ok(text.to_owned())
    } else {
        Err("CORS_ORIGIN must be a list of origins such as https://app.example.org".into())
    }
}
