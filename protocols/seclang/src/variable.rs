//! What rules look at: variables, their selectors, and lists of targets.

use regex::bytes::{Regex, RegexBuilder};

use crate::error::Fault;

macro_rules! variables {
    ($($(#[$about:meta])* $variant:ident = $name:literal,)*) => {
        /// A variable or collection of the rule language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Variable { $($(#[$about])* $variant,)* }

        impl Variable {
            /// Every variable.
            pub const ALL: &'static [Variable] = &[$(Variable::$variant,)*];

            /// The name in rules.
            pub const fn name(self) -> &'static str {
                match self { $(Variable::$variant => $name,)* }
            }
        }
    };
}

variables! {
    /// Arguments of query and body.
    Args = "ARGS",
    /// Their names.
    ArgsNames = "ARGS_NAMES",
    /// Arguments of the query.
    ArgsGet = "ARGS_GET",
    /// Their names.
    ArgsGetNames = "ARGS_GET_NAMES",
    /// Arguments of the body.
    ArgsPost = "ARGS_POST",
    /// Their names.
    ArgsPostNames = "ARGS_POST_NAMES",
    /// Bytes of all names and values of arguments.
    ArgsCombinedSize = "ARGS_COMBINED_SIZE",
    /// File names of uploads, as the sender gave them.
    Files = "FILES",
    /// Names of the fields that uploads came in.
    FilesNames = "FILES_NAMES",
    /// Bytes of each upload.
    FilesSizes = "FILES_SIZES",
    /// Bytes of all uploads.
    FilesCombinedSize = "FILES_COMBINED_SIZE",
    /// Header lines of the parts of a multipart body, under the name of the part.
    MultipartPartHeaders = "MULTIPART_PART_HEADERS",
    /// 1 where a multipart body breaks RFC 7578.
    MultipartStrictError = "MULTIPART_STRICT_ERROR",
    /// 1 where the body is not what its content type says.
    ReqbodyError = "REQBODY_ERROR",
    /// `URLENCODED`, `MULTIPART`, `JSON`, `XML` or empty.
    ReqbodyProcessor = "REQBODY_PROCESSOR",
    /// The body as it came; only for forms and where a rule forces it.
    RequestBody = "REQUEST_BODY",
    /// Its bytes.
    RequestBodyLength = "REQUEST_BODY_LENGTH",
    /// Cookies.
    RequestCookies = "REQUEST_COOKIES",
    /// Their names.
    RequestCookiesNames = "REQUEST_COOKIES_NAMES",
    /// Headers.
    RequestHeaders = "REQUEST_HEADERS",
    /// Their names.
    RequestHeadersNames = "REQUEST_HEADERS_NAMES",
    /// Method, target and protocol.
    RequestLine = "REQUEST_LINE",
    /// The method.
    RequestMethod = "REQUEST_METHOD",
    /// `HTTP/1.1` and its like.
    RequestProtocol = "REQUEST_PROTOCOL",
    /// Path and query.
    RequestUri = "REQUEST_URI",
    /// The target as it came, which may hold scheme and host.
    RequestUriRaw = "REQUEST_URI_RAW",
    /// The path.
    RequestFilename = "REQUEST_FILENAME",
    /// What follows its last slash.
    RequestBasename = "REQUEST_BASENAME",
    /// The query.
    QueryString = "QUERY_STRING",
    /// Where it came from.
    RemoteAddr = "REMOTE_ADDR",
    /// A number for this request, from the caller.
    UniqueId = "UNIQUE_ID",
    /// The response's body.
    ResponseBody = "RESPONSE_BODY",
    /// Its headers.
    ResponseHeaders = "RESPONSE_HEADERS",
    /// Their names.
    ResponseHeadersNames = "RESPONSE_HEADERS_NAMES",
    /// Its status.
    ResponseStatus = "RESPONSE_STATUS",
    /// Its protocol.
    ResponseProtocol = "RESPONSE_PROTOCOL",
    /// Values that rules keep while a request lasts.
    Tx = "TX",
    /// What matched last.
    MatchedVar = "MATCHED_VAR",
    /// Its name.
    MatchedVarName = "MATCHED_VAR_NAME",
    /// What matched in the rule before, in a chain.
    MatchedVars = "MATCHED_VARS",
    /// Their names.
    MatchedVarsNames = "MATCHED_VARS_NAMES",
    /// The text of an XML body.
    XmlText = "XML:/*",
    /// The values of its attributes.
    XmlAttributes = "XML://@*",
}

impl Variable {
    /// It has members with names.
    pub(crate) fn is_collection(self) -> bool {
        use Variable as V;
        matches!(
            self,
            V::Args
                | V::ArgsNames
                | V::ArgsGet
                | V::ArgsGetNames
                | V::ArgsPost
                | V::ArgsPostNames
                | V::Files
                | V::FilesNames
                | V::FilesSizes
                | V::MultipartPartHeaders
                | V::RequestCookies
                | V::RequestCookiesNames
                | V::RequestHeaders
                | V::RequestHeadersNames
                | V::ResponseHeaders
                | V::ResponseHeadersNames
                | V::Tx
                | V::MatchedVars
                | V::MatchedVarsNames
        )
    }

    /// Its members change while rules run.
    pub(crate) fn is_dynamic(self) -> bool {
        use Variable as V;
        matches!(self, V::Tx | V::MatchedVar | V::MatchedVarName | V::MatchedVars | V::MatchedVarsNames)
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|variable| variable.name().eq_ignore_ascii_case(name))
    }
}

