//! The engine of many nodes: values and errors of PostgreSQL in the terms of the door. `postgres/driver.rs` holds the connections.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tokio_postgres::config::{Config, Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres_rustls::MakeRustlsConnect;
use uuid::Uuid;

use crate::database::{OldestTls, PostgresLink};
use crate::error::{Error, Result};
use crate::operation::Operation;
use crate::row::Row;
use crate::value::Value;

pub(crate) mod driver;
#[cfg(test)]
mod secured;

type EngineResult<T> = std::result::Result<T, Box<dyn StdError + Sync + Send>>;

fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::UNKNOWN)
}

/// Why the value cannot be an argument of this type, if it cannot.
fn misfit(value: &Value, kind: &Type) -> Option<&'static str> {
    let (fits, problem) = match value {
        Value::Null => (true, ""),
        Value::Integer(integer) => match *kind {
            Type::INT4 => (i32::try_from(*integer).is_ok(), "is too large: cast its place to bigint"),
            Type::INT2 => (i16::try_from(*integer).is_ok(), "is too large: cast its place to bigint"),
            _ => (*kind == Type::INT8, "is an integer, but its place is of another type"),
        },
        Value::Text(_) => (is_text(kind), "is text, but its place is of another type"),
        Value::Bytes(_) => (*kind == Type::BYTEA, "is bytes, but its place is of another type"),
        Value::Boolean(_) => (*kind == Type::BOOL, "is a boolean, but its place is of another type"),
        Value::Uuid(_) => (*kind == Type::UUID, "is a uuid, but its place is of another type"),
    };
    (!fits).then_some(problem)
}

impl ToSql for Value {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> EngineResult<IsNull> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(integer) => match *kind {
                Type::INT4 => i32::try_from(*integer)?.to_sql(kind, out),
                Type::INT2 => i16::try_from(*integer)?.to_sql(kind, out),
                _ => integer.to_sql(kind, out),
            },
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
            Self::Boolean(boolean) => boolean.to_sql(kind, out),
            Self::Uuid(uuid) => uuid.to_sql(kind, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        // Whether this very value fits was asked of `misfit` before.
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A field as read; only types that [`readable`] knows get here.
struct Field(Value);

impl<'a> FromSql<'a> for Field {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> EngineResult<Self> {
        Ok(Self(match *kind {
            Type::BOOL => Value::Boolean(bool::from_sql(kind, raw)?),
            Type::INT8 => Value::Integer(i64::from_sql(kind, raw)?),
            Type::INT4 => Value::Integer(i32::from_sql(kind, raw)?.into()),
            Type::INT2 => Value::Integer(i16::from_sql(kind, raw)?.into()),
            Type::BYTEA => Value::Bytes(raw.to_vec()),
            Type::UUID => Value::Uuid(Uuid::from_sql(kind, raw)?),
            _ => Value::Text(String::from_sql(kind, raw)?),
        }))
    }

    fn from_sql_null(_: &Type) -> EngineResult<Self> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

/// Is a result of this type among the types of the door?
fn readable(kind: &Type) -> bool {
    matches!(*kind, Type::BOOL | Type::INT8 | Type::INT4 | Type::INT2 | Type::BYTEA | Type::UUID) || is_text(kind)
}

/// Refuses statements whose arguments or results have types outside the common five.
fn check_types(name: &'static str, statement: &tokio_postgres::Statement) -> Result<()> {
    let known = |kind: &Type| readable(kind);
    if let Some(kind) = statement.params().iter().find(|kind| !known(kind)) {
        return Err(Error::Engine { statement: name, problem: format!("takes an argument of type {kind}") });
    }
    check_columns(name, statement)
}

fn check_columns(name: &'static str, statement: &tokio_postgres::Statement) -> Result<()> {
    match statement.columns().iter().find(|column| !readable(column.type_())) {
        Some(column) => {
            let problem = format!("gives {} of type {}; cast it (sums: to bigint)", column.name(), column.type_());
            Err(Error::Engine { statement: name, problem })
        }
        None => Ok(()),
    }
}

/// Counts the arguments and holds their types to the statement, before anything is sent.
fn check_arguments(operation: &Operation, statement: &tokio_postgres::Statement) -> Result<()> {
    operation.check_arguments()?;
    let (given, expected) = (operation.arguments.len(), statement.params().len());
    if given != expected {
        return Err(Error::Arguments { statement: operation.name, given, expected });
    }
    for (index, (value, kind)) in operation.arguments.iter().zip(statement.params()).enumerate() {
        if let Some(problem) = misfit(value, kind) {
            return Err(Error::Argument { statement: operation.name, position: index + 1, problem });
        }
    }
    check_columns(operation.name, statement)
}

fn read_rows(name: &'static str, rows: &[tokio_postgres::Row]) -> Result<Vec<Row>> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns: Arc<[Box<str>]> = first.columns().iter().map(|column| Box::from(column.name())).collect();
    let field = |row: &tokio_postgres::Row, index: usize| {
        let field = row.try_get::<_, Field>(index);
        field.map(|field| field.0).map_err(|_| Error::Engine {
            statement: name,
            problem: format!("column {index} of the result cannot be read"),
        })
    };
    let read = |row| {
        let values = (0..columns.len()).map(|index| field(row, index)).collect::<Result<_>>()?;
        Ok(Row::new(columns.clone(), values))
    };
    rows.iter().map(read).collect()
}

/// What to do about a server that knows only versions of TLS that are not spoken to it.
const OLDER_TLS: &str = "PostgreSQL does not speak TLS 1.3, and nothing older is spoken to it: let it (PostgreSQL 12 or newer with \
     OpenSSL 1.1.1 or newer; look at its `ssl_max_protocol_version`), or allow TLS 1.2 with `database_tls_minimum = \"1.2\"`";

/// Did the handshake fail because the two have no version of TLS in common?
fn speaks_only_older_tls(error: &tokio_postgres::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        // An `io::Error` leaves out what it wraps when it is asked for its source.
        let cause = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(wrapped) => wrapped as &(dyn StdError + 'static),
            None => cause,
        };
        match cause.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::AlertReceived(alert)) => return *alert == AlertDescription::ProtocolVersion,
            Some(rustls::Error::PeerIncompatible(_)) => return true,
            _ => next = cause.source(),
        }
    }
    false
}

