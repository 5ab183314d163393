//! A server with holes on purpose, so that the silence of the programs means something: SQL put together from texts, a page that
//! says back what it was told, and an answer that its own description does not know.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

type Questions = Query<HashMap<String, String>>;
type Database = Arc<Mutex<rusqlite::Connection>>;

/// Serves until the test ends; gives its address.
pub async fn start() -> String {
    let database = rusqlite::Connection::open_in_memory().expect("a database in memory");
    let made = "create table item (id integer, name text); insert into item values (1, 'apple'), (2, 'pear');";
    database.execute_batch(made).expect("a table");
    let router = Router::new()
        .route("/", get(async || Html("<html><body><a href=\"/search?words=apple\">search</a></body></html>")))
        .route("/search", get(search))
        .route("/items", get(items))
        .route("/openapi.json", get(async || Json(description())))
        .with_state(Arc::new(Mutex::new(database)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Says that `/items` wants a number and answers 200 with JSON, which is not so.
fn description() -> serde_json::Value {
    let answer = json!({"description": "rows", "content": {"application/json": {"schema": {"type": "object"}}}});
    let parameter = json!({"name": "id", "in": "query", "required": true, "schema": {"type": "integer"}});
    let operation = json!({"parameters": [parameter], "responses": {"200": answer}});
    json!({"openapi": "3.1.0", "info": {"title": "weak", "version": "1"}, "paths": {"/items": {"get": operation}}})
}

async fn search(Query(asked): Questions) -> Html<String> {
    let words = asked.get("words").cloned().unwrap_or_default();
    Html(format!("<html><body>nothing is called {words}</body></html>"))
}

async fn items(State(database): State<Database>, Query(asked): Questions) -> Response {
    let id = asked.get("id").cloned().unwrap_or_default();
    let database = database.lock().expect("nobody panics while holding it");
    let rows = database.prepare(&format!("select name from item where id = {id}")).and_then(|mut statement| {
        statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<String>, _>>()
    });
    match rows {
        Ok(rows) => Json(json!({"rows": rows})).into_response(),
        Err(error) => (http::StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
