//! What requests are answered with: a file, or why there is none.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bodymap::Code;
use bodymap::export::File;
use serde_json::json;

/// The file that was asked for, and its media type.
pub struct Answer(pub File, pub &'static str);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, self.1)], self.0.bytes).into_response()
    }
}

/// Why there is no answer: a status, a stable code, a sentence.
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Failure {
        Failure { status, code, message: message.into() }
    }
}

impl From<bodymap::Error> for Failure {
    fn from(error: bodymap::Error) -> Failure {
        let status = match error.code() {
            Code::FileTooLarge | Code::PhotoTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Code::UnsupportedFormat => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Code::EmptyFile | Code::Truncated | Code::CorruptPhoto => StatusCode::UNPROCESSABLE_ENTITY,
            Code::BadOption => StatusCode::BAD_REQUEST,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Failure::new(status, error.code().as_str(), error.message())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Failure { status, code, message } = self;
        let mut response =
            (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