/// An engine's error in the terms of the door. PostgreSQL's texts about data (classes 22 and 23) may hold values and are left out.
fn from_engine(name: &'static str, labels: &HashMap<String, String>, error: &tokio_postgres::Error) -> Error {
    let Some(refusal) = error.as_db_error() else {
        if speaks_only_older_tls(error) {
            return Error::Configuration(OLDER_TLS.to_owned());
        }
        let source = error.source().map_or_else(|| "the connection ended".to_owned(), ToString::to_string);
        return Error::Closed(source);
    };
    let code = refusal.code();
    let constraint = || {
        let constraint = refusal.constraint().unwrap_or("a unique index");
        labels.get(constraint).cloned().unwrap_or_else(|| constraint.to_owned())
    };
    let rule = || refusal.constraint().or_else(|| refusal.column()).unwrap_or(code.code()).to_owned();
    match *code {
        SqlState::UNIQUE_VIOLATION => Error::Conflict { constraint: constraint() },
        SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => Error::Reference,
        SqlState::CHECK_VIOLATION | SqlState::NOT_NULL_VIOLATION => Error::Constraint { statement: name, rule: rule() },
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::TOO_MANY_CONNECTIONS => Error::Busy,
        SqlState::IN_FAILED_SQL_TRANSACTION => Error::Aborted,
        SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
            Error::Closed(format!("PostgreSQL error {}", code.code()))
        }
        _ if code.code().starts_with("22") || code.code().starts_with("23") => {
            Error::Engine { statement: name, problem: format!("PostgreSQL error {}", code.code()) }
        }
        _ => Error::Engine {
            statement: name,
            problem: format!("PostgreSQL error {}: {}", code.code(), refusal.message()),
        },
    }
}

/// Reads an address. `sslmode=verify-full`, as other programs spell it, is what TLS means here anyway.
fn read_address(url: &str) -> Result<Config> {
    let spelled = url.replace("sslmode=verify-full", "sslmode=require");
    spelled.parse().map_err(|_| Error::Configuration("the address of PostgreSQL cannot be read".to_owned()))
}

/// Is every server of this address on this machine?
fn is_this_machine(config: &Config) -> bool {
    let local = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(local) && config.get_hostaddrs().iter().all(std::net::IpAddr::is_loopback)
}

/// Holds the address to what protects it: nothing leaves this machine in clear unless the operator says so, and with TLS there
/// is no way back to clear text, and always a name to check.
fn check_link(config: &mut Config, link: &PostgresLink) -> Result<()> {
    let refuse = |why: &str| Err(Error::Configuration(why.to_owned()));
    match link {
        PostgresLink::Verified { .. } => {
            let has_names = config.get_hosts().iter().all(|host| matches!(host, Host::Tcp(_)));
            if config.get_ssl_mode() == SslMode::Disable || !has_names || config.get_hosts().is_empty() {
                return refuse("TLS to PostgreSQL needs a host name to check: no unix socket, no `sslmode=disable`");
            }
            config.ssl_mode(SslMode::Require);
        }
        _ if config.get_ssl_mode() == SslMode::Require => {
            return refuse("TLS to PostgreSQL needs the authority that signed its certificate: `database_ca_file`");
        }
        PostgresLink::ThisMachine if !is_this_machine(config) => {
            return refuse(
                "PostgreSQL on another machine is spoken to over TLS only: name the authority that signed its certificate \
                 (`database_ca_file`), or say `database_in_clear = true` for a network that is encrypted itself",
            );
        }
        PostgresLink::ThisMachine | PostgresLink::InClear => {
            config.ssl_mode(SslMode::Disable);
        }
    }
    Ok(())
}

