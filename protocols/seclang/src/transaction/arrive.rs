//! A request taken apart into variables.

use crate::body::intake::Arguments;
use crate::body::{self, Body, Processor};
use crate::transaction::values::Value;
use crate::transaction::{Request, Response, Transaction};
use crate::transformation::Transformation;
use crate::variable::Variable;

impl Transaction<'_> {
    pub(super) fn take_request(&mut self, request: &Request<'_>) {
        self.intake.declare(request.free_text);
        let target = Parts::of(request.target);
        let arguments = body::form(target.query, &mut self.intake);
        // Where a field of the query is free text, the query as a whole goes on without it.
        let query = if arguments.any_free { self.without_free_text(target.query) } else { target.query.to_vec() };
        let raw = replaced(request.target, target.query, &query);
        let uri = replaced(target.local, target.query, &query);
        let line = [request.method, b" ", &raw, b" ", request.protocol].concat();
        let path = decoded_path(target.path);
        let basename = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
        let address = request.remote_address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
        self.controls.processor = Processor::of(header(request.headers, b"content-type"));
        let processor = self.controls.processor.name();
        for (variable, text) in [
            (Variable::RequestMethod, request.method),
            (Variable::RequestProtocol, request.protocol),
            (Variable::RequestUriRaw, &raw),
            (Variable::RequestUri, &uri),
            (Variable::RequestLine, line.trim_ascii_end()),
            (Variable::RequestFilename, &path),
            (Variable::RequestBasename, basename),
            (Variable::QueryString, &query),
            (Variable::RemoteAddr, address.as_bytes()),
            (Variable::UniqueId, request.unique_id.as_bytes()),
            (Variable::ReqbodyProcessor, processor.as_bytes()),
            (Variable::RequestBodyLength, b"0"),
            (Variable::ReqbodyError, b"0"),
            (Variable::MultipartStrictError, b"0"),
        ] {
            self.values.single(&mut self.texts, variable, text);
        }
        self.take_headers(Variable::RequestHeaders, request.headers);
        let cookies = request.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(b"cookie"));
        for (place, (name, value)) in cookies.flat_map(|(_, value)| cookies_of(value)).enumerate() {
            if place == self.intake.limits.arguments {
                self.intake.pass_over(false);
                break;
            }
            self.add(Variable::RequestCookies, name, value, false);
        }
        self.take_arguments(Variable::ArgsGet, &arguments);
        self.cache.forget();
    }

    pub(super) fn take_response(&mut self, response: &Response<'_>) {
        let status = response.status.to_string();
        self.values.single(&mut self.texts, Variable::ResponseStatus, status.as_bytes());
        self.values.single(&mut self.texts, Variable::ResponseProtocol, response.protocol);
        self.take_headers(Variable::ResponseHeaders, response.headers);
        self.cache.forget();
    }

    fn take_headers(&mut self, variable: Variable, headers: &[(&[u8], &[u8])]) {
        for (name, value) in headers {
            self.add(variable, name, value, false);
        }
    }

    fn add(&mut self, variable: Variable, name: &[u8], value: &[u8], free: bool) {
        let (name, text) = (self.texts.add(name), self.texts.add(value));
        self.values.push(variable, Value { name, text, free });
    }

    pub(super) fn take_body(&mut self, bytes: &[u8]) {
        self.cache.forget();
        if !self.controls.body_access {
            return;
        }
        let body = body::read(self.controls.processor, bytes, &mut self.intake);
        let Body { arguments, files, part_headers, xml_text, xml_attributes, error, strict_error } = body;
        let free = arguments.any_free || self.intake.is_free("");
        self.take_whole_body(bytes, free, error);
        for (variable, number) in [
            (Variable::RequestBodyLength, bytes.len()),
            (Variable::ReqbodyError, usize::from(error)),
            (Variable::MultipartStrictError, usize::from(strict_error)),
            (Variable::FilesCombinedSize, files.iter().map(|file| file.bytes).sum()),
        ] {
            self.values.single(&mut self.texts, variable, number.to_string().as_bytes());
        }
        self.take_arguments(Variable::ArgsPost, &arguments);
        for file in &files {
            self.add(Variable::Files, &file.field, &file.name, false);
            self.add(Variable::FilesNames, &file.field, &file.field, false);
            self.add(Variable::FilesSizes, &file.field, file.bytes.to_string().as_bytes(), false);
        }
        for headers in &part_headers {
            let name = self.texts.add(&headers.part);
            for line in &headers.lines {
                let text = self.texts.add(line);
                self.values.push(Variable::MultipartPartHeaders, Value { name, text, free: false });
            }
        }
        let free = self.intake.is_free("");
        for (variable, text) in xml_text
            .iter()
            .map(|text| (Variable::XmlText, text))
            .chain(xml_attributes.iter().map(|text| (Variable::XmlAttributes, text)))
        {
            let text = self.texts.add(self.intake.within(text, free));
            self.values.push(variable, Value { name: crate::transaction::texts::Texts::EMPTY, text, free });
        }
    }

    /// `REQUEST_BODY`: for forms, for what a rule forces, and for what could not be read as what it claims to be.
    fn take_whole_body(&mut self, bytes: &[u8], free: bool, error: bool) {
        let form = self.controls.processor == Processor::Form;
        let forced = self.controls.force_body && self.controls.processor == Processor::None;
        if bytes.is_empty() || !(form || forced || error) {
            return;
        }
        let inspected = &bytes[..bytes.len().min(self.intake.limits.inspected_bytes)];
        if form && free && !self.intake.is_free("") {
            let rest = self.without_free_text(inspected);
            self.values.single(&mut self.texts, Variable::RequestBody, &rest);
        } else if free {
            self.values.free_single(&mut self.texts, Variable::RequestBody, inspected);
        } else {
            self.values.single(&mut self.texts, Variable::RequestBody, inspected);
            if inspected.len() < bytes.len() {
                self.intake.pass_over(false);
            }
        }
    }

    fn take_arguments(&mut self, variable: Variable, arguments: &Arguments) {
        let size = crate::operator::number(
            self.values.of(Variable::ArgsCombinedSize).first().map_or(b"0", |value| self.texts.get(value.text)),
        ) as usize;
        for argument in &arguments.taken {
            self.add(variable, &argument.name, &argument.value, argument.free);
        }
        self.values.left_out[usize::from(variable == Variable::ArgsPost)] += arguments.left_out;
        let size = size.saturating_add(arguments.bytes).to_string();
        self.values.single(&mut self.texts, Variable::ArgsCombinedSize, size.as_bytes());
    }

    /// A query or form without the values of free fields.
    fn without_free_text(&self, form: &[u8]) -> Vec<u8> {
        let pair = |pair: &[u8]| {
            let end = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let mut name = Vec::new();
            Transformation::UrlDecode.apply(&pair[..end], &mut name);
            let free = self.intake.is_free(&String::from_utf8_lossy(&name));
            if free { pair[..end].to_vec() } else { pair.to_vec() }
        };
        form.split(|byte| *byte == b'&').map(pair).collect::<Vec<_>>().join(&b'&')
    }
}

