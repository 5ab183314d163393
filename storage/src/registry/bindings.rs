//! Which tables a text names, and which of them it binds to `$1`. One [`Level`] is a `select`, `insert`, `update` or `delete` with
//! its clauses; conditions count only where they must hold: joined by `and`, in `where`, or in the `on` of the very table.

use super::tokens::Node;
use crate::schema::Schema;

/// What was found in a text.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Organizations' tables named.
    pub organizations: Vec<String>,
    /// Those of them that are not bound to `$1`.
    pub unbound: Vec<String>,
    /// Does any part of it write?
    pub writes: bool,
}

/// A table as one level names it.
#[derive(Clone, Debug)]
struct Named {
    alias: String,
    /// The organizations' table behind it.
    organizations: Option<String>,
    /// May a plain `organization_id` mean this one?
    has_organization_id: bool,
    bound: bool,
}

/// What an `organization_id` is set equal to.
#[derive(Clone, Debug)]
enum Other {
    FirstArgument,
    /// `organization_id` of a table, by its alias.
    Of(Option<String>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    Start,
    With,
    Select,
    From,
    On,
    Where,
    Set,
    Other,
}

/// One query while it is read.
struct Level<'a> {
    schema: &'a Schema,
    named: Vec<Named>,
    facts: Vec<(Option<String>, Other)>,
    /// Queries inside it, judged after its own tables are known.
    inner: Vec<&'a [Node]>,
    /// The organizations' table inserted into.
    inserted: Option<String>,
    first_value: Vec<&'a [Node]>,
}

/// Reads a whole text.
pub(super) fn read(nodes: &[Node], schema: &Schema) -> Result<Found, String> {
    let mut found = Found::default();
    judge(nodes, schema, &[], &mut found)?;
    Ok(found)
}

fn is_query(nodes: &[Node]) -> bool {
    let first = nodes.first().and_then(Node::word).unwrap_or_default();
    matches!(first, "select" | "with" | "insert" | "update" | "delete" | "values")
}

/// Judges the queries of one parenthesis, which `union` and its kin separate.
fn judge(nodes: &[Node], schema: &Schema, outer: &[Named], found: &mut Found) -> Result<(), String> {
    let separates = |node: &Node| matches!(node.word(), Some("union" | "intersect" | "except"));
    if nodes.iter().any(separates) && nodes.iter().any(|node| node.is_word("into")) {
        return Err("inserts from a union, which this check does not read".to_owned());
    }
    for part in nodes.split(separates) {
        let part = if part.first().is_some_and(|node| node.is_word("all")) { &part[1..] } else { part };
        let mut level = Level {
            schema,
            named: Vec::new(),
            facts: Vec::new(),
            inner: Vec::new(),
            inserted: None,
            first_value: Vec::new(),
        };
        level.read(part, found)?;
        level.bind(outer);
        level.conclude(found);
        let mut visible = level.named.clone();
        visible.extend_from_slice(outer);
        for inner in &level.inner {
            judge(inner, schema, &visible, found)?;
        }
    }
    Ok(())
}

impl<'a> Level<'a> {
    fn read(&mut self, nodes: &'a [Node], found: &mut Found) -> Result<(), String> {
        let mut clause = Clause::Start;
        let mut at = 0;
        while at < nodes.len() {
            let before = at.checked_sub(1).and_then(|before| nodes[before].word()).unwrap_or_default();
            let Some(word) = nodes[at].word() else {
                self.collect_inner(&nodes[at], clause)?;
                at += 1;
                continue;
            };
            at += 1;
            if at >= 2 && nodes[at - 2] == Node::Sign('.') {
                continue;
            }
            match word {
                "table" | "right" | "full" | "natural" | "using" | "lateral" | "for" | "truncate" => {
                    return Err(format!("uses `{word}`, which this check does not read (locks: Statement::locking)"));
                }
                "with" => clause = Clause::With,
                "select" | "values" => {
                    clause = Clause::Select;
                    self.first_values(word, &nodes[at..]);
                }
                "from" if before == "distinct" => {}
                "from" | "join" => {
                    found.writes |= before == "delete";
                    clause = Clause::From;
                    at = self.table(nodes, at, found)?;
                }
                "into" => {
                    found.writes = true;
                    at = self.insertion(nodes, at, found)?;
                    clause = Clause::Other;
                }
                "update" if before != "do" => {
                    found.writes = true;
                    at = self.table(nodes, at, found)?;
                }
                "on" if nodes.get(at).is_some_and(|node| node.is_word("conflict")) => clause = Clause::Other,
                "on" | "where" => {
                    clause = if word == "on" { Clause::On } else { Clause::Where };
                    let end = at + condition_length(&nodes[at..]);
                    let only =
                        (clause == Clause::On).then(|| self.named.last().map(|named| named.alias.clone())).flatten();
                    self.condition(&nodes[at..end], only.as_deref());
                    for node in &nodes[at..end] {
                        self.collect_inner(node, clause)?;
                    }
                    at = end;
                }
                "set" => {
                    clause = Clause::Set;
                    check_set(nodes, at)?;
                }
                "group" | "order" | "having" | "limit" | "offset" | "returning" | "window" => clause = Clause::Other,
                _ if clause == Clause::With => self.check_shadow(word)?,
                _ => {}
            }
            // A comma in `from` leads to the next table.
            while clause == Clause::From && nodes.get(at) == Some(&Node::Sign(',')) {
                at = self.table(nodes, at + 1, found)?;
            }
        }
        Ok(())
    }

