//! `bodymap serve`: the service over HTTP, and the page if there is one.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::multipart::MultipartError;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Query, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bodymap::export::{Format, Options, Sample, stem};
use bodymap::{Code, Model, Photo, limits};
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use serde::Deserialize;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_http::services::ServeDir;

use super::{files, pool};

/// Answer `POST /parse` over HTTP, and serve the page.
///
/// The photo is the field `image` of a form (multipart/form-data) or the whole body;
/// the answer is JSON with one mask a class and person, as base64 PNG:
/// {"masks": [{"label", "class_id", "person", "score", "mask"}], "width", "height", "model"}.
/// `?setting=ID` chooses a setting, `?format=NAME` another format (see docs/formats.md).
/// Errors are {"error": {"code", "message"}} with status 400, 408, 413, 415, 422, 500 or
/// 503. `GET /health` tells that the service is up.
///
/// Ctrl-C or SIGTERM: what has begun is answered, then the program ends.
#[derive(Args)]
pub struct Arguments {
    /// Address to listen on; 0.0.0.0 for every network this computer is in.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 for any free one, which is printed.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Model card (JSON beside its model file); the built-in model if left out.
    #[arg(long, value_name = "CARD")]
    model: Option<PathBuf>,
    /// Setting of requests that name none; the card's first if left out.
    #[arg(long, value_name = "ID")]
    setting: Option<String>,
    /// Photos parsed at a time, each with its own copy of the model.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// Folder of the built page (scripts/build DIR); without it only the service is there.
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,
}

/// Time in which a request's head and then its body must have come.
const READ_TIME: Duration = Duration::from_secs(60);
/// Time that a stop leaves to what has begun.
const STOP_TIME: Duration = Duration::from_secs(30);

/// The headers that threads in wasm need, and the policy of index.html.
const PAGE_HEADERS: [(&str, &str); 7] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:; \
         img-src 'self' blob: data:; style-src 'self'; manifest-src 'self'; frame-src 'self'; base-uri 'none'; \
         form-action 'none'; require-trusted-types-for 'script'; trusted-types bodymap",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-cache"),
];

/// Exit status 0 after a stop, 2 if the service could not begin.
pub fn run(arguments: &Arguments) -> ExitCode {
    let served = || -> Result<(), String> {
        let service = Arc::new(Service::new(arguments)?);
        let app = routes(service, arguments);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| format!("the service cannot begin: {e} (io)"))?;
        let stopped = runtime.block_on(serve(app, arguments));
        runtime.shutdown_background();
        stopped
    };
    match served() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bodymap: {message}");
            ExitCode::from(2)
        }
    }
}

/// The models, and who may use them.
struct Service {
    model: Option<PathBuf>,
    setting: String,
    settings: Vec<String>,
    model_id: String,
    jobs: usize,
    idle: Mutex<Vec<Model>>,
    pools: pool::Pools,
    /// One for each request that is read, waits or is parsed.
    places: Arc<Semaphore>,
    /// One for each photo that is parsed.
    turns: Arc<Semaphore>,
}

impl Service {
    fn new(arguments: &Arguments) -> Result<Service, String> {
        let jobs = arguments.jobs as usize;
        let idle =
            (0..jobs).map(|_| files::model(arguments.model.as_deref())).collect::<Result<Vec<_>, _>>()?;
        let card = idle[0].card();
        let setting = card.setting(arguments.setting.as_deref()).map_err(|e| e.to_string())?;
        Ok(Service {
            model: arguments.model.clone(),
            setting: setting.id.clone(),
            settings: card.settings.iter().map(|setting| setting.id.clone()).collect(),
            model_id: card.id.clone(),
            jobs,
            pools: pool::Pools::new(jobs),
            idle: Mutex::new(idle),
            places: Arc::new(Semaphore::new(jobs + limits::MAX_WAITING_REQUESTS)),
            turns: Arc::new(Semaphore::new(jobs)),
        })
    }

    /// Parses a photo and writes the answer.
    fn answer(&self, bytes: &[u8], name: &str, query: &ParseQuery) -> Result<Answer, Failure> {
        let format = match &query.format {
            Some(name) => Format::from_name(name)?,
            None => Format::Json,
        };
        let photo = Photo::decode(bytes)?;
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        // A model whose parse panicked is not put back.
        let mut model = match taken {
            Some(model) => model,
            None => files::model(self.model.as_deref())
                .map_err(|e| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "bad-model", e))?,
        };
        let setting = query.setting.as_deref().unwrap_or(&self.setting);
        let parsing = self.pools.run(|| model.parse(&photo, Some(setting), &mut |_| ()));
        let answer = parsing.and_then(|parsing| {
            let sample = Sample { name, parsing: &parsing, photo: Some(&photo), model: model.card() };
            format.export(&sample, &Options::default())
        });
        idle().push(model);
        Ok(Answer(answer?))
    }
}

#[derive(Deserialize)]
struct ParseQuery {
    setting: Option<String>,
    format: Option<String>,
}

fn routes(service: Arc<Service>, arguments: &Arguments) -> Router {
    let not_allowed = || async {
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "use another method here".into())
    };
    let not_found = || async {
        Failure::new(StatusCode::NOT_FOUND, "not-found", "there is only POST /parse and GET /health".into())
    };
    let router = Router::new()
        .route("/parse", post(parse).fallback(not_allowed))
        .route("/health", get(health).fallback(not_allowed))
        .with_state(service)
        .layer(DefaultBodyLimit::max(limits::MAX_PHOTO_BYTES + limits::MAX_FORM_BYTES));
    let router = match &arguments.site {
        Some(site) => router.fallback_service(ServeDir::new(site)),
        None => router.route("/", get(hint)).fallback(not_found),
    };
    router.layer(map_response(with_headers))
}

