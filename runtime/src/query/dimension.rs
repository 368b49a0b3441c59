//! Dimensions and keys: what reports are grouped and filtered by. `docs/definitions.md` defines each.

use std::fmt;

use crate::segment::column::{Column, with_visit_columns};

macro_rules! define_dimensions {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A property of hits or of visits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Dimension {
            /// Page.
            Page,
            /// Page of a visit's first page view.
            EntryPage,
            /// Page of a visit's last page view.
            ExitPage,
            /// Host of the page.
            Host,
            /// Name of the event.
            Event,
            $($(#[$doc])* $variant,)*
            /// Acquisition channel.
            Channel,
        }

        impl Dimension {
            /// All dimensions, in the order of the dashboard.
            pub const ALL: [Self; 20] = [
                Self::Page,
                Self::EntryPage,
                Self::ExitPage,
                Self::Host,
                Self::Event,
                $(Self::$variant,)*
                Self::Channel,
            ];

            /// Returns the column with the values. A channel is derived from several columns: this is the first.
            #[must_use]
            pub const fn column(self) -> Column {
                match self {
                    Self::Page | Self::EntryPage | Self::ExitPage => Column::Page,
                    Self::Host => Column::Host,
                    Self::Event => Column::Event,
                    $(Self::$variant => Column::$variant,)*
                    Self::Channel => Column::Source,
                }
            }
        }
    };
}
with_visit_columns!(define_dimensions);

/// What hits are grouped and filtered by: a dimension, or something that the site's owner named.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A dimension.
    Dimension(Dimension),
    /// An event property by its name. Each hit has its own.
    Prop(String),
    /// The goals that a hit reaches. They can be several.
    Goal,
}

/// Prefix in the name of an event property's key.
const PROPS: &str = "props:";

impl Key {
    /// Parses a name: that of a dimension, `props:NAME`, or `goal`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        if name == "goal" {
            return Some(Self::Goal);
        }
        match name.strip_prefix(PROPS) {
            Some("") => None,
            Some(prop) => Some(Self::Prop(prop.to_owned())),
            None => Dimension::parse(name).map(Self::Dimension),
        }
    }

    /// Returns whether each hit or each visit has a value.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::Dimension(dimension) => dimension.scope(),
            Self::Prop(_) | Self::Goal => Scope::Hit,
        }
    }
}

impl From<Dimension> for Key {
    fn from(dimension: Dimension) -> Self {
        Self::Dimension(dimension)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dimension(dimension) => dimension.fmt(f),
            Self::Prop(name) => write!(f, "{PROPS}{name}"),
            Self::Goal => f.pad("goal"),
        }
    }
}

/// Whether each hit or each visit has a value of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each hit has a value.
    Hit,
    /// Each visit has a value: that of its first hit, or its entry or exit page.
    Visit,
}

impl Dimension {
    /// Returns the name in URLs and in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EntryPage => "entry_page",
            Self::ExitPage => "exit_page",
            Self::Channel => "channel",
            // The others have the names of their columns.
            _ => self.column().name(),
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// Returns whether each hit or each visit has a value.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Page | Self::Host | Self::Event => Scope::Hit,
            _ => Scope::Visit,
        }
    }

    /// Returns whether missing values have a row of their own.
    #[must_use]
    pub const fn has_row_of_none(self) -> bool {
        matches!(
            self,
            Self::Source
                | Self::Channel
                | Self::Country
                | Self::Browser
                | Self::Os
                | Self::Device
                | Self::Screen
        )
    }

    /// Returns whether rows are ranked by visits instead of visitors.
    #[must_use]
    pub const fn is_ranked_by_visits(self) -> bool {
        matches!(self, Self::EntryPage | Self::ExitPage)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_name_of_every_dimension() {
        for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension as usize, index);
            assert_eq!(Dimension::parse(dimension.name()), Some(dimension));
        }
        assert_eq!(Dimension::parse("Page"), None);
    }
}
