//! The sites whose scripts may read the answers.

use std::time::Duration;

use axum::http::{HeaderValue, Method, Uri, header};
use tower_http::cors::{AllowHeaders, AllowOrigin, AllowPrivateNetwork, Any, CorsLayer};

/// Time for which browsers keep what they were allowed.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Lets scripts of some origins ask and read answers; none if no origin is given.
pub fn layer(origins: &[HeaderValue]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::from(Any)
    } else {
        AllowOrigin::list(origins.iter().cloned())
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::HEAD, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .allow_private_network(AllowPrivateNetwork::yes())
        .expose_headers([header::RETRY_AFTER])
        .max_age(MAX_AGE);
    Some(layer)
}

/// An origin as browsers write it: lower case, no port that goes without saying, no slash at the end.
pub fn origin(text: &str) -> Result<HeaderValue, String> {
    if let "*" | "null" = text {
        return HeaderValue::from_str(text).map_err(|e| e.to_string());
    }
    let wrong = || "an origin is scheme://host or scheme://host:port without a path; * is any".to_owned();
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(wrong()) };
    if uri.path_and_query().is_some_and(|rest| rest != "/") || authority.as_str().contains('@') {
        return Err(wrong());
    }
    let (scheme, host) = (scheme.to_ascii_lowercase(), authority.host().to_ascii_lowercase());
    let port = match (&*scheme, authority.port_u16()) {
        ("http", Some(80)) | ("https", Some(443)) | (_, None) => String::new(),
        (_, Some(port)) => format!(":{port}"),
    };
    HeaderValue::from_str(&format!("{scheme}://{host}{port}")).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_do() {
        for (text, expected) in [
            ("*", "*"),
            ("null", "null"),
            ("https://example.org", "https://example.org"),
            ("HTTPS://Example.org:443/", "https://example.org"),
            ("http://localhost:80", "http://localhost"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(origin(text).unwrap(), expected);
        }
        for text in [
            "",
            "example.org",
            "https://",
            "https://a.org/b",
            "https://a.org/?b",
            "https://u@a.org",
            "https://*.a.org b",
        ] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
