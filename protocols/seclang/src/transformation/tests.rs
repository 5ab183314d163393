//! Every transformation does what its name says.

use super::Transformation as T;
use crate::transaction::Presence;

fn transformed(transformation: T, input: &[u8]) -> String {
    let mut output = Vec::new();
    transformation.apply(input, &mut output);
    String::from_utf8_lossy(&output).into_owned()
}

#[test]
fn each_does_what_its_name_says() {
    let cases: &[(T, &[u8], &str)] = &[
        (T::Base64Decode, b"VGVzdCE=", "Test!"),
        (T::Base64Decode, b"VGVz*dCE=", "Tes"),
        (T::Base64DecodeExt, b"VGVz*dCE=", "Test!"),
        (T::Base64Encode, b"Test!", "VGVzdCE="),
        (T::CmdLine, b"C^OMMAND /C \"whoami\" ; ls (x", "command/c whoami ls(x"),
        (T::CompressWhitespace, b"a \t\nb", "a b"),
        (T::CssDecode, b"j\\61 vascript\\00003a\\\n!\\;", "javascript:!;"),
        (T::EscapeSeqDecode, b"\\x41\\101\\q\\\\", "AA\\q\\"),
        (T::HexDecode, b"414243", "ABC"),
        (T::HexEncode, b"AB", "4142"),
        (T::HtmlEntityDecode, b"&lt;b&#62;&#x41&quot;&amp;&none;&#;", "<b>A\"&&none;&#;"),
        (T::JsDecode, b"\\u0041\\uff1cx\\x41\\101\\n\\'\\", "A<xAA\n'\\"),
        (T::Length, b"12345", "5"),
        (T::Lowercase, b"AbC", "abc"),
        (T::NormalizePath, b"/a/./b/../c//d", "/a/c/d"),
        (T::NormalizePath, b"../../etc", "../../etc"),
        (T::NormalizePath, b"/../etc/passwd", "/etc/passwd"),
        (T::NormalizePath, b"a/b/", "a/b/"),
        (T::NormalizePathWin, b"\\a\\..\\b", "/b"),
        (T::RemoveComments, b"a/* x */b/* y", "ab"),
        (T::RemoveCommentsChar, b"a/*b*/--c#<!--d-->", "abcd"),
        (T::RemoveNulls, b"a\0b", "ab"),
        (T::RemoveWhitespace, b" a \n b ", "ab"),
        (T::ReplaceComments, b"a/*x*/b/*", "a b "),
        (T::ReplaceNulls, b"a\0b", "a b"),
        (T::SqlHexDecode, b"a 0x4142 0x", "a AB 0x"),
        (T::Trim, b" a b ", "a b"),
        (T::TrimLeft, b" a ", "a "),
        (T::TrimRight, b" a ", " a"),
        (T::Uppercase, b"abC", "ABC"),
        (T::UrlDecode, b"%41+%zz%u0041%4", "A %zz%u0041%4"),
        (T::UrlDecodeUni, b"%u0041%uff1c%41+%uZZ", "A<A %uZZ"),
        (T::UrlEncode, b"a b&", "a+b%26"),
        (T::Utf8ToUnicode, "aä€".as_bytes(), "a%u00e4%u20ac"),
    ];
    for (transformation, input, expected) in cases {
        assert_eq!(transformed(*transformation, input), *expected, "{}", transformation.name());
    }
    assert_eq!(hex::encode(hash(T::Sha1)), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_eq!(hex::encode(hash(T::Md5)), "900150983cd24fb0d6963f7d28e17f72");
}

fn hash(transformation: T) -> Vec<u8> {
    let mut output = Vec::new();
    transformation.apply(b"abc", &mut output);
    output
}

#[test]
fn what_is_said_to_stay_stays() {
    let inputs: &[&[u8]] =
        &[b"", b"plain", b"two words", b"a.b", b"UPPER", b"x=1", b"50%", b"a\xa0b", b"\xe4", b"a-b#c"];
    for transformation in T::ALL {
        for input in inputs {
            let mut output = Vec::new();
            transformation.apply(input, &mut output);
            if transformation.leaves(&Presence::of(input)) {
                assert_eq!(output, *input, "{}", transformation.name());
            }
        }
    }
}

#[test]
fn names_are_found_whatever_their_case() {
    for transformation in T::ALL {
        assert_eq!(T::named(&transformation.name().to_uppercase()), Some(*transformation));
    }
    assert_eq!(T::named("normalisePath"), Some(T::NormalizePath));
    assert_eq!(T::named("rot13"), None);
}
