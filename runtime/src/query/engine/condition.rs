//! Which hits are selected.

use super::keys::{Codes, Keys};
use super::{Day, Selected};
use crate::query::QueryError;
use crate::query::condition::Condition;
use crate::query::dimension::Scope;
use crate::query::matcher::Matcher;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};

/// Conditions, made ready to be asked of many hits.
#[derive(Debug)]
pub(super) struct Selector {
    /// Those that hold for a whole visit or not at all.
    of_visits: Vec<Node>,
    of_hits: Vec<Node>,
    /// What some hit of a visit must have done; each before those that speak of it.
    done: Vec<Node>,
    leaves: Vec<Leaf>,
}

#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// The place of what was done.
    Done(usize),
    /// The place of a leaf.
    Leaf(usize),
}

/// A filter, and for each code of its key whether it holds.
#[derive(Debug)]
struct Leaf {
    key: usize,
    scope: Scope,
    matcher: Matcher,
    holds: Vec<bool>,
    /// The goals that its values name, in bits.
    goals: u64,
}

/// A hit that is asked about.
struct Asked<'a> {
    day: &'a Day<'a>,
    /// The visit's place.
    visit: usize,
    row: usize,
    /// What was done in the visit.
    done: &'a [bool],
}

impl Selector {
    pub(super) fn new(conditions: &[Condition], keys: &mut Keys<'_>) -> Result<Self, QueryError> {
        let (of_visits, of_hits) = (Vec::new(), Vec::new());
        let mut selector = Self { of_visits, of_hits, done: Vec::new(), leaves: Vec::new() };
        for condition in conditions {
            selector.require(condition, keys)?;
        }
        Ok(selector)
    }

    /// Adds a condition to those that must hold.
    fn require(&mut self, condition: &Condition, keys: &mut Keys<'_>) -> Result<(), QueryError> {
        if let Condition::All(inner) = condition {
            return inner.iter().try_for_each(|condition| self.require(condition, keys));
        }
        let node = self.node(condition, keys)?;
        if self.is_of_visits(&node) {
            self.of_visits.push(node);
        } else {
            self.of_hits.push(node);
        }
        Ok(())
    }

    fn node(&mut self, condition: &Condition, keys: &mut Keys<'_>) -> Result<Node, QueryError> {
        let mut nodes = |inner: &[Condition]| -> Result<Vec<Node>, QueryError> {
            inner.iter().map(|condition| self.node(condition, keys)).collect()
        };
        Ok(match condition {
            Condition::All(inner) => Node::All(nodes(inner)?),
            Condition::Any(inner) => Node::Any(nodes(inner)?),
            Condition::Not(inner) => Node::Not(Box::new(self.node(inner, keys)?)),
            Condition::Done(inner) => {
                let node = self.node(inner, keys)?;
                self.done.push(node);
                Node::Done(self.done.len() - 1)
            }
            Condition::Filter(filter) => {
                let key = keys.place(filter.key.clone());
                self.leaves.push(Leaf {
                    key,
                    scope: keys.scope(key),
                    matcher: filter.matcher()?,
                    holds: Vec::new(),
                    goals: 0,
                });
                Node::Leaf(self.leaves.len() - 1)
            }
        })
    }

    fn is_of_visits(&self, node: &Node) -> bool {
        match node {
            Node::All(inner) | Node::Any(inner) => inner.iter().all(|node| self.is_of_visits(node)),
            Node::Not(inner) => self.is_of_visits(inner),
            Node::Done(_) => true,
            Node::Leaf(leaf) => self.leaves[*leaf].scope == Scope::Visit,
        }
    }

    /// Asks every filter about the values that are new.
    pub(super) fn learn(&mut self, keys: &Keys<'_>, texts: &Dictionaries) {
        for leaf in &mut self.leaves {
            let values = keys.dictionary(leaf.key, texts);
            for (code, value) in values.iter().skip(leaf.holds.len()) {
                leaf.holds.push(leaf.matcher.holds(value));
                if code != NULL_KEY && keys.is_goal(leaf.key) && leaf.matcher.finds(value) {
                    leaf.goals |= 1_u64.checked_shl(code - 1).unwrap_or(0);
                }
            }
        }
    }

    /// What is selected of a day.
    pub(super) fn select(&self, day: &Day<'_>) -> Selected {
        if self.of_visits.is_empty() && self.of_hits.is_empty() {
            return Selected { visits: None, rows: None };
        }
        let mut visits = Vec::new();
        let mut rows = (!self.of_hits.is_empty()).then(Vec::new);
        let mut done = Vec::with_capacity(self.done.len());
        for (place, visit) in day.visits.iter().enumerate() {
            done.clear();
            for node in &self.done {
                let is_done = visit
                    .rows
                    .clone()
                    .any(|row| self.holds(node, &Asked { day, visit: place, row, done: &done }));
                done.push(is_done);
            }
            let asked = |row| Asked { day, visit: place, row, done: &done };
            let first = asked(visit.rows.start);
            if !self.of_visits.iter().all(|node| self.holds(node, &first)) {
                continue;
            }
            let Some(rows) = &mut rows else {
                visits.push((place, visit.rows.clone()));
                continue;
            };
            let before = rows.len();
            rows.extend(visit.rows.clone().filter(|row| {
                let asked = asked(*row);
                self.of_hits.iter().all(|node| self.holds(node, &asked))
            }));
            if rows.len() > before {
                visits.push((place, before..rows.len()));
            }
        }
        Selected { visits: Some(visits), rows }
    }

    fn holds(&self, node: &Node, asked: &Asked<'_>) -> bool {
        match node {
            Node::All(inner) => inner.iter().all(|node| self.holds(node, asked)),
            Node::Any(inner) => inner.iter().any(|node| self.holds(node, asked)),
            Node::Not(inner) => !self.holds(inner, asked),
            Node::Done(place) => asked.done.get(*place).copied().unwrap_or(false),
            Node::Leaf(place) => {
                let leaf = &self.leaves[*place];
                let holds = |code: DictKey| leaf.holds.get(code as usize).copied().unwrap_or(false);
                match &asked.day.codes[leaf.key] {
                    Codes::OfVisits(codes) => holds(codes[asked.visit]),
                    Codes::OfRows(codes) => holds(codes[asked.row]),
                    Codes::Goals(goals) => match goals.of(asked.row) {
                        0 => holds(NULL_KEY),
                        reached => (reached & leaf.goals != 0) != leaf.matcher.is_negative(),
                    },
                }
            }
        }
    }
}
