//! A request -> the bytes of its photo and the name of its file.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use bodymap::export::stem;
use bodymap::{Code, limits};
use http_body_util::BodyExt;
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde::Deserialize;

use super::answer::Failure;
use super::parameters::Parameters;

/// What a photo without a name is called.
const NAMELESS: &str = "photo.jpg";

/// Options that are part of the address.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParseQuery {
    pub setting: Option<String>,
    pub format: Option<String>,
}

/// A photo that was sent.
pub struct Upload {
    pub bytes: Vec<u8>,
    pub name: String,
}

impl Upload {
    /// Reads the field `image` of a form, or the whole body.
    pub async fn read(request: Request) -> Result<Upload, Failure> {
        let headers = request.headers();
        if let Some(encoding) = only(headers, header::CONTENT_ENCODING)?
            && !encoding.trim_ascii().eq_ignore_ascii_case(b"identity")
        {
            return Err(not_read(format!(
                "a body with Content-Encoding {} is not read; send the photo's bytes as they are",
                String::from_utf8_lossy(encoding)
            )));
        }
        let content_type = Parameters::new(only(headers, header::CONTENT_TYPE)?.unwrap_or_default());
        if !content_type.value.starts_with("multipart/") {
            return Ok(Upload { bytes: whole(request.into_body()).await?, name: NAMELESS.into() });
        }
        if content_type.value != "multipart/form-data" {
            return Err(not_read(format!(
                "a body of {} is not read; send a form (multipart/form-data) or the photo's bytes",
                content_type.value
            )));
        }
        let boundary = content_type.get("boundary").and_then(|text| str::from_utf8(text).ok());
        let Some(boundary) = boundary.filter(|text| !text.is_empty()).map(str::to_owned) else {
            return Err(bad_request("the Content-Type of the form has no boundary"));
        };
        of_form(request.into_body(), boundary).await
    }
}

/// The value of a header that may not have two.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&[u8]>, Failure> {
    let mut values = headers.get_all(&name).iter();
    let first = values.next();
    if values.any(|other| Some(other) != first) {
        return Err(bad_request(format!("it has two different headers {name}")));
    }
    Ok(first.map(|value| value.as_bytes()))
}

async fn whole(mut body: Body) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| cut_off())?;
        frame.data_ref().map_or(Ok(()), |part| add(&mut bytes, part))?;
    }
    Ok(bytes)
}

async fn of_form(body: Body, boundary: String) -> Result<Upload, Failure> {
    let most = (limits::MAX_PHOTO_BYTES + limits::MAX_FORM_BYTES) as u64;
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(most));
    let mut form = Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let (mut photo, mut not_chosen, mut other) = (None, None, None);
    while let Some(mut field) = form.next_field().await.map_err(broken)? {
        let disposition = field.headers().get(header::CONTENT_DISPOSITION).cloned();
        let disposition = Parameters::new(disposition.as_ref().map_or(&[], |value| value.as_bytes()));
        let file_name = disposition.file_name();
        let name = String::from_utf8_lossy(disposition.get("name").unwrap_or_default());
        let is_image = name == "image";
        if !is_image && file_name.is_none() {
            if matches!(&*name, "setting" | "format") {
                let message =
                    format!("the form has the field {name:?}; write it into the address: /parse?{name}=");
                return Err(Failure::new(StatusCode::BAD_REQUEST, Code::BadOption.as_str(), message));
            }
            // Such as the button that sent the form.
            while field.chunk().await.map_err(broken)?.is_some() {}
            continue;
        }
        let bytes = contents(&mut field).await?;
        let upload = Upload { bytes, name: base_name(file_name.as_deref().unwrap_or_default()) };
        let is_chosen = !upload.bytes.is_empty() || file_name.is_some_and(|name| !name.is_empty());
        let place = match (is_image, is_chosen) {
            (true, true) => &mut photo,
            (true, false) => &mut not_chosen,
            (false, true) => &mut other,
            (false, false) => continue,
        };
        let is_second = place.replace(upload).is_some();
        if is_chosen && (is_second || photo.is_some() && other.is_some()) {
            return Err(Failure::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "several-photos",
                "the form has more than one file; send each photo in a request of its own",
            ));
        }
    }
    photo.or(not_chosen).ok_or_else(|| {
        let message = "the form has no field \"image\"; send the photo's file in it";
        Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "no-photo", message)
    })
}

async fn contents(field: &mut Field<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![];
    while let Some(part) = field.chunk().await.map_err(broken)? {
        add(&mut bytes, &part)?;
    }
    Ok(bytes)
}

fn add(bytes: &mut Vec<u8>, part: &[u8]) -> Result<(), Failure> {
    if bytes.len() + part.len() > limits::MAX_PHOTO_BYTES {
        return Err(too_large());
    }
    bytes.try_reserve(part.len()).map_err(|_| {
        let message = "there is no memory for the photo's file; try again later";
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, Code::OutOfMemory.as_str(), message)
    })?;
    bytes.extend_from_slice(part);
    Ok(())
}

/// The name of a file without its folders.
fn base_name(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    if stem(name).is_ok() { name } else { NAMELESS }.into()
}

fn broken(error: multer::Error) -> Failure {
    match error {
        multer::Error::StreamSizeExceeded { .. } => too_large(),
        multer::Error::StreamReadFailed(_) => cut_off(),
        error => bad_request(format!("the form is broken: {error}")),
    }
}

fn too_large() -> Failure {
    let most = limits::MAX_PHOTO_BYTES >> 20;
    let message = format!("the file is too large; at most {most} MiB are read");
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, Code::FileTooLarge.as_str(), message)
}

fn cut_off() -> Failure {
    bad_request("its body ends before it is complete")
}

fn bad_request(what: impl std::fmt::Display) -> Failure {
    Failure::new(StatusCode::BAD_REQUEST, "bad-request", format!("the request cannot be read: {what}"))
}

fn not_read(message: String) -> Failure {
    Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::UnsupportedFormat.as_str(), message)
}
