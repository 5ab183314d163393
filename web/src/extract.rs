//! Readers of requests whose refusals are problems: [`Json`], [`Query`], [`Path`], [`Form`].

use std::fmt::Formatter;
use std::marker::PhantomData;

use axum::extract::rejection::{BytesRejection, FormRejection, JsonRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::problem::{FieldError, Problem};
use crate::routes::BodyLimit;

/// A JSON body, in and out. Types that come in deny unknown fields.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

/// The query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

/// The variable pieces of the path. One that cannot be read names nothing, so the answer is 404.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

/// A form as browsers send it (`application/x-www-form-urlencoded`).
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limit = BodyLimit::of(request.extensions());
        match <axum::Json<Object<T>> as FromRequest<S>>::from_request(request, state).await {
            Ok(axum::Json(Object(value))) => Ok(Self(value)),
            Err(JsonRejection::JsonDataError(error)) => Err(Problem::unprocessable(
                "The body does not have the expected shape.",
                vec![field_error(&error.body_text())],
            )),
            Err(JsonRejection::JsonSyntaxError(_)) => Err(Problem::bad_request("The body is not valid JSON.")),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::unsupported_media_type("application/json")),
            Err(JsonRejection::BytesRejection(error)) => Err(unread(&error, limit)),
            Err(other) => Err(Problem::from_status(other.status())),
        }
    }
}

/// A JSON object and nothing else. Left to itself, serde also takes a list whose items stand for the fields in their order,
/// and an empty list for a type whose fields may all be missing.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = T;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members))
            }
        }

        deserializer.deserialize_map(Members(PhantomData)).map(Object)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Problem;

    /// A body may be missing altogether; one that is there must be right.
    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Problem> {
        let empty = request.headers().get(header::CONTENT_LENGTH).is_none_or(|length| length == "0")
            && !request.headers().contains_key(header::TRANSFER_ENCODING);
        if empty && !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Query::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(QueryRejection::FailedToDeserializeQueryString(error)) => {
                Err(Problem::unprocessable("The query cannot be accepted.", vec![field_error(&error.body_text())]))
            }
            Err(other) => Err(Problem::from_status(other.status())),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Problem::not_found()),
        }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let limit = BodyLimit::of(request.extensions());
        match axum::Form::from_request(request, state).await {
            Ok(axum::Form(value)) => Ok(Self(value)),
            Err(FormRejection::InvalidFormContentType(_)) => {
                Err(Problem::unsupported_media_type("application/x-www-form-urlencoded"))
            }
            Err(FormRejection::FailedToDeserializeFormBody(error)) => {
                Err(Problem::unprocessable("The form cannot be accepted.", vec![field_error(&error.body_text())]))
            }
            Err(FormRejection::BytesRejection(error)) => Err(unread(&error, limit)),
            Err(other) => Err(Problem::from_status(other.status())),
        }
    }
}

/// A body that could not be read to its end.
fn unread(error: &BytesRejection, limit: usize) -> Problem {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(limit),
        // The listener cuts a body that takes too long; axum cannot tell that from a lost connection.
        _ => Problem::request_timeout(),
    }
}

/// axum writes "Failed to …: path.to.field: what is wrong"; the path becomes the field.
fn field_error(text: &str) -> FieldError {
    let text = text.split_once(": ").map_or(text, |(_, rest)| rest);
    match text.split_once(": ") {
        Some((field, detail)) if !field.contains(' ') && field.len() <= 100 => FieldError::new(field, detail),
        _ => FieldError::new("", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is read")]
    struct Shape {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is read")]
    struct Inner {
        count: u8,
    }

    async fn read(media_type: &str, body: &str) -> Result<Json<Shape>, Problem> {
        let request = Request::builder().header(header::CONTENT_TYPE, media_type).body(Body::from(body.to_owned()));
        <Json<Shape> as FromRequest<()>>::from_request(request.expect("a request"), &()).await
    }

    #[tokio::test]
    async fn bodies_are_refused_with_what_is_wrong() {
        assert!(read("application/json", r#"{"name":"a"}"#).await.is_ok());
        let refusal = |body: &'static str| async move { read("application/json", body).await.expect_err("refused") };
        assert_eq!(refusal("{").await.status(), 400);
        assert_eq!(refusal("").await.status(), 400);
        let unknown = refusal(r#"{"name":"a","role":"owner"}"#).await;
        assert_eq!(unknown.status(), 422);
        assert!(unknown.words().contains("unknown field `role`"), "{}", unknown.words());
        let nested = refusal(r#"{"name":"a","inner":{"count":256}}"#).await;
        assert_eq!(nested.errors()[0].field, "inner.count");
        assert_eq!(refusal(r#"{"name":"a","name":"b"}"#).await.status(), 422);
        let list = refusal(r#"["a"]"#).await;
        assert_eq!(list.status(), 422);
        assert!(list.words().contains("expected a JSON object"), "{}", list.words());
        assert_eq!(read("text/plain", "{}").await.expect_err("refused").status(), 415);
        let deep = format!(r#"{{"name":{}"#, "[".repeat(100_000));
        assert_eq!(read("application/json", &deep).await.expect_err("refused").status().as_u16() / 100, 4);
    }

    #[test]
    fn a_field_is_told_apart_from_a_sentence() {
        assert_eq!(field_error("Failed to deserialize: limit: too big"), FieldError::new("limit", "too big"));
        assert_eq!(field_error("Failed to deserialize: missing field `a`"), FieldError::new("", "missing field `a`"));
    }
}
