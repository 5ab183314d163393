//! The tree of a page, built within limits.
//!
//! What a page says of its own nesting cannot be trusted: a tree builder opens again what was left open, in every paragraph anew,
//! so that a few kilobytes can stand for millions of elements. Therefore nothing is estimated from the source. The page is fed to
//! the tree builder in small pieces, what it makes is counted as it is made, and the first piece that leads beyond a limit is the
//! last one.

use std::borrow::Cow;
use std::cell::{Cell, Ref};

use dom_query::{Document, NodeId, NodeRef};
use html5ever::tendril::{StrTendril, TendrilSink};
use html5ever::tree_builder::{ElementFlags, NodeOrText, QuirksMode, TreeBuilderOpts, TreeSink};
use html5ever::{Attribute, ParseOpts, QualName, parse_document};

use super::{DEPTH_MAX, NODES_MAX};
use crate::knowledge::document::ReadError;

/// Attributes of all elements of one page together, at most: an element that is opened again carries its attributes with it.
pub const ATTRIBUTES_MAX: usize = 500_000;
/// Tags of `html` and `body` that add their attributes to the one there is, at most: each is compared with all that are there.
const ADDITIONS_MAX: usize = 100;
/// The source is fed in pieces of so many bytes. Within one, each tag opens again at most what is open.
const PIECE_BYTES: usize = 256;

/// Parses a page and refuses trees that are too deep or too large.
pub(super) fn parse(source: &str) -> Result<Document, ReadError> {
    let built = build(source);
    match built.refusal() {
        Some(error) => Err(error),
        None => Ok(built.document),
    }
}

/// Builds the tree until the source ends or a limit is passed.
pub(super) fn build(source: &str) -> Building {
    let options = ParseOpts {
        tree_builder: TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() },
        ..ParseOpts::default()
    };
    let mut parser = parse_document(Building::default(), options);
    let mut rest = source;
    while !rest.is_empty() && !parser.tokenizer.sink.sink.is_beyond() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        parser.process(StrTendril::from(piece));
        rest = after;
    }
    let built: Building = parser.finish();
    if !built.is_beyond() && depth_of_all(&built.document) > DEPTH_MAX {
        built.refuse(ReadError::TooDeep { limit: DEPTH_MAX });
    }
    built
}

/// Where an element was put last.
#[derive(Clone, Copy)]
struct Last {
    parent: NodeId,
    child: NodeId,
    depth: usize,
}

/// A tree under construction, and what was spent on it.
#[derive(Default)]
pub(super) struct Building {
    document: Document,
    pub nodes: Cell<usize>,
    attributes: Cell<usize>,
    additions: Cell<usize>,
    last: Cell<Option<Last>>,
    /// The first limit that was passed.
    beyond: Cell<Option<ReadError>>,
    is_beyond: Cell<bool>,
}

impl Building {
    /// Why the tree was not built to its end.
    pub fn refusal(&self) -> Option<ReadError> {
        self.beyond.take()
    }

    fn is_beyond(&self) -> bool {
        self.is_beyond.get()
    }

    fn refuse(&self, error: ReadError) {
        if !self.is_beyond.replace(true) {
            self.beyond.set(Some(error));
        }
    }

    /// Counts one node with so many attributes.
    fn count(&self, attributes: usize) {
        self.nodes.set(self.nodes.get() + 1);
        self.attributes.set(self.attributes.get() + attributes);
        if self.nodes.get() > NODES_MAX || self.attributes.get() > ATTRIBUTES_MAX {
            self.refuse(ReadError::TooManyElements { limit: NODES_MAX });
        }
    }

    /// Counts how deep a child of this parent stands. Exact, because subtrees move while a page is read; where nothing has moved,
    /// it is known from the child that was put there last.
    fn measure(&self, parent: NodeId, child: NodeId) {
        let depth = match self.last.get() {
            Some(last) if last.parent == parent => last.depth,
            Some(last) if last.child == parent => last.depth + 1,
            _ => self.ancestors_of_child(parent),
        };
        self.last.set(Some(Last { parent, child, depth }));
        if depth > DEPTH_MAX {
            self.refuse(ReadError::TooDeep { limit: DEPTH_MAX });
        }
    }

