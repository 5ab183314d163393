//! What happens to a value before an operator looks at it.
//!
//! Each transformation writes into a buffer that comes in, grows its input by a fixed factor at most, and can tell from the
//! bytes that occur whether it would change anything: ordinary text passes most of them untouched, and that is what keeps
//! a request cheap.

mod decode;
mod encode;
mod path;
mod space;

use crate::transaction::Presence;

macro_rules! transformations {
    ($($(#[$about:meta])* $variant:ident = $name:literal,)*) => {
        /// A transformation of the rule language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Transformation { $($(#[$about])* $variant,)* }

        impl Transformation {
            /// Every transformation.
            pub const ALL: &'static [Transformation] = &[$(Transformation::$variant,)*];

            /// The name in rules.
            pub const fn name(self) -> &'static str {
                match self { $(Transformation::$variant => $name,)* }
            }
        }
    };
}

transformations! {
    /// Bytes from base 64, up to the first that is none.
    Base64Decode = "base64Decode",
    /// The same, past bytes that are none.
    Base64DecodeExt = "base64DecodeExt",
    /// Base 64 of the bytes.
    Base64Encode = "base64Encode",
    /// The escapes of command lines undone, and small letters.
    CmdLine = "cmdLine",
    /// Runs of white space become one space.
    CompressWhitespace = "compressWhitespace",
    /// Escapes of CSS 2.
    CssDecode = "cssDecode",
    /// Escapes of C.
    EscapeSeqDecode = "escapeSeqDecode",
    /// Bytes from pairs of hexadecimal digits.
    HexDecode = "hexDecode",
    /// Pairs of hexadecimal digits.
    HexEncode = "hexEncode",
    /// Character references of HTML.
    HtmlEntityDecode = "htmlEntityDecode",
    /// Escapes of JavaScript.
    JsDecode = "jsDecode",
    /// How many bytes, in decimal digits.
    Length = "length",
    /// Small letters (ASCII).
    Lowercase = "lowercase",
    /// The hash, as bytes.
    Md5 = "md5",
    /// `.` and `..` and doubled slashes resolved.
    NormalizePath = "normalizePath",
    /// The same, with backslashes as slashes.
    NormalizePathWin = "normalizePathWin",
    /// Comments of C cut out.
    RemoveComments = "removeComments",
    /// Signs that begin or end comments cut out.
    RemoveCommentsChar = "removeCommentsChar",
    /// Zero bytes cut out.
    RemoveNulls = "removeNulls",
    /// White space cut out.
    RemoveWhitespace = "removeWhitespace",
    /// Comments of C become a space.
    ReplaceComments = "replaceComments",
    /// Zero bytes become spaces.
    ReplaceNulls = "replaceNulls",
    /// The hash, as bytes.
    Sha1 = "sha1",
    /// `0x…` of SQL becomes its bytes.
    SqlHexDecode = "sqlHexDecode",
    /// White space at both ends cut off.
    Trim = "trim",
    /// At the beginning.
    TrimLeft = "trimLeft",
    /// At the end.
    TrimRight = "trimRight",
    /// Large letters (ASCII).
    Uppercase = "uppercase",
    /// `%41` and `+`.
    UrlDecode = "urlDecode",
    /// The same, and `%u0041`.
    UrlDecodeUni = "urlDecodeUni",
    /// Everything but letters, digits and `*-._` as `%41`; space as `+`.
    UrlEncode = "urlEncode",
    /// Characters beyond ASCII as `%u00e4`.
    Utf8ToUnicode = "utf8toUnicode",
}

impl Transformation {
    /// How many there are.
    pub(crate) const COUNT: usize = Self::ALL.len();

    /// By the name in rules, whatever its case; British spellings count.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().copied().find(|each| each.name().eq_ignore_ascii_case(name));
        found.or_else(|| match name.to_ascii_lowercase().as_str() {
            "normalisepath" => Some(Self::NormalizePath),
            "normalisepathwin" => Some(Self::NormalizePathWin),
            "urlencode" => Some(Self::UrlEncode),
            _ => None,
        })
    }

    /// Writes the transformed bytes behind what `output` holds.
    pub fn apply(self, input: &[u8], output: &mut Vec<u8>) {
        match self {
            Self::Base64Decode => decode::base64(input, false, output),
            Self::Base64DecodeExt => decode::base64(input, true, output),
            Self::Base64Encode => encode::base64(input, output),
            Self::CmdLine => space::command_line(input, output),
            Self::CompressWhitespace => space::compress(input, output),
            Self::CssDecode => decode::css(input, output),
            Self::EscapeSeqDecode => decode::escape_sequences(input, output),
            Self::HexDecode => decode::hex(input, output),
            Self::HexEncode => output.extend_from_slice(::hex::encode(input).as_bytes()),
            Self::HtmlEntityDecode => decode::html(input, output),
            Self::JsDecode => decode::javascript(input, output),
            Self::Length => output.extend_from_slice(input.len().to_string().as_bytes()),
            Self::Lowercase => output.extend(input.iter().map(u8::to_ascii_lowercase)),
            Self::Md5 => encode::md5(input, output),
            Self::NormalizePath => path::normalize(input, output),
            Self::NormalizePathWin => path::normalize_windows(input, output),
            Self::RemoveComments => space::comments(input, None, output),
            Self::RemoveCommentsChar => space::comment_signs(input, output),
            Self::RemoveNulls => output.extend(input.iter().copied().filter(|byte| *byte != 0)),
            Self::RemoveWhitespace => output.extend(input.iter().copied().filter(|byte| !space::is_space(*byte))),
            Self::ReplaceComments => space::comments(input, Some(b' '), output),
            Self::ReplaceNulls => output.extend(input.iter().map(|byte| if *byte == 0 { b' ' } else { *byte })),
            Self::Sha1 => encode::sha1(input, output),
            Self::SqlHexDecode => decode::sql_hex(input, output),
            Self::Trim => output.extend_from_slice(space::trimmed_left(space::trimmed_right(input))),
            Self::TrimLeft => output.extend_from_slice(space::trimmed_left(input)),
            Self::TrimRight => output.extend_from_slice(space::trimmed_right(input)),
            Self::Uppercase => output.extend(input.iter().map(u8::to_ascii_uppercase)),
            Self::UrlDecode => decode::url(input, false, output),
            Self::UrlDecodeUni => decode::url(input, true, output),
            Self::UrlEncode => encode::url(input, output),
            Self::Utf8ToUnicode => encode::utf8_to_unicode(input, output),
        }
    }

    /// No byte occurs that the transformation would change.
    pub(crate) fn leaves(self, presence: &Presence) -> bool {
        match self {
            Self::CmdLine => !presence.has_any(b"\\\"'^,; \t\n\r\x0b\x0c") && !presence.has_upper(),
            Self::CssDecode | Self::EscapeSeqDecode | Self::JsDecode => !presence.has(b'\\'),
            Self::HtmlEntityDecode => !presence.has(b'&'),
            Self::Lowercase => !presence.has_upper(),
            Self::NormalizePath => !presence.has(b'/') && !presence.has(b'.'),
            Self::NormalizePathWin => !presence.has_any(b"/\\."),
            Self::RemoveComments | Self::ReplaceComments => !presence.has(b'/'),
            Self::RemoveCommentsChar => !presence.has_any(b"/*-#"),
            Self::RemoveNulls | Self::ReplaceNulls => !presence.has(0),
            Self::RemoveWhitespace => !presence.has_any(b" \t\n\r\x0b\x0c\xa0"),
            // A single space stays what it is, but telling single ones from runs takes a look at each.
            Self::CompressWhitespace | Self::Trim | Self::TrimLeft | Self::TrimRight => {
                !presence.has_any(b" \t\n\r\x0b\x0c\xa0")
            }
            Self::UrlDecode | Self::UrlDecodeUni => !presence.has(b'%') && !presence.has(b'+'),
            Self::Utf8ToUnicode => presence.is_ascii(),
            Self::SqlHexDecode => !presence.has_any(b"xX"),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