async fn parse(
    State(service): State<Arc<Service>>,
    query: Result<Query<ParseQuery>, QueryRejection>,
    request: Request,
) -> Result<Answer, Failure> {
    let bad_option = |message| Failure::new(StatusCode::BAD_REQUEST, "bad-option", message);
    let Query(query) = query.map_err(|e| bad_option(e.body_text()))?;
    if let Some(id) = &query.setting
        && !service.settings.contains(id)
    {
        let settings = service.settings.join(", ");
        return Err(bad_option(format!("the model has no setting {id:?}; it has {settings}")));
    }
    let place = service.places.clone().try_acquire_owned().map_err(|_| busy())?;
    let (bytes, name) = timeout(READ_TIME, photo_of(request)).await.map_err(|_| too_slow())??;
    let turn = service.turns.clone().acquire_owned().await.map_err(|_| busy())?;
    // It runs to its end even if the client goes away, and holds its place till then.
    let answered = tokio::task::spawn_blocking(move || {
        let _held = (place, turn);
        service.answer(&bytes, &name, &query)
    });
    answered.await.unwrap_or_else(|_| {
        let message = "the program failed on this photo; please report it".into();
        Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "inference-failed", message))
    })
}

/// The photo of a request and its file's name.
async fn photo_of(request: Request) -> Result<(Bytes, String), Failure> {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_form = content_type.is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    if !is_form {
        let bytes = Bytes::from_request(request, &()).await.map_err(|e| unread(e.status(), e.body_text()))?;
        return Ok((bytes, NAMELESS.into()));
    }
    let failed = |e: MultipartError| unread(e.status(), e.body_text());
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|e| unread(e.status(), e.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(failed)? {
        if field.name() == Some("image") {
            let name = field.file_name().unwrap_or_default().rsplit(['/', '\\']).next().unwrap_or_default();
            let name = if stem(name).is_ok() { name } else { NAMELESS }.to_owned();
            return Ok((field.bytes().await.map_err(failed)?, name));
        }
    }
    let message = "the form has no field \"image\"; send the photo's file in it".into();
    Err(Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "no-photo", message))
}

/// What a photo without a name is called.
const NAMELESS: &str = "photo.jpg";

async fn health(State(service): State<Arc<Service>>) -> Json<serde_json::Value> {
    let busy = service.jobs - service.turns.available_permits();
    Json(json!({
        "status": "ok",
        "version": env!("CARGO_PKG_VERSION"),
        "model": service.model_id,
        "setting": service.setting,
        "jobs": service.jobs,
        "busy": busy,
    }))
}

async fn hint() -> &'static str {
    "bodymap: body parts and clothes of everyone in a photo.\n\n\
     POST /parse   a photo, as the field \"image\" of a form or as the whole body:\n\
     \x20             curl -F image=@photo.jpg http://localhost:8080/parse\n\
     GET /health   tells that the service is up\n\n\
     The page is served as well by: bodymap serve --site DIR (built by scripts/build DIR).\n"
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in PAGE_HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The file that was asked for.
struct Answer(bodymap::export::File);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let media_type = match self.0.path.rsplit('.').next() {
            Some("png") => "image/png",
            Some("zip") => "application/zip",
            _ => "application/json",
        };
        ([(header::CONTENT_TYPE, media_type)], self.0.bytes).into_response()
    }
}

/// Why there is no answer: a status, a stable code, a sentence.
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: String) -> Failure {
        Failure { status, code, message }
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
        Failure::new(status, error.code().as_str(), error.message().into())
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

fn busy() -> Failure {
    let message = "the service has as many photos as it can take; try again in a moment".into();
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
}

fn too_slow() -> Failure {
    let message = format!("the photo did not come within {} s", READ_TIME.as_secs());
    Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
}

fn unread(status: StatusCode, message: String) -> Failure {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let most = limits::MAX_PHOTO_BYTES >> 20;
        let message = format!("the file is too large; at most {most} MiB are read");
        return Failure::new(status, Code::FileTooLarge.as_str(), message);
    }
    Failure::new(StatusCode::BAD_REQUEST, "bad-request", format!("the request cannot be read: {message}"))
}

/// Answers requests until the program is told to stop.
async fn serve(app: Router, arguments: &Arguments) -> Result<(), String> {
    let Arguments { host, port, .. } = arguments;
    let failed = |e: std::io::Error| format!("{host}:{port} cannot be listened on: {e} (io)");
    let listener = TcpListener::bind((&**host, *port)).await.map_err(failed)?;
    let address: SocketAddr = listener.local_addr().map_err(failed)?;
    println!("http://{address}/  (stop with Ctrl-C)");

    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(READ_TIME);
    let connections = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop());
    loop {
        // More connections wait in the system's queue.
        let accepted = async {
            let place = connections.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => break,
        };
        let Ok((stream, _)) = accepted else {
            // Such as too many open files: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app.clone()));
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no concern of others.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    // Whoever has not got an answer by then gets none.
    let _ = timeout(STOP_TIME, open.shutdown()).await;
    Ok(())
}

/// Ends when the program is told to stop.
async fn stop() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}
