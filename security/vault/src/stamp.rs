//! What an installation is for. The stamp is set at the first start, bound into the installation's keys, and never changes:
//! live data does not open on a developer's node, and made-up data never goes live.

use std::fmt;

/// What the data of an installation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stamp {
    /// Of real people.
    Production,
    /// A developer's, made up.
    Development,
    /// Of the sample business.
    Demo,
}

impl Stamp {
    /// Every stamp.
    pub const ALL: [Self; 3] = [Self::Production, Self::Development, Self::Demo];

    /// The word stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
            Self::Demo => "demo",
        }
    }

    /// The stamp of a stored word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stamp| stamp.as_str() == word)
    }

    /// How a node for such data is started.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::Production => "ringfence serve",
            Self::Development => "ringfence serve --dev",
            Self::Demo => "ringfence demo",
        }
    }

    /// Takes the stamp off a key's text: `development:…`. What bears none is nobody's in particular.
    pub(crate) fn split(content: &[u8]) -> (Option<Self>, &[u8]) {
        let stamped = Self::ALL.into_iter().find_map(|stamp| {
            let rest = content.strip_prefix(stamp.as_str().as_bytes())?.strip_prefix(b":")?;
            Some((Some(stamp), rest))
        });
        stamped.unwrap_or((None, content))
    }

    /// What stands before the text of a key made for such data. A key for live data bears nothing: it is the kind that
    /// operators bring along.
    pub(crate) fn prefix(self) -> String {
        match self {
            Self::Production => String::new(),
            Self::Development | Self::Demo => format!("{self}:"),
        }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_go_both_ways() {
        for stamp in Stamp::ALL {
            assert_eq!(Stamp::parse(stamp.as_str()), Some(stamp));
            let text = format!("{}AbC", stamp.prefix());
            let expected = (stamp != Stamp::Production).then_some(stamp);
            assert_eq!(Stamp::split(text.as_bytes()), (expected, &b"AbC"[..]));
        }
        assert_eq!(Stamp::split(b"demonstration:AbC"), (None, &b"demonstration:AbC"[..]));
        assert_eq!(Stamp::parse("Production"), None);
    }
}