    /// Queries in parentheses, also those inside expressions.
    fn collect_inner(&mut self, node: &'a Node, clause: Clause) -> Result<(), String> {
        let Node::Group(nodes) = node else { return Ok(()) };
        if is_query(nodes) {
            self.inner.push(nodes);
            return Ok(());
        }
        if nodes.first().is_some_and(|node| node.is_word("table")) {
            return Err("uses `table`, which this check does not read".to_owned());
        }
        if clause == Clause::From && nodes.iter().any(|node| node.is_word("join")) {
            return Err("joins in parentheses are not read by this check".to_owned());
        }
        nodes.iter().try_for_each(|node| self.collect_inner(node, Clause::Other))
    }

    /// A table or a query in parentheses, and its alias; gives where reading goes on.
    fn table(&mut self, nodes: &'a [Node], mut at: usize, found: &mut Found) -> Result<usize, String> {
        let name = match nodes.get(at) {
            Some(Node::Word(name)) if !matches!(name.as_str(), "only" | "lateral" | "table") => Some(name.clone()),
            Some(group @ Node::Group(inner)) if is_query(inner) => {
                self.collect_inner(group, Clause::From)?;
                None
            }
            _ => return Err("names no table where one belongs".to_owned()),
        };
        at += 1;
        if matches!(nodes.get(at), Some(Node::Sign('.') | Node::Group(_))) {
            return Err("names a table of another schema or a function as table".to_owned());
        }
        if nodes.get(at).is_some_and(|node| node.is_word("as")) {
            at += 1;
        }
        let alias = nodes.get(at).and_then(Node::word).filter(|word| !ends_table(word)).map(str::to_owned);
        at += usize::from(alias.is_some());
        let table = name.as_deref().and_then(|name| self.schema.table(name));
        let organizations = table.filter(|table| table.is_organizations()).map(|table| table.name.to_owned());
        found.organizations.extend(organizations.clone());
        let has_organization_id =
            organizations.is_some() || table.is_none_or(|table| table.column("organization_id").is_some());
        let alias = alias.or(name).unwrap_or_default();
        self.named.push(Named { alias, organizations, has_organization_id, bound: false });
        Ok(at)
    }

    /// `insert into table (columns)`; gives where reading goes on.
    fn insertion(&mut self, nodes: &'a [Node], at: usize, found: &mut Found) -> Result<usize, String> {
        let name = nodes.get(at).and_then(Node::word).ok_or("names no table to insert into")?;
        let Some(Node::Group(columns)) = nodes.get(at + 1) else {
            return Err("inserts without naming its columns".to_owned());
        };
        if self.schema.table(name).is_some_and(crate::table::Table::is_organizations) {
            found.organizations.push(name.to_owned());
            if columns.first().is_some_and(|column| column.is_word("organization_id")) {
                self.inserted = Some(name.to_owned());
            } else {
                found.unbound.push(name.to_owned());
            }
        }
        Ok(at + 2)
    }

    /// The first expression of every row that is inserted.
    fn first_values(&mut self, word: &str, nodes: &'a [Node]) {
        if self.inserted.is_none() {
            return;
        }
        let comma = |node: &Node| *node == Node::Sign(',');
        if word == "select" {
            self.first_value.extend(nodes.split(comma).next());
            return;
        }
        for node in nodes {
            match node {
                Node::Group(row) => self.first_value.extend(row.split(comma).next()),
                node if comma(node) => {}
                _ => break,
            }
        }
    }

    fn check_shadow(&self, word: &str) -> Result<(), String> {
        match self.schema.table(word) {
            Some(_) => Err(format!("`with {word}` hides a table of this name")),
            None => Ok(()),
        }
    }

    /// Collects the equalities that hold for every row of the result. In `on` they count for the table just joined (`only`).
    fn condition(&mut self, nodes: &[Node], only: Option<&str>) {
        if nodes.iter().any(|node| node.is_word("or") || node.is_word("case")) {
            return;
        }
        for part in conjuncts(nodes) {
            match part {
                [Node::Group(inner)] if !is_query(inner) => self.condition(inner, only),
                _ => {
                    let Some((left, right)) = equality(part) else { continue };
                    for (one, other) in [(&left, &right), (&right, &left)] {
                        if let Other::Of(alias) = one
                            && (only.is_none() || only == alias.as_deref())
                        {
                            self.facts.push((alias.clone(), other.clone()));
                        }
                    }
                }
            }
        }
    }

