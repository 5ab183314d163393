//! Words of a text as search sees them: folded, stemmed, with the filler words of questions told apart from the words
//! that carry meaning. Pure and deterministic; the same text gives the same words on every machine.
//!
//! Stems are English (Snowball). Other languages still match by whole words and by pieces of words, less well.

use rust_stemmers::{Algorithm, Stemmer};

/// Longer words are cut here, in characters: no real word is longer, and a megabyte without a space is no word.
pub const WORD_CHARACTERS_MAX: usize = 40;

/// Letters in one piece of a word (a character n-gram).
const PIECE_CHARACTERS: usize = 4;

/// One word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its stem: what is compared.
    pub stem: String,
    /// The folded word itself.
    pub folded: String,
    /// Whether it is a filler word ("the", "please", "what").
    pub filler: bool,
    /// Whether it began with a capital letter.
    pub capital: bool,
}

/// Splits `text` into words: runs of letters and digits, lower case, accents removed, possessive endings dropped,
/// thousands separators joined ("1,500" is one number).
pub fn words(text: &str) -> Vec<Word> {
    let stemmer = Stemmer::create(Algorithm::English);
    let mut found = Vec::new();
    let mut current = String::new();
    let mut length = 0_usize;
    let mut capital = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character.is_alphanumeric() {
            if current.is_empty() {
                capital = character.is_uppercase();
            }
            if length < WORD_CHARACTERS_MAX {
                push_folded(&mut current, character);
                length += 1;
            }
            continue;
        }
        if ('\u{300}'..='\u{36f}').contains(&character) {
            // A combining accent after its letter.
            continue;
        }
        let next_is_digit = characters.peek().is_some_and(char::is_ascii_digit);
        if character == ',' && next_is_digit && current.bytes().all(|byte| byte.is_ascii_digit()) && !current.is_empty()
        {
            continue;
        }
        if matches!(character, '\'' | '\u{2019}') && !current.is_empty() {
            // "isn't" stays one word, "agent's" loses its ending.
            if characters.peek().is_some_and(|next| next.is_alphabetic()) {
                let ending = possessive(&mut characters);
                if ending {
                    finish(&stemmer, &mut current, &mut length, capital, &mut found);
                }
                continue;
            }
        }
        finish(&stemmer, &mut current, &mut length, capital, &mut found);
    }
    finish(&stemmer, &mut current, &mut length, capital, &mut found);
    found
}

/// After an apostrophe: swallows a possessive "s" that ends the word and says whether it did.
fn possessive(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> bool {
    let mut ahead = characters.clone();
    let first = ahead.next();
    if matches!(first, Some('s' | 'S')) && !ahead.next().is_some_and(char::is_alphanumeric) {
        characters.next();
        return true;
    }
    false
}

fn finish(stemmer: &Stemmer, current: &mut String, length: &mut usize, capital: bool, found: &mut Vec<Word>) {
    *length = 0;
    if current.is_empty() {
        return;
    }
    let folded = std::mem::take(current);
    let regular = || stemmer.stem(irregular(&folded).unwrap_or(&folded)).into_owned();
    let stem = number_word(&folded).map_or_else(regular, str::to_owned);
    let filler = FILLERS.binary_search(&folded.as_str()).is_ok();
    found.push(Word { stem, folded, filler, capital });
}

/// Lower case without the accents of the Latin letters that European languages use.
fn push_folded(word: &mut String, character: char) {
    for lower in character.to_lowercase() {
        match lower {
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' => word.push('a'),
            'ä' | 'æ' => word.push_str("ae"),
            'ç' | 'ć' | 'č' => word.push('c'),
            'ď' | 'đ' => word.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' => word.push('e'),
            'ğ' => word.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' => word.push('i'),
            'ł' => word.push('l'),
            'ñ' | 'ń' | 'ň' => word.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ō' | 'ő' => word.push('o'),
            'ö' | 'ø' | 'œ' => word.push_str("oe"),
            'ř' => word.push('r'),
            'ś' | 'š' | 'ş' => word.push('s'),
            'ß' => word.push_str("ss"),
            'ť' | 'ţ' => word.push('t'),
            'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ű' => word.push('u'),
            'ü' => word.push_str("ue"),
            'ý' | 'ÿ' => word.push('y'),
            'ź' | 'ż' | 'ž' => word.push('z'),
            // Marks such as the dot of a folded İ.
            '\u{300}'..='\u{36f}' => {}
            other => word.push(other),
        }
    }
}

/// Small numbers written as words, so that "two visits" and "2 visits" meet.
fn number_word(folded: &str) -> Option<&'static str> {
    Some(match folded {
        "two" => "2",
        "three" => "3",
        "four" => "4",
        "five" => "5",
        "six" => "6",
        "seven" => "7",
        "eight" => "8",
        "nine" => "9",
        "ten" => "10",
        "eleven" => "11",
        "twelve" => "12",
        _ => return None,
    })
}

