//! What another server publishes at an address: read within bounds, by a client that goes nowhere else.
//! The address may hold a credential and is never shown.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use reqwest::{Client, StatusCode, Url, header::HeaderMap, redirect};

/// An address that nothing can be read from.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Others could change on the way what comes from there.
    #[error("must be an https:// address, or http:// of this machine")]
    Insecure,
    /// This machine can't ask over HTTPS.
    #[error("can't be fetched: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why nothing was read. Never shows the address.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("{0}")]
    Http(#[from] reqwest::Error),
    #[error("it answers {status}")]
    Status {
        status: StatusCode,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
}

/// An address, and a client for it.
#[derive(Clone)]
pub(crate) struct Remote {
    url: Url,
    client: Client,
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("host", &self.host()).finish_non_exhaustive()
    }
}

impl Remote {
    /// What is at an address. Each time it is read may take as long as `timeout`.
    ///
    /// # Errors
    /// When others could change on the way what comes from there, or this machine can't ask.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, AddressError> {
        let url = Url::parse(url).map_err(|_| AddressError::Insecure)?;
        let local = is_loopback(&url);
        if !(url.scheme() == "https" || url.scheme() == "http" && local) {
            return Err(AddressError::Insecure);
        }
        // A redirection could lead to where the rule above doesn't hold.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(timeout);
        // It is read so seldom that the other end may be closing a connection that was kept, and
        // what is asked on that is lost.
        let client = client.pool_max_idle_per_host(0);
        let client = if local { client.no_proxy() } else { client };
        Ok(Self { url, client: client.build()? })
    }

    /// The host, which may be shown.
    pub(crate) fn host(&self) -> Option<&str> {
        self.url.host_str()
    }

    /// Reads what is there, with a parameter added to the address's own.
    ///
    /// # Errors
    /// When it can't be read, another answer comes, or more than `max_bytes`.
    pub(crate) async fn read(
        &self,
        parameter: Option<(&str, &str)>,
        max_bytes: usize,
    ) -> Result<Vec<u8>, FetchError> {
        let mut url = self.url.clone();
        if let Some((name, value)) = parameter {
            url.query_pairs_mut().append_pair(name, value);
        }
        let response = self.client.get(url).send().await;
        let mut response = response.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        if !status.is_success() {
            let retry_after = retry_after(response.headers(), SystemTime::now());
            return Err(FetchError::Status { status, retry_after });
        }
        let mut text = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if text.len() + chunk.len() > max_bytes {
                return Err(FetchError::TooLarge(max_bytes));
            }
            text.extend_from_slice(&chunk);
        }
        Ok(text)
    }
}

/// After how long somebody wants to be asked again, where they say so: `Retry-After` in seconds or as
/// a date (RFC 9110, section 10.2.3), or `retry-after-ms`.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let header = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(ms) = header("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(ms));
    }
    let text = header("retry-after")?;
    let seconds = text.parse().ok().map(Duration::from_secs);
    let date = || httpdate::parse_http_date(text).ok();
    seconds.or_else(|| Some(date()?.duration_since(now).unwrap_or_default()))
}

/// Whether an address is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.host_str().is_some_and(|host| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn only_what_cannot_be_changed_on_the_way_is_read() {
        let new = |url| Remote::new(url, Duration::from_secs(1));
        for url in [
            "https://id.example/keys",
            "http://127.0.0.1:1/keys",
            "http://[::1]:1/",
            "http://localhost/",
        ] {
            assert!(new(url).is_ok(), "{url}");
        }
        for url in [
            "http://id.example/keys",
            "http://127.0.0.1.example/",
            "ftp://127.0.0.1/",
            "keys.json",
            "",
        ] {
            assert!(new(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_the_other_end_may_close_is_asked_no_second_time() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut connection, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut asked = [0; 1024];
                    let _ = connection.read(&mut asked).await;
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                    let _ = connection.write_all(answer).await;
                    // What comes now comes too late.
                    let _ = connection.read(&mut asked).await;
                });
            }
        });
        let remote = Remote::new(&url, Duration::from_secs(30)).unwrap();
        for _ in 0..3 {
            assert_eq!(remote.read(None, 100).await.unwrap(), b"ok");
        }
    }

    #[test]
    fn an_address_is_not_shown() {
        let url = "https://user:pass@id.example/path?key=secret";
        let shown = format!("{:?}", Remote::new(url, Duration::from_secs(1)).unwrap());
        assert!(shown.contains("id.example"));
        for secret in ["user", "pass", "path", "secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn retry_after_is_read_in_each_of_its_forms() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (name, value, expected) in [
            ("retry-after", "3", Some(Duration::from_secs(3))),
            ("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT", Some(Duration::from_secs(10))),
            ("retry-after", "Sun, 06 Nov 1994 08:49:27 GMT", Some(Duration::ZERO)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
        ] {
            let headers = [(name.parse().unwrap(), value.parse().unwrap())].into_iter().collect();
            let headers: HeaderMap = headers;
            assert_eq!(retry_after(&headers, now), expected, "{name}: {value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
