//! The text columns of segments and reports.

/// Passes the columns that a visit takes from its first hit to a macro: doc comment, variant and name of each.
///
/// [`Column`] and the dimensions of reports are both made from this list.
macro_rules! with_visit_columns {
    ($macro:ident) => {
        $macro! {
            /// Name of the source. Direct visits have none.
            Source = "source",
            /// Referring URL, without scheme and query.
            Referrer = "referrer",
            /// `utm_source`, as the link spells it.
            UtmSource = "utm_source",
            /// `utm_medium`.
            UtmMedium = "utm_medium",
            /// `utm_campaign`.
            UtmCampaign = "utm_campaign",
            /// `utm_term`.
            UtmTerm = "utm_term",
            /// `utm_content`.
            UtmContent = "utm_content",
            /// Country code.
            Country = "country",
            /// Name of the browser.
            Browser = "browser",
            /// Version of the browser.
            BrowserVersion = "browser_version",
            /// Name of the operating system.
            Os = "os",
            /// Version of the operating system.
            OsVersion = "os_version",
            /// Type of device.
            Device = "device",
            /// Size class of the window, by its width.
            Screen = "screen",
        }
    };
}
pub(crate) use with_visit_columns;

macro_rules! define_columns {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A text column. The variants are in the order of a segment's columns; nothing else depends on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Column {
            /// Name of the event. Page views have none.
            Event,
            /// Host of the page, if it differs from the site's domain.
            Host,
            /// Path of the page.
            Page,
            $($(#[$doc])* $variant,)*
            /// Reason for excluding the hit. Hits that count have none.
            Exclusion,
            /// Properties of the event: a JSON object of strings in memory, a map in a segment.
            Props,
        }

        impl Column {
            /// All columns, in order.
            pub const ALL: [Self; 19] = [
                Self::Event,
                Self::Host,
                Self::Page,
                $(Self::$variant,)*
                Self::Exclusion,
                Self::Props,
            ];

            /// Returns the name in a segment.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Event => "event",
                    Self::Host => "host",
                    Self::Page => "page",
                    $(Self::$variant => $name,)*
                    Self::Exclusion => "filtered",
                    Self::Props => "props",
                }
            }
        }
    };
}
with_visit_columns!(define_columns);

impl Column {
    /// Number of columns.
    pub const COUNT: usize = Self::ALL.len();

    /// Returns the index in [`ALL`](Self::ALL).
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
