//! What the reader of statements lets through and what it refuses, case by case.

use super::*;
use crate::table::{Column, Erasure, Owner, Retention, Table};

const PLAIN: Table = Table {
    name: "contact",
    owner: Owner::Organization,
    columns: &[Column::text("name"), Column::integer("visits"), Column::uuid("agent_id")],
    references: &[],
    unique: &[],
    indexes: &[],
    retention: Retention::WithOrganization,
    erasure: Erasure::WithOrganization,
};
static CONTACT: Table = PLAIN;
static AGENT: Table = Table { name: "agent", ..PLAIN };
static TENANT: Table = Table { name: "tenant", owner: Owner::Installation, ..PLAIN };
static SESSION: Table =
    Table { name: "session", owner: Owner::Installation, columns: &[Column::uuid("organization_id")], ..PLAIN };

fn verdict(scope: Scope, sql: &'static str) -> std::result::Result<(), String> {
    let schema = Schema::new().with(&[&CONTACT, &AGENT, &TENANT, &SESSION], &[]);
    judge(&Statement { name: "test", sql, scope, locks_rows: false }, &schema)
}

#[test]
fn bound_statements_pass() {
    for sql in [
        "select * from contact where organization_id = $1",
        "select * from contact where $1 = organization_id and name = $2 order by name limit $3",
        "SELECT c.name FROM contact AS c WHERE c.name = 'x or y' AND (c.organization_id = $1)",
        "select * from contact c join agent a on a.organization_id = c.organization_id and a.id = c.agent_id
         where c.organization_id = $1",
        "select * from contact c left join agent a on a.organization_id = $1 and a.id = c.agent_id where c.organization_id = $1",
        "select * from contact c, agent a where c.organization_id = $1 and a.organization_id = c.organization_id",
        "select * from contact where organization_id = $1 and (name = $2 or name = $3)",
        "select * from contact where visits between $2 and $3 and organization_id = $1",
        "select exists (select 1 from contact where organization_id = $1) as found",
        "select * from contact c where c.organization_id = $1 and not exists
           (select 1 from agent a where a.organization_id = c.organization_id and a.id = c.agent_id)",
        "select count(*) from (select name from contact where organization_id = $1 group by name) names",
        "with named as (select * from contact where organization_id = $1) select * from named",
        "select name from contact where organization_id = $1 union all select name from agent where organization_id = $1",
        "select * from contact where organization_id = $1 -- or true",
        "select * from contact where name is distinct from $2 and organization_id = $1",
        "select t.name from tenant t join contact c on c.organization_id = t.id and c.organization_id = $1",
        "select case when visits > 1 then 'a' else 'b' end as kind from contact where organization_id = $1",
        "update contact set name = $3, visits = visits + 1 where organization_id = $1 and id = $2 returning name",
        "delete from contact where organization_id = $1 and id in (select id from agent where organization_id = $1)",
        "insert into contact (organization_id, id, name) values ($1, $2, $3)",
        "insert into contact (organization_id, id) values ($1, $2), ($1, $3) on conflict (organization_id, id) do update
           set name = excluded.name where contact.name = $3",
        "insert into contact (organization_id, id) select $1, id from agent where organization_id = $1",
        "insert into contact (organization_id, id) select a.organization_id, a.id from agent a where a.organization_id = $1",
        "select * from session where organization_id = $1",
        "select * from contact c where left(c.name, 1) = 'x' and c.organization_id = $1 order by c.name",
        "select c.order from contact c where c.limit = 1 and c.organization_id = $1",
    ] {
        assert_eq!(verdict(Scope::Organization, sql), Ok(()), "{sql}");
    }
}

