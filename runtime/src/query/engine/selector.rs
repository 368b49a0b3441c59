//! Selecting the hits that meet a plan's conditions.

use std::ops::Range;

use super::day::Day;
use super::keys::{Codes, KeySet};
use crate::query::QueryError;
use crate::query::condition::Condition;
use crate::query::dimension::Scope;
use crate::query::matcher::Matcher;
use crate::segment::dictionary::{DictKey, Dictionaries, NULL_KEY};

/// Conditions compiled to be evaluated on many hits.
#[derive(Debug)]
pub(super) struct Selector {
    /// Conditions that have the same result for every hit of a visit.
    of_visits: Vec<Node>,
    of_hits: Vec<Node>,
    /// Conditions that some hit of a visit must meet. Inner ones come before those that refer to them.
    done: Vec<Node>,
    leaves: Vec<Leaf>,
}

#[derive(Debug)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    /// Index in [`Selector::done`].
    Done(usize),
    /// Index in [`Selector::leaves`].
    Leaf(usize),
}

/// A filter, with its result for each code of its key.
#[derive(Debug)]
struct Leaf {
    key: usize,
    scope: Scope,
    matcher: Matcher,
    holds: Vec<bool>,
    /// The goals that its values match, as a bit set.
    goals: u64,
}

/// A hit on which conditions are evaluated.
struct Candidate<'a> {
    day: &'a Day<'a>,
    /// Index of its visit.
    visit: usize,
    row: usize,
    /// Results of [`Selector::done`] for its visit.
    done: &'a [bool],
}

/// The hits of a day that a selector selected.
pub(super) struct Selection {
    /// Selected visits with their range in `rows`. `None`: every visit, in full.
    visits: Option<Vec<(usize, Range<usize>)>>,
    /// Selected rows. `None`: every row of the selected visits.
    pub(super) rows: Option<Vec<usize>>,
}

impl Selection {
    /// Returns the index in the day of the nth selected visit, and its range in the selection.
    pub(super) fn visit(&self, nth: usize, day: &Day<'_>) -> (usize, Range<usize>) {
        match &self.visits {
            Some(visits) => visits[nth].clone(),
            None => (nth, day.visits[nth].rows.clone()),
        }
    }

    /// Returns the number of selected visits.
    pub(super) fn len(&self, day: &Day<'_>) -> usize {
        self.visits.as_ref().map_or(day.visits.len(), Vec::len)
    }

    /// Returns the row at a place of the selection.
    pub(super) fn row(&self, place: usize) -> usize {
        self.rows.as_ref().map_or(place, |rows| rows[place])
    }
}

impl Selector {
    pub(super) fn new(conditions: &[Condition], keys: &mut KeySet<'_>) -> Result<Self, QueryError> {
        let (of_visits, of_hits) = (Vec::new(), Vec::new());
        let mut selector = Self { of_visits, of_hits, done: Vec::new(), leaves: Vec::new() };
        for condition in conditions {
            selector.require(condition, keys)?;
        }
        Ok(selector)
    }

    /// Adds a condition that must hold.
    fn require(&mut self, condition: &Condition, keys: &mut KeySet<'_>) -> Result<(), QueryError> {
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

    fn node(&mut self, condition: &Condition, keys: &mut KeySet<'_>) -> Result<Node, QueryError> {
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
                let key = keys.index(filter.key.clone());
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

    /// Evaluates every filter on the values that are new in the dictionaries.
    pub(super) fn learn(&mut self, keys: &KeySet<'_>, dictionaries: &Dictionaries) {
        for leaf in &mut self.leaves {
            let values = keys.dictionary(leaf.key, dictionaries);
            for (code, value) in values.iter().skip(leaf.holds.len()) {
                leaf.holds.push(leaf.matcher.holds(value));
                if code != NULL_KEY && keys.is_goal(leaf.key) && leaf.matcher.finds(value) {
                    leaf.goals |= 1_u64.checked_shl(code - 1).unwrap_or(0);
                }
            }
        }
    }

    /// Selects the hits of a day that meet the conditions.
    pub(super) fn select(&self, day: &Day<'_>) -> Selection {
        if self.of_visits.is_empty() && self.of_hits.is_empty() {
            return Selection { visits: None, rows: None };
        }
        let mut visits = Vec::new();
        let mut rows = (!self.of_hits.is_empty()).then(Vec::new);
        let mut done = Vec::with_capacity(self.done.len());
        for (index, visit) in day.visits.iter().enumerate() {
            done.clear();
            for node in &self.done {
                let is_done = visit.rows.clone().any(|row| {
                    self.holds(node, &Candidate { day, visit: index, row, done: &done })
                });
                done.push(is_done);
            }
            let candidate = |row| Candidate { day, visit: index, row, done: &done };
            let first = candidate(visit.rows.start);
            if !self.of_visits.iter().all(|node| self.holds(node, &first)) {
                continue;
            }
            let Some(rows) = &mut rows else {
                visits.push((index, visit.rows.clone()));
                continue;
            };
            let start = rows.len();
            rows.extend(visit.rows.clone().filter(|row| {
                let candidate = candidate(*row);
                self.of_hits.iter().all(|node| self.holds(node, &candidate))
            }));
            if rows.len() > start {
                visits.push((index, start..rows.len()));
            }
        }
        Selection { visits: Some(visits), rows }
    }

    fn holds(&self, node: &Node, candidate: &Candidate<'_>) -> bool {
        match node {
            Node::All(inner) => inner.iter().all(|node| self.holds(node, candidate)),
            Node::Any(inner) => inner.iter().any(|node| self.holds(node, candidate)),
            Node::Not(inner) => !self.holds(inner, candidate),
            Node::Done(index) => candidate.done.get(*index).copied().unwrap_or(false),
            Node::Leaf(index) => {
                let leaf = &self.leaves[*index];
                let holds = |code: DictKey| leaf.holds.get(code as usize).copied().unwrap_or(false);
                match &candidate.day.codes[leaf.key] {
                    Codes::OfVisits(codes) => holds(codes[candidate.visit]),
                    Codes::OfRows(codes) => holds(codes[candidate.row]),
                    Codes::Goals(goals) => match goals.of(candidate.row) {
                        0 => holds(NULL_KEY),
                        reached => (reached & leaf.goals != 0) != leaf.matcher.is_negative(),
                    },
                }
            }
        }
    }
}
