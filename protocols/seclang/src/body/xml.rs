//! XML: its text and the values of its attributes. Entities that a document declares are not resolved.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::body::Body;
use crate::body::intake::Intake;
use crate::transformation::Transformation;

pub(super) fn read(bytes: &[u8], intake: &mut Intake) -> Body {
    let lossy = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(&lossy);
    reader.config_mut().check_end_names = false;
    let (mut text, mut body, mut depth) = (Vec::new(), Body::default(), 0_usize);
    loop {
        match reader.read_event() {
            Ok(Event::Start(element)) => {
                depth += 1;
                body.error |= attributes(&element, &mut body.xml_attributes, intake);
            }
            Ok(Event::Empty(element)) => body.error |= attributes(&element, &mut body.xml_attributes, intake),
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
        if depth > intake.limits.depth {
            body.error = true;
            break;
        }
    }
    body.error |= depth > 0;
    body.xml_text = Some(text);
    body
}

fn attributes(element: &BytesStart<'_>, output: &mut Vec<Vec<u8>>, intake: &mut Intake) -> bool {
    let mut broken = false;
    for attribute in element.attributes().with_checks(false) {
        match attribute {
            Ok(_) if output.len() >= intake.limits.arguments => intake.pass_over(intake.is_free("")),
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