/// Which members of a collection.
#[derive(Debug, Clone)]
pub(crate) enum Selector {
    /// All, or the variable is no collection.
    All,
    /// The one with this name, whatever its case.
    Name(Vec<u8>),
    /// Those whose name fits.
    Pattern(Regex),
}

impl Selector {
    /// The name is meant.
    pub(crate) fn takes(&self, name: &[u8]) -> bool {
        match self {
            Selector::All => true,
            Selector::Name(wanted) => name.eq_ignore_ascii_case(wanted),
            Selector::Pattern(pattern) => pattern.is_match(name),
        }
    }

    fn parse(text: &str) -> Result<Self, Fault> {
        let text = text.trim_matches('\'');
        let Some(pattern) = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) else {
            return Ok(Self::Name(text.as_bytes().to_vec()));
        };
        let built = RegexBuilder::new(pattern).unicode(false).case_insensitive(true).build();
        built.map(Self::Pattern).map_err(|_| Fault::Selector(text.to_owned()))
    }
}

/// One entry of a rule's list of variables.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub variable: Variable,
    pub selector: Selector,
    /// `&`: how many, instead of what.
    pub count: bool,
    /// `!`: not these.
    pub exclude: bool,
    /// The place of a named value of `TX`, once rules are compiled.
    pub slot: Option<usize>,
}

impl Target {
    /// Reads `[!|&]NAME[:selector]`.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let (exclude, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let (count, rest) = rest.strip_prefix('&').map_or((false, rest), |rest| (true, rest));
        if let Some(path) = rest.get(..4).filter(|head| head.eq_ignore_ascii_case("XML:")).map(|_| &rest[4..]) {
            let variable = match path {
                "/*" => Variable::XmlText,
                "//@*" => Variable::XmlAttributes,
                _ => return Err(Fault::Selector(rest.to_owned())),
            };
            return Ok(Self { variable, selector: Selector::All, count, exclude, slot: None });
        }
        let (name, selector) = rest.split_once(':').map_or((rest, None), |(name, selector)| (name, Some(selector)));
        let variable = Variable::named(name).ok_or_else(|| Fault::UnknownVariable(name.to_owned()))?;
        let selector = match selector {
            None => Selector::All,
            Some(text) if variable.is_collection() => Selector::parse(text)?,
            Some(_) => return Err(Fault::Selector(rest.to_owned())),
        };
        Ok(Self { variable, selector, count, exclude, slot: None })
    }

    /// Reads a list with `|` between its entries; a `|` within `/…/` belongs to the pattern.
    pub(crate) fn parse_list(text: &str) -> Result<Vec<Self>, Fault> {
        let mut targets = Vec::new();
        let (mut start, mut in_pattern, mut before) = (0, false, b'|');
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                b'/' if !in_pattern && matches!(before, b':' | b'\'') && !text[start..place].contains("XML:") => {
                    in_pattern = true;
                }
                b'/' if in_pattern && before != b'\\' => in_pattern = false,
                b'|' if !in_pattern => {
                    targets.push(Self::parse(text[start..place].trim())?);
                    start = place + 1;
                }
                _ => {}
            }
            before = byte;
        }
        targets.push(Self::parse(text[start..].trim())?);
        Ok(targets)
    }
}
