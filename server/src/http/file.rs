//! Files that callers download.

use std::path::PathBuf;

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, header},
    response::Response,
};
use samewire_protocol::ErrorCode;
use tower_http::services::ServeFile;

use crate::error::{Error, Result};

/// A file to be downloaded, whole or in part (RFC 9110, section 14).
#[derive(Debug)]
pub(crate) struct File {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// What it is.
    pub(crate) media_type: String,
    /// What it is called where it is saved: letters, digits and dots.
    pub(crate) name: String,
}

impl File {
    /// The answer to a request with these headers.
    ///
    /// # Errors
    /// [`ErrorCode::NotFound`] where it isn't there, or when it can't be read.
    pub(crate) async fn answer(self, headers: HeaderMap) -> Result<Response> {
        let mut request = Request::new(Body::empty());
        *request.headers_mut() = headers;
        let response = ServeFile::new(&self.path).try_call(request).await?;
        if response.status().as_u16() == 404 {
            tracing::error!(
                file = self.name,
                "a file isn't in MEDIA_DIR: where there are several servers they must share it"
            );
            return Err(Error::refused(ErrorCode::NotFound, "the file is no longer there"));
        }
        let mut response = response.map(Body::new);
        let headers = response.headers_mut();
        let named = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", self.name));
        if let (Ok(media_type), Ok(named)) = (HeaderValue::from_str(&self.media_type), named) {
            headers.insert(header::CONTENT_TYPE, media_type);
            headers.insert(header::CONTENT_DISPOSITION, named);
        }
        // Somebody uploaded it: to no browser is it a page of ours.
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
        Ok(response)
    }
}
