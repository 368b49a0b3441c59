//! The texts of a hit, as columns: what a segment holds, and what a report is made from.

/// A column of texts. Their order is that of a segment, and of nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The event's name; none is a page view.
    Event,
    /// The page's host, where it is not the site's own domain.
    Host,
    /// The page's path.
    Page,
    /// The source's name; none is direct.
    Source,
    /// The address before, without scheme and query.
    Referrer,
    /// `utm_source`, as it was written.
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
    /// The browser's name.
    Browser,
    /// The browser's version.
    BrowserVersion,
    /// The operating system's name.
    Os,
    /// The operating system's version.
    OsVersion,
    /// What kind of device it is.
    Device,
    /// How wide the window is.
    Screen,
    /// Why it is not counted; none counts.
    Filtered,
    /// An event's properties: the JSON of an object of texts, in memory; a map, in a segment.
    Props,
}

impl Column {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Event,
        Self::Host,
        Self::Page,
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
        Self::Filtered,
        Self::Props,
    ];

    /// The column's name in a segment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Host => "host",
            Self::Page => "page",
            Self::Source => "source",
            Self::Referrer => "referrer",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmCampaign => "utm_campaign",
            Self::UtmTerm => "utm_term",
            Self::UtmContent => "utm_content",
            Self::Country => "country",
            Self::Browser => "browser",
            Self::BrowserVersion => "browser_version",
            Self::Os => "os",
            Self::OsVersion => "os_version",
            Self::Device => "device",
            Self::Screen => "screen",
            Self::Filtered => "filtered",
            Self::Props => "props",
        }
    }

    /// Where it stands among [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_stands_where_its_index_says() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
        }
    }
}
