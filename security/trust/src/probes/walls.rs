//! S91: the walls between organizations stand in the database itself. Every statement is read and prepared again on the running engine, and the
//! engine is asked whether what keeps organizations apart is switched on.

use std::future::Future;

use storage::{Database, registry};

use crate::finding::Finding;
use crate::probe::{Look, Probe, ProbeContext};

/// How the walls are looked at: by storage, or in a test by something that sees one down.
pub trait Inspection: Send + Sync {
    /// Statements that do not carry their organization, or that the engine does not take; one a line.
    fn statements(&self, database: &Database) -> impl Future<Output = Result<(), String>> + Send;
    /// What the engine itself does not enforce.
    fn engine(&self, database: &Database) -> impl Future<Output = Result<(), String>> + Send;
}

/// Storage itself.
pub struct Inspected;

impl Inspection for Inspected {
    async fn statements(&self, database: &Database) -> Result<(), String> {
        registry::check(database.schema(), database).await.map_err(|error| error.to_string())
    }

    async fn engine(&self, database: &Database) -> Result<(), String> {
        database.check_walls().await.map_err(|error| error.to_string())
    }
}

/// The probe.
pub struct Walls<I>(pub I);

impl<I: Inspection> Probe for Walls<I> {
    fn name(&self) -> &'static str {
        "walls"
    }

    fn look<'a>(&'a self, context: &'a ProbeContext) -> Look<'a> {
        Box::pin(async move {
            let database = &context.platform.database;
            let mut faults = Vec::new();
            if let Err(why) = self.0.statements(database).await {
                faults.extend(why.lines().map(str::to_owned));
            }
            if let Err(why) = self.0.engine(database).await {
                faults.push(why);
            }
            let schema = database.schema();
            let owned = schema.tables.iter().filter(|table| table.is_organizations()).count();
            let holds = format!(
                "Read and prepared all {} statements on the running database; each that names one of the {owned} tables of organizations is bound to one organization.",
                schema.statements.len()
            );
            Finding::from_faults(&faults, holds)
                .with("Statements", schema.statements.len())
                .with("Tables of organizations", owned)
        })
    }
}

#[cfg(test)]
mod tests {
    use storage::testing::databases;
    use storage::{Database, Schema, Statement, Table};

    use super::{Inspected, Inspection, Walls};
    use crate::finding::State;
    use crate::probe::Probe;
    use crate::probes::testing::context;

    static CARELESS: Statement =
        Statement::organization("probe.careless", "select id from consent where conversation_id = $2 or $1 is null");

    /// A wall that is down.
    struct Down;

    impl Inspection for Down {
        async fn statements(&self, database: &Database) -> Result<(), String> {
            Inspected.statements(database).await
        }

        async fn engine(&self, _: &Database) -> Result<(), String> {
            Err("row-level security is not forced on consent".to_owned())
        }
    }

    #[tokio::test]
    async fn our_own_statements_hold_on_every_engine() {
        let tables: Vec<&'static Table> = crate::TABLES.iter().chain(compliance::TABLES).copied().collect();
        let schema = identity::testing::schema(&Schema { tables, statements: crate::STATEMENTS.to_vec() });
        for test in databases(schema).await {
            let (mut context, _kept) = context().await;
            context.platform.database = test.database.clone();
            let finding = Walls(Inspected).look(&context).await;
            assert_eq!(finding.state, State::Holds, "{}: {finding:?}", test.name);
        }
    }

    #[tokio::test]
    async fn a_statement_without_its_organization_turns_it_red() {
        let schema = Schema { tables: compliance::TABLES.to_vec(), statements: vec![&CARELESS] };
        for test in databases(schema).await {
            let (mut context, _kept) = context().await;
            context.platform.database = test.database.clone();
            let finding = Walls(Inspected).look(&context).await;
            assert_eq!(finding.state, State::Broken, "{}: {finding:?}", test.name);
            assert!(finding.evidence.contains("careless"), "{finding:?}");
        }
    }

    #[tokio::test]
    async fn a_wall_that_is_down_turns_it_red() {
        let (context, _kept) = context().await;
        let finding = Walls(Down).look(&context).await;
        assert_eq!(finding.state, State::Broken, "{finding:?}");
    }
}