/// The plain form of a common word with an irregular one, so that "kept" and "keep" or "teeth" and "tooth" meet. Forms
/// that are words of their own as well ("left", "found", "saw") are left alone.
fn irregular(folded: &str) -> Option<&'static str> {
    IRREGULAR.binary_search_by(|(form, _)| (*form).cmp(folded)).ok().map(|at| IRREGULAR[at].1)
}

const IRREGULAR: &[(&str, &str)] = &[
    ("ate", "eat"),
    ("became", "become"),
    ("began", "begin"),
    ("begun", "begin"),
    ("bought", "buy"),
    ("broke", "break"),
    ("broken", "break"),
    ("brought", "bring"),
    ("built", "build"),
    ("came", "come"),
    ("caught", "catch"),
    ("children", "child"),
    ("chose", "choose"),
    ("chosen", "choose"),
    ("drank", "drink"),
    ("driven", "drive"),
    ("drove", "drive"),
    ("drunk", "drink"),
    ("eaten", "eat"),
    ("feet", "foot"),
    ("forgot", "forget"),
    ("forgotten", "forget"),
    ("fought", "fight"),
    ("gave", "give"),
    ("geese", "goose"),
    ("given", "give"),
    ("grew", "grow"),
    ("grown", "grow"),
    ("halves", "half"),
    ("held", "hold"),
    ("hidden", "hide"),
    ("kept", "keep"),
    ("knew", "know"),
    ("knives", "knife"),
    ("known", "know"),
    ("led", "lead"),
    ("lent", "lend"),
    ("lost", "lose"),
    ("men", "man"),
    ("met", "meet"),
    ("mice", "mouse"),
    ("paid", "pay"),
    ("sent", "send"),
    ("slept", "sleep"),
    ("sold", "sell"),
    ("spent", "spend"),
    ("spoke", "speak"),
    ("spoken", "speak"),
    ("stole", "steal"),
    ("stolen", "steal"),
    ("taken", "take"),
    ("taught", "teach"),
    ("teeth", "tooth"),
    ("thought", "think"),
    ("threw", "throw"),
    ("thrown", "throw"),
    ("told", "tell"),
    ("took", "take"),
    ("understood", "understand"),
    ("wives", "wife"),
    ("women", "woman"),
    ("won", "win"),
    ("wore", "wear"),
    ("worn", "wear"),
    ("written", "write"),
    ("wrote", "write"),
];

/// The pieces of a word: every run of four letters, with the word's edges marked; a shorter word is one piece.
pub fn pieces(folded: &str) -> Vec<String> {
    let marked: Vec<char> = std::iter::once('^').chain(folded.chars()).chain(std::iter::once('$')).collect();
    if marked.len() <= PIECE_CHARACTERS {
        return vec![marked.into_iter().collect()];
    }
    marked.windows(PIECE_CHARACTERS).map(|window| window.iter().collect()).collect()
}

