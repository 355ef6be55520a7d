//! `bodymap serve`: the service over HTTP, and the page if there is one.

mod answer;
mod body;
mod listen;
mod origins;
mod parameters;
mod request;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use bodymap::export::{Format, Options, Sample};
use bodymap::{Code, Model, ParseOptions, Photo, Stop, limits};
use clap::Args;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower_http::services::ServeDir;

use self::answer::{Answer, Failure};
use self::request::{ParseQuery, Upload};
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
/// Scripts of other sites cannot read the answers unless `--allow-origin` names their site.
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
    /// Site whose scripts may read the answers, such as https://example.org; * for every site.
    /// Can be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origins::origin)]
    allow_origin: Vec<HeaderValue>,
    /// Folder of the built page (scripts/build DIR); without it only the service is there.
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,
}

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
        let stopped = runtime.block_on(listen::listen(app, &arguments.host, arguments.port));
        runtime.shutdown_background();
        stopped
    };
    match served() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "bodymap: {message}");
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
    fn answer(&self, upload: Upload, setting: &str, format: Format, stop: Stop) -> Result<Answer, Failure> {
        let Upload { bytes, name } = upload;
        let photo = Photo::decode(&bytes).map_err(|error| {
            if error.code() == Code::UnsupportedFormat && is_text(&bytes) {
                let message = "the request has text in place of a photo; send the file's bytes as they are, \
                               as the field \"image\" of a form (multipart/form-data) or as the whole body";
                return Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error.code().as_str(), message);
            }
            error.into()
        })?;
        drop(bytes);
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        // A model whose parse panicked is not put back.
        let mut model = match taken {
            Some(model) => model,
            None => files::model(self.model.as_deref())
                .map_err(|e| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "bad-model", e))?,
        };
        let options = ParseOptions::default().with_setting(setting).with_stop(stop);
        let parsing = self.pools.run(|| model.parse(&photo, &options, &mut |_| ()));
        let answer = parsing.and_then(|parsing| {
            let sample = Sample { name: &name, parsing: &parsing, photo: Some(&photo), model: model.card() };
            format.export(&sample, &Options::default())
        });
        idle().push(model);
        Ok(Answer(answer?, format.media_type()))
    }
}

/// How a photo begins as base64 of a JPEG, PNG or WebP, as a data URL, in JSON and in forms of other kinds.
const TEXTS: [&[u8]; 8] = [b"/9j/", b"iVBORw0KGgo", b"UklGR", b"data:", b"{", b"[", b"image=", b"--"];

/// Whether a photo was sent as text.
fn is_text(bytes: &[u8]) -> bool {
    TEXTS.iter().any(|text| bytes.trim_ascii_start().starts_with(text))
}

fn routes(service: Arc<Service>, arguments: &Arguments) -> Router {
    let not_allowed = || async {
        Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "use another method here")
    };
    let not_found = || async {
        Failure::new(StatusCode::NOT_FOUND, "not-found", "the service is at POST /parse and GET /health")
    };
    let router = Router::new()
        .route("/parse", post(parse).fallback(not_allowed))
        .route("/health", get(health).fallback(not_allowed))
        .with_state(service);
    let router = match &arguments.site {
        Some(site) => {
            let site = ServeDir::new(site).not_found_service(any(not_found));
            router.fallback_service(site.call_fallback_on_method_not_allowed(true))
        }
        None => router.route("/", get(hint)).fallback(not_found),
    };
    let router = router.layer(from_fn(body::read_to_end)).layer(from_fn(with_methods));
    let router = match origins::layer(&arguments.allow_origin) {
        Some(layer) => router.layer(layer),
        None => router,
    };
    router.layer(map_response(with_headers))
}

/// Tells which methods there are to those who ask or take a wrong one.
async fn with_methods(request: Request, next: Next) -> Response {
    let methods = if request.uri().path() == "/parse" { "POST, OPTIONS" } else { "GET, HEAD, OPTIONS" };
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    if matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::METHOD_NOT_ALLOWED) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    }
    response
}

async fn parse(
    State(service): State<Arc<Service>>,
    query: Result<Query<ParseQuery>, QueryRejection>,
    request: Request,
) -> Result<Answer, Failure> {
    let bad_option = |message| Failure::new(StatusCode::BAD_REQUEST, Code::BadOption.as_str(), message);
    let Query(query) = query.map_err(|e| bad_option(e.body_text()))?;
    let setting = query.setting.unwrap_or_else(|| service.setting.clone());
    if !service.settings.contains(&setting) {
        let settings = service.settings.join(", ");
        return Err(bad_option(format!("the model has no setting {setting:?}; it has {settings}")));
    }
    let format = query.format.as_deref().map_or(Ok(Format::Json), Format::from_name)?;
    let place = service.places.clone().try_acquire_owned().map_err(|_| busy())?;
    let upload = timeout(listen::READ_TIME, Upload::read(request)).await.map_err(|_| too_slow())??;
    let turn = service.turns.clone().acquire_owned().await.map_err(|_| busy())?;
    // Dropped with this request, that is, when its connection breaks: then the work stops, and its place is free.
    let (wanted, stop) = Wanted::new();
    let answered = tokio::task::spawn_blocking(move || {
        let _held = (place, turn);
        service.answer(upload, &setting, format, stop)
    });
    let answer = answered.await;
    drop(wanted);
    answer.unwrap_or_else(|_| {
        let message = "the program failed on this photo; please report it";
        Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "inference-failed", message))
    })
}

/// An answer that somebody waits for.
struct Wanted(Arc<AtomicBool>);

impl Wanted {
    /// With it the signal that comes when nobody waits any longer.
    fn new() -> (Wanted, Stop) {
        let left = Arc::new(AtomicBool::new(false));
        let wanted = Wanted(left.clone());
        (wanted, Stop::when(move || left.load(Ordering::Relaxed)))
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

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

fn busy() -> Failure {
    let message = "the service has as many photos as it can take; try again in a moment";
    Failure::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
}

fn too_slow() -> Failure {
    let message = format!("the photo did not come within {} s", listen::READ_TIME.as_secs());
    Failure::new(StatusCode::REQUEST_TIMEOUT, "timeout", message)
}
