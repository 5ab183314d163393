//! XML: its text and the values of its attributes. Entities that a document declares are not resolved.

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::body::Body;
use crate::settings::Limits;
use crate::transformation::Transformation;

pub(super) fn read(bytes: &[u8], limits: &Limits) -> Body {
    let lossy = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&lossy);
    reader.config_mut().check_end_names = false;
    let (mut text, mut body, mut depth) = (Vec::new(), Body::default(), 0_usize);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth += 1;
                body.error |= attributes(&element, &mut body.xml_attributes);
            }
            Ok(Event::Empty(element)) => body.error |= attributes(&element, &mut body.xml_attributes),
            Ok(Event::End(_)) => depth = depth.saturating_sub(1),
            Ok(Event::Text(part)) => text.extend_from_slice(part.as_bytes()),
            Ok(Event::CData(part)) => text.extend_from_slice(part.as_bytes()),
            Ok(Event::GeneralRef(reference)) => {
                let written = format!("&{};", &*reference);
                Transformation::HtmlEntityDecode.apply(written.as_bytes(), &mut text);
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => {
                body.error = true;
                break;
            }
        }
        if depth > limits.depth {
            body.error = true;
            break;
        }
    }
    body.error |= depth > 0;
    body.xml_text = Some(text);
    body
}

fn attributes(element: &quick_xml::events::BytesStart<'_>, output: &mut Vec<Vec<u8>>) -> bool {
    let mut broken = false;
    for attribute in element.attributes().with_checks(false) {
        match attribute {
            Ok(attribute) => {
                let mut value = Vec::new();
                Transformation::HtmlEntityDecode.apply(attribute.value.as_bytes(), &mut value);
                output.push(value);
            }
            Err(_) => broken = true,
        }
    }
    broken
}
