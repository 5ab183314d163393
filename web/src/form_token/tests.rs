//! Where the token may stand, and everything that does not count as it.

use super::*;

const SECRET: &str = "0123456789abcdefghjkmnpqrstvwxyz0123456789abcdefghjk";
const FORM: &str = "application/x-www-form-urlencoded";

/// The body behind the check, or nothing when it was refused. The body comes in pieces of `piece` bytes.
async fn taken(media_type: &str, extra: &[(&str, &str)], body: &str, piece: usize) -> Option<(String, Option<String>)> {
    let pieces: Vec<_> =
        body.as_bytes().chunks(piece.max(1)).map(|piece| Ok::<_, axum::Error>(Bytes::copy_from_slice(piece))).collect();
    let mut request = Request::builder().header(header::CONTENT_TYPE, media_type);
    request = request.header(header::CONTENT_LENGTH, body.len());
    for (name, value) in extra {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from_stream(stream::iter(pieces))).expect("a request");
    let taken = FormToken::of_session(SECRET).take(request).await.ok()?;
    let length = taken.headers().get(header::CONTENT_LENGTH).map(|length| length.to_str().expect("text").to_owned());
    let bytes = axum::body::to_bytes(taken.into_body(), 1 << 20).await.expect("a body");
    Some((String::from_utf8(bytes.to_vec()).expect("text"), length))
}

fn token() -> String {
    FormToken::of_session(SECRET).as_str().to_owned()
}

#[test]
fn another_session_has_another_token_and_neither_is_the_stored_hash() {
    let other = SECRET.replace('0', "1");
    assert_ne!(FormToken::of_session(SECRET), FormToken::of_session(&other));
    assert_ne!(token(), hex::encode(identity::token::hash(SECRET)));
    assert_eq!(token().len(), LENGTH);
    assert_eq!(format!("{:?}", FormToken::of_session(SECRET)), "FormToken(hidden)");
}

#[tokio::test]
async fn the_first_field_counts_and_is_taken_out() {
    let token = token();
    for piece in [1, 7, 80, 10_000] {
        let (left, length) = taken(FORM, &[], &format!("form_token={token}&a=1&b=2"), piece).await.expect("passes");
        assert_eq!((left.as_str(), length.as_deref()), ("a=1&b=2", Some("7")), "{piece}");
        let (left, length) = taken(FORM, &[], &format!("form_token={token}"), piece).await.expect("passes");
        assert_eq!((left.as_str(), length.as_deref()), ("", Some("0")), "{piece}");
    }
}

#[tokio::test]
async fn everything_else_is_refused() {
    let token = token();
    let wrong = FormToken::of_session("x").as_str().to_owned();
    for body in [
        String::new(),
        "a=1".to_owned(),
        "form_token=".to_owned(),
        format!("form_token={wrong}&a=1"),
        format!("form_token={}&a=1", &token[1..]),
        format!("form_token={token}x&a=1"),
        format!("a=1&form_token={token}"),
        format!("form_tokens={token}"),
        format!("Form_Token={token}"),
    ] {
        assert!(taken(FORM, &[], &body, 9).await.is_none(), "{body}");
    }
    let good = format!("form_token={token}&a=1");
    assert!(taken("text/plain", &[], &good, 9).await.is_none(), "a media type that forms of other sites can send");
    assert!(taken("application/json", &[], "{}", 9).await.is_none());
}

#[tokio::test]
async fn a_header_counts_for_scripts_and_a_wrong_one_is_not_made_good_by_the_field() {
    let token = token();
    let header = [(HEADER, token.as_str())];
    assert_eq!(taken("application/json", &header, "{}", 9).await.map(|(body, _)| body), Some("{}".to_owned()));
    let good = format!("form_token={token}&a=1");
    assert!(taken(FORM, &[(HEADER, "nonsense")], &good, 9).await.is_none());
    let twice = [(HEADER, token.as_str()), (HEADER, token.as_str())];
    assert!(taken("application/json", &twice, "{}", 9).await.is_none(), "two headers are none");
}

#[tokio::test]
async fn an_upload_carries_it_as_its_first_part() {
    let part = |value: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{value}\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello\r\n--b--\r\n"
        )
    };
    let media_type = "multipart/form-data; boundary=b";
    let good = part(&token());
    for piece in [1, 50, 10_000] {
        assert_eq!(taken(media_type, &[], &good, piece).await.map(|(body, _)| body), Some(good.clone()), "{piece}");
    }
    for bad in [part("nonsense"), part(""), part(FormToken::of_session("x").as_str()), String::new()] {
        assert!(taken(media_type, &[], &bad, 50).await.is_none(), "{bad}");
    }
    let late = format!("{}{good}", "x".repeat(MULTIPART_HEAD_BYTES));
    assert!(taken(media_type, &[], &late, 50).await.is_none(), "beyond the start nothing is read");
}

#[test]
fn the_field_is_hidden_and_absent_without_a_session() {
    let token = FormToken::of_session(SECRET);
    let field = FormField(Some(&token)).to_string();
    assert_eq!(field, format!("<input type=\"hidden\" name=\"form_token\" value=\"{}\">", token.as_str()));
    assert_eq!(FormField(None).to_string(), "");
}