#[test]
fn unbound_statements_are_refused() {
    for sql in [
        "select * from contact",
        "select $1 as organization_id from contact",
        "select organization_id = $1 from contact",
        "select * from contact where organization_id = $2 and name = $1",
        "select * from contact where organization_id = $1 or true",
        "select * from contact where (organization_id = $1) or name = $2",
        "select * from contact where name = $2 and (organization_id = $1 or name = $3)",
        "select * from contact where not organization_id = $1",
        "select * from contact where not (organization_id = $1)",
        "select * from contact where organization_id <> $1",
        "select * from contact where organization_id >= $1",
        "select * from contact where (organization_id = $1) is not true",
        "select * from contact where visits between 0 and organization_id = $1",
        "select * from contact where case when true and organization_id = $1 and true then true else true end",
        "select * from contact where coalesce(organization_id = $1, true)",
        "select * from contact where 'organization_id = $1' = name and id = $1",
        "select * from \"contact\" where id = $1",
        "select * from contact -- where organization_id = $1\n where id = $1",
        "select * from contact c left join agent a on c.organization_id = $1 and a.organization_id = $1",
        "select * from contact c join agent a on a.id = c.agent_id where c.organization_id = $1",
        "select * from contact c join agent a on a.organization_id = a.organization_id where c.organization_id = $1",
        "select * from contact c, agent a where organization_id = $1",
        "select * from contact c join session s on s.id = c.id where organization_id = $1",
        "select * from contact c join agent a on a.organization_id = c.organization_id where a.name = c.name and a.id = $1",
        "select * from contact where organization_id = $1 and id in (select id from agent)",
        "select name from contact where organization_id = $1 union select name from agent",
        "select (select count(*) from agent) from contact where organization_id = $1",
        "with named as (select * from contact) select * from named where organization_id = $1",
        "with contact as (select 1) select * from contact where organization_id = $1",
        "select * from contact where organization_id = $1 order by (select max(id) from agent)",
        "select * from (contact join agent on true) where organization_id = $1",
        "select * from contact natural join agent where organization_id = $1",
        "select * from contact c right join agent a on a.organization_id = $1 where c.organization_id = $1",
        "select * from public.contact where organization_id = $1",
        "select * from contact where organization_id = $1 for update",
        "update contact set name = $2 where id = $1",
        "update contact set organization_id = $1 where organization_id = $1",
        "update contact set (name, organization_id) = ($2, $1) where organization_id = $1",
        "delete from contact",
        "insert into contact values ($1, $2, $3)",
        "insert into contact (id, organization_id) values ($2, $1)",
        "insert into contact (organization_id, id) values ($2, $1)",
        "insert into contact (organization_id, id) values ($1, $2), ($2, $1)",
        "insert into contact (organization_id, id) select organization_id, id from agent where id = $1",
        "insert into contact (organization_id, id) select $1, id from agent",
        "select * from contact where organization_id = $1; delete from contact where organization_id = $1",
        "select * from contact where organization_id = $1 /* x */",
        "select * from contact where organization_id = $1 and (name = $2",
        "select * from contact where organization_id = $1)",
        "select * from contact where organization_id = ?",
        "drop table contact",
        "select * from contact where organization_id = $1 and left(name, 1) = 'x' or true",
        "select * from contact c where c.organization_id = $1 and c.order = 1 or true",
        "select * from contact c left join agent a on a.organization_id = $1 and a.limit = 1 or true where c.organization_id = $1",
        "insert into contact (organization_id, id) select $1, $2 union select $2, $1",
        "select * from only contact where id = $1",
        "select * from tenant where exists (table contact) and id = $1",
        "select 1",
        "",
    ] {
        assert!(verdict(Scope::Organization, sql).is_err(), "{sql}");
    }
}

#[test]
fn the_installation_s_statements_name_no_organizations_table() {
    for sql in
        ["select * from tenant", "insert into session (id, organization_id) values ($1, $2)", "delete from tenant"]
    {
        assert_eq!(verdict(Scope::Installation, sql), Ok(()), "{sql}");
    }
    for sql in [
        "select * from contact where organization_id = $1",
        "select * from tenant t join contact c on c.organization_id = t.id",
        "select (select count(*) from agent) from tenant",
        "insert into contact (organization_id, id) values ($1, $2)",
        "update contact set name = $1",
    ] {
        assert!(verdict(Scope::Installation, sql).is_err(), "{sql}");
    }
}

#[test]
fn statements_across_organizations_only_read_and_say_why() {
    let across = Scope::AcrossOrganizations("a sweep");
    assert_eq!(verdict(across, "select organization_id, id from contact where visits > $1"), Ok(()));
    assert!(verdict(Scope::AcrossOrganizations(""), "select id from contact").is_err());
    for sql in [
        "delete from contact",
        "update contact set visits = 0",
        "with gone as (delete from contact returning id) select id from gone",
        "insert into contact (organization_id, id) values ($1, $2)",
    ] {
        assert!(verdict(across, sql).is_err(), "{sql}");
    }
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let deep = format!("select {}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(tokens::read(&deep).is_err());
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_the_reader_panic(pieces in proptest::collection::vec(
        "select|from|where|and|or|on|join|with|as|set|update|insert|into|values|union|contact|agent|organization_id|\\$1|\\$|=|,|\\.|\\(|\\)|'|\"|--|\n|[a-z]{1,3}|.", 0..40,
    )) {
        let sql = pieces.join(" ");
        let schema = Schema::new().with(&[&CONTACT, &AGENT, &TENANT, &SESSION], &[]);
        if let Ok(nodes) = tokens::read(&sql) {
            let _ = bindings::read(&nodes, &schema);
        }
    }
}