/// The versions of TLS that are offered, the newest first.
fn versions(oldest: OldestTls) -> Vec<&'static SupportedProtocolVersion> {
    match oldest {
        OldestTls::Tls13 => vec![&TLS13],
        OldestTls::Tls12 => vec![&TLS13, &TLS12],
    }
}

/// TLS towards PostgreSQL: nothing older than said, and a certificate that one of the authorities signed for the host's name.
fn connector(authorities: &[u8], oldest: OldestTls) -> Result<MakeRustlsConnect> {
    let refuse = |why: &str| Error::Configuration(why.to_owned());
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authorities) {
        let authority = authority.map_err(|_| refuse("`database_ca_file` is not in PEM form"))?;
        roots.add(authority).map_err(|_| refuse("`database_ca_file` holds a certificate that cannot be read"))?;
    }
    if roots.is_empty() {
        return Err(refuse("`database_ca_file` holds no certificate in PEM form"));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&versions(oldest))
        .map_err(|_| refuse("the provider has no suites for TLS"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCAL: [&str; 4] = [
        "postgres://app@localhost/x",
        "postgres://app@127.0.0.9:5433/x",
        "postgres://app@[::1]/x",
        "postgres://app@%2Frun%2Fpostgresql/x",
    ];
    const REMOTE: [&str; 4] = [
        "postgres://app:secret@database.example/x",
        "postgres://app:secret@192.0.2.1/x?sslmode=prefer",
        "postgres://app@localhost,10.0.0.1/x",
        "postgres://app@localhost/x?hostaddr=10.0.0.1",
    ];

    fn checked(url: &str, link: &PostgresLink) -> Result<SslMode> {
        let mut config = read_address(url)?;
        check_link(&mut config, link)?;
        Ok(config.get_ssl_mode())
    }

    #[test]
    fn only_this_machine_is_reached_without_tls() {
        for url in LOCAL {
            assert_eq!(checked(url, &PostgresLink::ThisMachine).expect(url), SslMode::Disable, "{url}");
        }
        for url in REMOTE {
            let refused = checked(url, &PostgresLink::ThisMachine).expect_err(url).to_string();
            assert!(refused.contains("database_ca_file") && !refused.contains("secret"), "{refused}");
            assert_eq!(checked(url, &PostgresLink::InClear).expect(url), SslMode::Disable, "said by the operator");
        }
    }

    #[test]
    fn with_an_authority_there_is_no_way_back_to_clear_text() {
        let verified = PostgresLink::Verified { authorities: Vec::new(), oldest: OldestTls::default() };
        for url in REMOTE.iter().chain(&LOCAL[..3]).chain(&["postgres://app@database.example/x?sslmode=verify-full"]) {
            assert_eq!(checked(url, &verified).expect(url), SslMode::Require, "{url}");
        }
        for url in [LOCAL[3], "postgres://app@database.example/x?sslmode=disable", "postgres:///x?hostaddr=10.0.0.1"] {
            assert!(checked(url, &verified).is_err(), "{url}");
        }
    }

    #[test]
    fn tls_that_is_asked_for_without_an_authority_is_refused() {
        for link in [PostgresLink::ThisMachine, PostgresLink::InClear] {
            for mode in ["require", "verify-full"] {
                let refused = checked(&format!("postgres://app@localhost/x?sslmode={mode}"), &link).expect_err(mode);
                assert!(refused.to_string().contains("database_ca_file"), "{refused}");
            }
        }
    }

    #[test]
    fn an_authority_must_be_one() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let refused = connector(text.as_bytes(), OldestTls::default()).err().expect("refused").to_string();
            assert!(refused.contains("database_ca_file"), "{refused}");
        }
    }

    #[test]
    fn integers_must_fit_their_place() {
        assert!(misfit(&Value::Integer(i64::MAX), &Type::INT8).is_none());
        assert!(misfit(&Value::Integer(i64::from(i32::MAX)), &Type::INT4).is_none());
        assert!(misfit(&Value::Integer(i64::from(i32::MAX) + 1), &Type::INT4).is_some());
        assert!(misfit(&Value::Integer(-32_769), &Type::INT2).is_some());
        assert!(misfit(&Value::Boolean(true), &Type::INT8).is_some());
        assert!(misfit(&Value::Null, &Type::UUID).is_none());
    }
}
