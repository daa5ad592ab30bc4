//! The service's three requests.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use snowmelt::{CatchUpToError, PositionToken};

use crate::database::User;
use crate::users::{PutError, Users};

/// Where a write stands in the stream. Whoever hands it on with a read is
/// answered with data that is at least as new.
const POSITION: &str = "snowmelt-position";
/// `hit` or `load`, for the curious.
const CACHE: &str = "snowmelt-cache";

pub(crate) fn router(users: Users) -> Router {
    Router::new()
        .route("/users/{id}", get(get_user).put(put_user))
        .route("/stats", get(stats))
        .with_state(users)
}

async fn get_user(
    State(users): State<Users>,
    Path(id): Path<i64>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if let Some(position) = position(&headers)? {
        users.reach(&position).await.map_err(|error| unreached(&error))?;
    }
    let found = users.get(id).await.map_err(|error| refusal(StatusCode::INTERNAL_SERVER_ERROR, &error))?;
    let cache = [(CACHE, if found.hit { "hit" } else { "load" })];
    Ok(match found.user {
        Some(user) => {
            (cache, Json(json!({ "id": id, "name": user.name, "email": user.email }))).into_response()
        }
        None => (cache, refusal(StatusCode::NOT_FOUND, &"there is no such user")).into_response(),
    })
}

async fn put_user(
    State(users): State<Users>,
    Path(id): Path<i64>,
    Json(user): Json<User>,
) -> Result<Response, Refusal> {
    match users.put(id, user).await {
        Ok(position) => Ok((StatusCode::NO_CONTENT, [(POSITION, position.to_string())]).into_response()),
        Err(PutError::NotSaved(error)) => Err(refusal(StatusCode::INTERNAL_SERVER_ERROR, &error)),
        Err(PutError::NotAnnounced(error)) => {
            let told = format!("saved, but other instances may serve the old value for a while: {error}");
            Err(refusal(StatusCode::SERVICE_UNAVAILABLE, &told))
        }
    }
}

async fn stats(State(users): State<Users>) -> Response {
    let stats = users.stats();
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let told = json!({
        "entries": stats.entries,
        "hits": stats.hits,
        "misses": stats.misses,
        "loads": stats.loads,
        "fenced": stats.fenced,
        "invalidated": stats.invalidated_by_key,
        "records": stats.records,
        "catch_ups": stats.catch_ups_succeeded,
        "catch_ups_missed": stats.catch_ups_failed + stats.catch_ups_throttled,
        "gaps": stats.gaps,
        "lag_ms": stats.lag.map(millis),
        "saved_ms": millis(stats.time_saved),
        "spent_ms": millis(stats.time_spent),
        "calls": stats.calls(),
    });
    Json(told).into_response()
}

type Refusal = (StatusCode, Json<serde_json::Value>);

fn refusal(status: StatusCode, why: &dyn std::fmt::Display) -> Refusal {
    (status, Json(json!({ "error": why.to_string() })))
}

fn position(headers: &HeaderMap) -> Result<Option<PositionToken>, Refusal> {
    let Some(header) = headers.get(POSITION) else { return Ok(None) };
    let text = header.to_str().map_err(|error| refusal(StatusCode::BAD_REQUEST, &error))?;
    text.parse().map(Some).map_err(|error: snowmelt::InputError| refusal(StatusCode::BAD_REQUEST, &error))
}

fn unreached(error: &CatchUpToError) -> Refusal {
    let status = match error {
        CatchUpToError::Input(_) => StatusCode::BAD_REQUEST,
        _ => StatusCode::GATEWAY_TIMEOUT,
    };
    refusal(status, error)
}
