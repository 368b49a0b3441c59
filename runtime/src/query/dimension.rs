//! What a report can be broken down, and filtered, by. `docs/definitions.md` says what each means.

use std::fmt;

use crate::segment::column::Column;

/// A property of hits or of visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    /// The page.
    Page,
    /// The page of a visit's first page view.
    EntryPage,
    /// The page of a visit's last page view.
    ExitPage,
    /// The page's host.
    Host,
    /// The event's name.
    Event,
    /// The source.
    Source,
    /// The referrer.
    Referrer,
    /// `utm_source`.
    UtmSource,
    /// `utm_medium`.
    UtmMedium,
    /// `utm_campaign`.
    UtmCampaign,
    /// `utm_term`.
    UtmTerm,
    /// `utm_content`.
    UtmContent,
    /// The country's code.
    Country,
    /// The browser.
    Browser,
    /// The browser's version.
    BrowserVersion,
    /// The operating system.
    Os,
    /// The operating system's version.
    OsVersion,
    /// The kind of device.
    Device,
    /// The class of the window's width.
    Screen,
    /// The channel: what kind of way led here.
    Channel,
}

/// What hits are told apart by: a dimension, or one of what owners name themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A dimension.
    Dimension(Dimension),
    /// A property of events by its name. Each hit has its own.
    Prop(String),
    /// The goals that a hit reaches, which may be several.
    Goal,
}

/// What the name of a property's key begins with.
const PROPS: &str = "props:";

impl Key {
    /// The key of a name: a dimension's, `props:NAME`, or `goal`.
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

    /// Whose property it is.
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

/// Whose property a dimension is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each hit has its own.
    Hit,
    /// A visit has one: that of its first hit, or its entry or exit page.
    Visit,
}

impl Dimension {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them, in the order of the dashboard.
    pub const ALL: [Self; 20] = [
        Self::Page,
        Self::EntryPage,
        Self::ExitPage,
        Self::Host,
        Self::Event,
        Self::Source,
        Self::Referrer,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
        Self::UtmTerm,
        Self::UtmContent,
        Self::Country,
        Self::Browser,
        Self::BrowserVersion,
        Self::Os,
        Self::OsVersion,
        Self::Device,
        Self::Screen,
        Self::Channel,
    ];

    /// The name in addresses and in data.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EntryPage => "entry_page",
            Self::ExitPage => "exit_page",
            Self::Channel => "channel",
            // The others are called as their columns are.
            _ => self.column().name(),
        }
    }

    /// The dimension of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dimension| dimension.name() == name)
    }

    /// The column that has its values. The channel has none: it is made from others, of which this is
    /// the first.
    #[must_use]
    pub const fn column(self) -> Column {
        match self {
            Self::Page | Self::EntryPage | Self::ExitPage => Column::Page,
            Self::Host => Column::Host,
            Self::Event => Column::Event,
            Self::Source | Self::Channel => Column::Source,
            Self::Referrer => Column::Referrer,
            Self::UtmSource => Column::UtmSource,
            Self::UtmMedium => Column::UtmMedium,
            Self::UtmCampaign => Column::UtmCampaign,
            Self::UtmTerm => Column::UtmTerm,
            Self::UtmContent => Column::UtmContent,
            Self::Country => Column::Country,
            Self::Browser => Column::Browser,
            Self::BrowserVersion => Column::BrowserVersion,
            Self::Os => Column::Os,
            Self::OsVersion => Column::OsVersion,
            Self::Device => Column::Device,
            Self::Screen => Column::Screen,
        }
    }

    /// Whose property it is.
    #[must_use]
    pub const fn scope(self) -> Scope {
        match self {
            Self::Page | Self::Host | Self::Event => Scope::Hit,
            _ => Scope::Visit,
        }
    }

    /// Whether what has no value stands in a row of its own.
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

    /// Whether its rows are ranked by visits, and not by visitors.
    #[must_use]
    pub const fn is_ranked_by_visits(self) -> bool {
        matches!(self, Self::EntryPage | Self::ExitPage)
    }

    /// Where it stands among [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
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
    fn a_dimension_is_found_by_name_and_place() {
        for (index, dimension) in Dimension::ALL.into_iter().enumerate() {
            assert_eq!(dimension.index(), index);
            assert_eq!(Dimension::parse(dimension.name()), Some(dimension));
        }
        assert_eq!(Dimension::parse("Page"), None);
    }
}
