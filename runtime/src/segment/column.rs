//! The text columns of segments and reports.

/// A text column. The variants are in the order of a segment's columns; nothing else depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The event's name. Page views have none.
    Event,
    /// The page's host, if it differs from the site's domain.
    Host,
    /// The page's path.
    Page,
    /// The source's name. Direct visits have none.
    Source,
    /// The referring URL, without scheme and query.
    Referrer,
    /// `utm_source`, as the link spells it.
    UtmSource,
    /// `utm_medium`.
    UtmMedium,
    /// `utm_campaign`.
    UtmCampaign,
    /// `utm_term`.
    UtmTerm,
    /// `utm_content`.
    UtmContent,
    /// The country code.
    Country,
    /// The browser's name.
    Browser,
    /// The browser's version.
    BrowserVersion,
    /// The operating system's name.
    Os,
    /// The operating system's version.
    OsVersion,
    /// The type of device.
    Device,
    /// The size class of the window, by its width.
    Screen,
    /// The reason for excluding the hit. Hits that count have none.
    Exclusion,
    /// An event's properties: a JSON object of strings in memory, a map in a segment.
    Props,
}

impl Column {
    /// The number of columns.
    pub const COUNT: usize = Self::ALL.len();

    /// All columns, in order.
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
        Self::Exclusion,
        Self::Props,
    ];

    /// Returns the column's name in a segment.
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
            Self::Exclusion => "filtered",
            Self::Props => "props",
        }
    }

    /// Returns the column's position in [`ALL`](Self::ALL).
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_is_position_in_all_columns() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
        }
    }
}