    fn position(&self, alias: Option<&str>) -> Option<usize> {
        if let Some(alias) = alias {
            return self.named.iter().position(|named| named.alias == alias);
        }
        let mut candidates = self.named.iter().enumerate().filter(|(_, named)| named.has_organization_id);
        match (candidates.next(), candidates.next()) {
            (Some((position, _)), None) => Some(position),
            _ => None,
        }
    }

    fn is_bound(&self, other: &Other, outer: &[Named]) -> bool {
        match other {
            Other::FirstArgument => true,
            Other::Of(alias) => match (self.position(alias.as_deref()), alias) {
                (Some(position), _) => self.named[position].bound,
                (None, Some(alias)) => {
                    outer.iter().find(|named| named.alias == *alias).is_some_and(|named| named.bound)
                }
                (None, None) => false,
            },
        }
    }

    /// Follows the equalities until nothing more is bound.
    fn bind(&mut self, outer: &[Named]) {
        loop {
            let news = self.facts.iter().find_map(|(alias, other)| {
                let position = self.position(alias.as_deref())?;
                (!self.named[position].bound && self.is_bound(other, outer)).then_some(position)
            });
            match news {
                Some(position) => self.named[position].bound = true,
                None => return,
            }
        }
    }

    fn conclude(&self, found: &mut Found) {
        let unbound = self.named.iter().filter(|named| !named.bound).filter_map(|named| named.organizations.clone());
        found.unbound.extend(unbound);
        if let Some(table) = &self.inserted {
            let is_organization = |value: &[Node]| operand(value).is_some_and(|value| self.is_bound(&value, &[]));
            if self.first_value.is_empty() || !self.first_value.iter().all(|value| is_organization(value)) {
                found.unbound.push(table.clone());
            }
        }
    }
}

/// The organization of a row never changes.
fn check_set(nodes: &[Node], start: usize) -> Result<(), String> {
    let mut assigns = true;
    for node in &nodes[start..] {
        match node {
            Node::Word(word) if ends_set(word) => break,
            Node::Word(word) if assigns && word == "organization_id" => {
                return Err("sets organization_id, which never changes".to_owned());
            }
            Node::Group(columns) if assigns && columns.iter().any(|column| column.is_word("organization_id")) => {
                return Err("sets organization_id, which never changes".to_owned());
            }
            Node::Sign('=') => assigns = false,
            Node::Sign(',') => assigns = true,
            _ => {}
        }
    }
    Ok(())
}

/// Words that cannot be a table's alias.
fn ends_table(word: &str) -> bool {
    ends_condition(word) || matches!(word, "on" | "set" | "using" | "natural")
}

fn ends_set(word: &str) -> bool {
    matches!(word, "where" | "from" | "returning")
}

/// Words that end a `where` or `on`.
fn ends_condition(word: &str) -> bool {
    is_join(word)
        || matches!(
            word,
            "where" | "group" | "order" | "having" | "limit" | "offset" | "returning" | "window" | "for" | "on"
        )
}

fn is_join(word: &str) -> bool {
    matches!(word, "join" | "left" | "right" | "full" | "inner" | "cross")
}

/// Where the condition ends. `left(…)` is a function, and after a dot every word is a column: neither ends it.
fn condition_length(nodes: &[Node]) -> usize {
    let ends = |at: usize| {
        let after_dot = at > 0 && nodes[at - 1] == Node::Sign('.');
        let called = matches!(nodes.get(at + 1), Some(Node::Group(_)));
        let word = nodes[at].word().unwrap_or_default();
        !after_dot && ends_condition(word) && !(called && is_join(word))
    };
    (0..nodes.len()).find(|at| ends(*at)).unwrap_or(nodes.len())
}

/// The parts that `and` joins; the `and` of `between` joins nothing.
fn conjuncts(nodes: &[Node]) -> Vec<&[Node]> {
    let mut parts = Vec::new();
    let (mut start, mut in_between) = (0, false);
    for (at, node) in nodes.iter().enumerate() {
        match node.word() {
            Some("between") => in_between = true,
            Some("and") if in_between => in_between = false,
            Some("and") => {
                parts.push(&nodes[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&nodes[start..]);
    parts
}

/// `[alias.]organization_id` or `$1`, and nothing else.
fn operand(nodes: &[Node]) -> Option<Other> {
    match nodes {
        [Node::Argument(1)] => Some(Other::FirstArgument),
        [Node::Word(column)] if column == "organization_id" => Some(Other::Of(None)),
        [Node::Word(alias), Node::Sign('.'), Node::Word(column)] if column == "organization_id" => {
            Some(Other::Of(Some(alias.clone())))
        }
        _ => None,
    }
}

fn equality(nodes: &[Node]) -> Option<(Other, Other)> {
    let sign = nodes.iter().position(|node| *node == Node::Sign('='))?;
    Some((operand(&nodes[..sign])?, operand(&nodes[sign + 1..])?))
}