    /// How many nodes stand above a child of this parent; counted no further than one beyond the limit.
    fn ancestors_of_child(&self, parent: NodeId) -> usize {
        let above = |node: &NodeId| self.document.tree.parent_of(node).map(|node| node.id);
        std::iter::successors(Some(parent), above).take(DEPTH_MAX + 1).count()
    }

    /// Counts what is put below a parent, behind the node that is there already. Text that is joined to text makes no node.
    fn note(&self, parent: Option<NodeId>, before: Option<NodeRef<'_>>, child: &NodeOrText<NodeId>) {
        match (child, parent) {
            (NodeOrText::AppendText(_), _) if before.is_some_and(|node| node.is_text()) => {}
            (NodeOrText::AppendText(_), _) => self.count(0),
            (NodeOrText::AppendNode(child), Some(parent)) => self.measure(parent, *child),
            (NodeOrText::AppendNode(_), None) => {}
        }
    }
}

impl TreeSink for Building {
    type ElemName<'a> = Ref<'a, QualName>;
    type Handle = NodeId;
    type Output = Self;

    fn finish(self) -> Self {
        self
    }

    /// Pages are full of errors, and nobody reads them.
    fn parse_error(&self, _: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        self.document.get_document()
    }

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        self.document.get_template_contents(target)
    }

    fn set_quirks_mode(&self, mode: QuirksMode) {
        self.document.set_quirks_mode(mode);
    }

    fn same_node(&self, one: &NodeId, other: &NodeId) -> bool {
        one == other
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> Ref<'a, QualName> {
        self.document.elem_name(target)
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, flags: ElementFlags) -> NodeId {
        self.count(attributes.len());
        // Beyond a limit the rest of the piece goes on without attributes: the tree is thrown away.
        let attributes = if self.is_beyond() { Vec::new() } else { attributes };
        self.document.create_element(name, attributes, flags)
    }

    fn create_comment(&self, text: StrTendril) -> NodeId {
        self.count(0);
        self.document.create_comment(text)
    }

    fn create_pi(&self, target: StrTendril, data: StrTendril) -> NodeId {
        self.count(0);
        self.document.create_pi(target, data)
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.note(Some(*parent), self.document.tree.last_child_of(parent), &child);
        self.document.append(parent, child);
    }

    fn append_before_sibling(&self, sibling: &NodeId, child: NodeOrText<NodeId>) {
        let tree = &self.document.tree;
        self.note(tree.parent_of(sibling).map(|node| node.id), tree.prev_sibling_of(sibling), &child);
        self.document.append_before_sibling(sibling, child);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        if self.document.tree.parent_of(element).is_some() {
            self.append_before_sibling(element, child);
        } else {
            self.append(previous, child);
        }
    }

    fn append_doctype_to_document(&self, name: StrTendril, public_id: StrTendril, system_id: StrTendril) {
        self.count(0);
        self.document.append_doctype_to_document(name, public_id, system_id);
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        self.attributes.set(self.attributes.get() + attributes.len());
        self.additions.set(self.additions.get() + 1);
        if self.additions.get() > ADDITIONS_MAX || self.attributes.get() > ATTRIBUTES_MAX {
            self.refuse(ReadError::TooManyElements { limit: NODES_MAX });
            return;
        }
        self.document.add_attrs_if_missing(target, attributes);
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.last.set(None);
        self.document.remove_from_parent(target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        self.last.set(None);
        self.document.reparent_children(node, new_parent);
    }

    fn is_mathml_annotation_xml_integration_point(&self, handle: &NodeId) -> bool {
        self.document.is_mathml_annotation_xml_integration_point(handle)
    }
}

/// How deep the whole tree is, one more than the limit where it is deeper: subtrees that moved were not measured again.
fn depth_of_all(document: &Document) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut node = document.root();
    loop {
        if let Some(child) = node.first_child() {
            depth += 1;
            deepest = deepest.max(depth);
            if depth > DEPTH_MAX {
                return deepest;
            }
            node = child;
            continue;
        }
        loop {
            if let Some(sibling) = node.next_sibling() {
                node = sibling;
                break;
            }
            let Some(parent) = node.parent() else { return deepest };
            depth = depth.saturating_sub(1);
            if parent.is_document() {
                return deepest;
            }
            node = parent;
        }
    }
}