/// Words of questions and of grammar that say nothing about the subject, sorted.
const FILLERS: &[&str] = &[
    "a",
    "able",
    "about",
    "actually",
    "all",
    "also",
    "am",
    "an",
    "and",
    "another",
    "answer",
    "any",
    "anyone",
    "anything",
    "are",
    "arent",
    "around",
    "as",
    "at",
    "be",
    "been",
    "being",
    "but",
    "by",
    "can",
    "cannot",
    "cant",
    "could",
    "did",
    "do",
    "does",
    "doesnt",
    "doing",
    "done",
    "dont",
    "each",
    "either",
    "else",
    "ever",
    "exactly",
    "for",
    "from",
    "get",
    "gets",
    "getting",
    "give",
    "go",
    "going",
    "got",
    "had",
    "happen",
    "happened",
    "happens",
    "has",
    "have",
    "having",
    "he",
    "hello",
    "help",
    "her",
    "here",
    "hers",
    "hey",
    "hi",
    "him",
    "his",
    "how",
    "i",
    "id",
    "if",
    "ill",
    "im",
    "in",
    "into",
    "is",
    "isnt",
    "it",
    "its",
    "ive",
    "just",
    "kind",
    "know",
    "let",
    "like",
    "long",
    "look",
    "looking",
    "looks",
    "made",
    "make",
    "makes",
    "many",
    "may",
    "maybe",
    "me",
    "mean",
    "means",
    "might",
    "mine",
    "much",
    "must",
    "my",
    "need",
    "no",
    "normally",
    "not",
    "now",
    "of",
    "off",
    "ok",
    "okay",
    "on",
    "one",
    "or",
    "other",
    "our",
    "ours",
    "out",
    "please",
    "possible",
    "question",
    "questions",
    "really",
    "say",
    "says",
    "shall",
    "she",
    "should",
    "so",
    "some",
    "someone",
    "something",
    "sort",
    "still",
    "such",
    "take",
    "takes",
    "taking",
    "tell",
    "tells",
    "than",
    "thank",
    "thanks",
    "that",
    "thats",
    "the",
    "their",
    "theirs",
    "them",
    "then",
    "there",
    "these",
    "they",
    "theyre",
    "thing",
    "this",
    "those",
    "to",
    "too",
    "up",
    "us",
    "use",
    "usually",
    "very",
    "want",
    "was",
    "we",
    "well",
    "were",
    "what",
    "whats",
    "when",
    "where",
    "which",
    "who",
    "whom",
    "whose",
    "why",
    "will",
    "with",
    "wonder",
    "wondering",
    "would",
    "yes",
    "you",
    "your",
    "youre",
    "yours",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.stem).collect()
    }

    #[test]
    fn folds_stems_and_joins_numbers() {
        assert_eq!(stems("Cleanings at the Café cost $1,500.50"), ["clean", "at", "the", "cafe", "cost", "1500", "50"]);
        assert_eq!(stems("the agent's isn't"), ["the", "agent", "isnt"]);
        assert_eq!(stems("two visits"), stems("2 visits"));
        assert_eq!(stems("children's teeth are kept"), stems("child tooth are keep"));
        assert_eq!(stems("Stra\u{df}e Mu\u{308}ller M\u{fc}ller"), stems("strasse muller mueller"));
    }

    #[test]
    fn fillers_are_sorted_and_marked() {
        assert!(FILLERS.is_sorted() && IRREGULAR.is_sorted());
        let found = words("How much is a Cleaning?");
        assert_eq!(found.iter().map(|word| word.filler).collect::<Vec<_>>(), [true, true, true, true, false]);
        assert!(found[4].capital && !found[1].capital);
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let found = words(&"x".repeat(1_000_000));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].folded.len(), WORD_CHARACTERS_MAX);
    }

    #[test]
    fn pieces_mark_the_edges() {
        assert_eq!(pieces("clean"), ["^cle", "clea", "lean", "ean$"]);
        assert_eq!(pieces("ab"), ["^ab$"]);
    }
}