/// The pieces of a request's target.
struct Parts<'a> {
    /// Without scheme and host.
    local: &'a [u8],
    path: &'a [u8],
    query: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(target: &'a [u8]) -> Self {
        let scheme = target.windows(3).position(|window| window == b"://");
        let local = match scheme {
            Some(end) if target[..end].iter().all(u8::is_ascii_alphanumeric) && end > 0 => {
                let host = &target[end + 3..];
                let start = host.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(host.len());
                &host[start..]
            }
            _ => target,
        };
        let fragment = local.iter().position(|byte| *byte == b'#').unwrap_or(local.len());
        let address = &local[..fragment];
        let question = address.iter().position(|byte| *byte == b'?');
        let path = &address[..question.unwrap_or(address.len())];
        let query = question.map_or(&address[..0], |place| &address[place + 1..]);
        Self { local, path, query }
    }
}

/// The whole with one piece of it, which it contains as a slice at `?`, in other words.
fn replaced(whole: &[u8], piece: &[u8], instead: &[u8]) -> Vec<u8> {
    let question = whole.iter().position(|byte| *byte == b'?');
    match question {
        Some(place) if piece != instead => {
            [&whole[..=place], instead, &whole[(place + 1 + piece.len()).min(whole.len())..]].concat()
        }
        _ => whole.to_vec(),
    }
}

/// A path with `%41` undone; in a path, `+` is a plus sign.
fn decoded_path(path: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(path.len());
    for (place, piece) in path.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            output.push(b'+');
        }
        Transformation::UrlDecode.apply(piece, &mut output);
    }
    output
}

fn header<'a>(headers: &[(&'a [u8], &'a [u8])], wanted: &[u8]) -> &'a [u8] {
    headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map_or(b"", |(_, value)| value)
}

fn cookies_of(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    header.split(|byte| *byte == b';').filter_map(|cookie| {
        let cookie = cookie.trim_ascii();
        if cookie.is_empty() {
            return None;
        }
        let end = cookie.iter().position(|byte| *byte == b'=').unwrap_or(cookie.len());
        Some((cookie[..end].trim_ascii(), cookie.get(end + 1..).unwrap_or_default().trim_ascii()))
    })
}
