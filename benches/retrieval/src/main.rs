//! Retrieval on public questions, ours beside tantivy, in one run: how often the right paragraph is first, nDCG@10, the
//! sentence, time to build and time to ask. The set is read from `../shared/eval` beside the project, or from
//! `RINGFENCE_SHARED`.

use std::error::Error;
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use agents::knowledge::{Index, Section, answer};
use tantivy::collector::TopDocs;
use tantivy::query::QueryParser;
use tantivy::schema::{IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions, Value};
use tantivy::tokenizer::{Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer};
use tantivy::{Index as TantivyIndex, TantivyDocument, doc};
use uuid::Uuid;

/// How often the whole set is asked for the time of one question.
const ROUNDS: u32 = 5;
/// Hits looked at.
const DEPTH: usize = 10;

struct Question {
    text: String,
    paragraph: usize,
    answer_at: usize,
}

#[derive(Default)]
struct Figures {
    first: f64,
    gain: f64,
    sentence: Option<f64>,
    build: Duration,
    ask: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::var_os("RINGFENCE_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let set = serde_json::from_slice(&std::fs::read(folder.join("eval/xquad-r.en.json"))?)?;
    let (paragraphs, questions) = read(&set).ok_or("the set has another shape")?;
    println!("{} questions over {} paragraphs", questions.len(), paragraphs.len());
    println!("| engine | recall@1 | nDCG@10 | sentence@1 | build | one question |\n| --- | --- | --- | --- | --- | --- |");
    row("Ringfence", &ours(&paragraphs, &questions));
    row("tantivy, English stems", &tantivy(&paragraphs, &questions)?);
    Ok(())
}

fn row(name: &str, figures: &Figures) {
    let sentence = figures.sentence.map_or("-".to_owned(), |share| format!("{share:.3}"));
    let (first, gain) = (figures.first, figures.gain);
    println!("| {name} | {first:.3} | {gain:.3} | {sentence} | {:.1?} | {:.1?} |", figures.build, figures.ask);
}

fn read(set: &serde_json::Value) -> Option<(Vec<String>, Vec<Question>)> {
    let (mut paragraphs, mut questions) = (Vec::new(), Vec::new());
    for article in set["data"].as_array()? {
        for paragraph in article["paragraphs"].as_array()? {
            let text = paragraph["context"].as_str()?.to_owned();
            for question in paragraph["qas"].as_array()? {
                let at = question["answers"][0]["answer_start"].as_u64()? as usize;
                questions.push(Question {
                    text: question["question"].as_str()?.to_owned(),
                    paragraph: paragraphs.len(),
                    answer_at: text.char_indices().nth(at)?.0,
                });
            }
            paragraphs.push(text);
        }
    }
    Some((paragraphs, questions))
}

/// Judges rankings: the paragraphs of each question, best first.
fn judge(questions: &[Question], rankings: &[Vec<usize>]) -> Figures {
    let mut figures = Figures::default();
    for (question, ranking) in questions.iter().zip(rankings) {
        if let Some(rank) = ranking.iter().position(|paragraph| *paragraph == question.paragraph) {
            figures.gain += 1.0 / ((rank + 2) as f64).log2();
            figures.first += if rank == 0 { 1.0 } else { 0.0 };
        }
    }
    figures.gain /= questions.len() as f64;
    figures.first /= questions.len() as f64;
    figures
}

fn ours(paragraphs: &[String], questions: &[Question]) -> Figures {
    let sections: Vec<Section> = paragraphs
        .iter()
        .enumerate()
        .map(|(number, text)| Section {
            id: Uuid::from_u128(number as u128),
            document_id: Uuid::nil(),
            title: String::new(),
            path: Vec::new(),
            text: text.clone(),
            url: None,
        })
        .collect();
    let start = Instant::now();
    let index = Index::build(sections);
    let build = start.elapsed();
    let search = |question: &Question| -> Vec<usize> {
        index.search(&question.text, DEPTH).iter().map(|hit| hit.section.id.as_u128() as usize).collect()
    };
    let rankings: Vec<Vec<usize>> = questions.iter().map(search).collect();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        questions.iter().for_each(|question| drop(black_box(search(question))));
    }
    let ask = start.elapsed() / (ROUNDS * questions.len() as u32);
    let right = |question: &&Question| {
        let hits = index.search(&question.text, 1);
        hits.first().is_some_and(|hit| {
            hit.section.id.as_u128() as usize == question.paragraph
                && answer::best_sentence(&index, &question.text, hit.section)
                    .is_some_and(|range| range.contains(&question.answer_at))
        })
    };
    let sentence = questions.iter().filter(right).count() as f64 / questions.len() as f64;
    Figures { sentence: Some(sentence), build, ask, ..judge(questions, &rankings) }
}

fn tantivy(paragraphs: &[String], questions: &[Question]) -> Result<Figures, Box<dyn Error>> {
    let start = Instant::now();
    let mut schema = Schema::builder();
    let indexing =
        TextFieldIndexing::default().set_tokenizer("english").set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let body = schema.add_text_field("body", TextOptions::default().set_indexing_options(indexing));
    let number = schema.add_u64_field("number", STORED);
    let index = TantivyIndex::create_in_ram(schema.build());
    let english = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(40))
        .filter(LowerCaser)
        .filter(Stemmer::new(Language::English))
        .build();
    index.tokenizers().register("english", english);
    let mut writer = index.writer_with_num_threads(1, 50_000_000)?;
    for (place, text) in paragraphs.iter().enumerate() {
        writer.add_document(doc!(body => text.as_str(), number => place as u64))?;
    }
    writer.commit()?;
    let searcher = index.reader()?.searcher();
    let build = start.elapsed();
    let parser = QueryParser::for_index(&index, vec![body]);
    let search = |question: &Question| -> Result<Vec<usize>, Box<dyn Error>> {
        let query = parser.parse_query_lenient(&question.text).0;
        let mut found = Vec::new();
        for (_, address) in searcher.search(&query, &TopDocs::with_limit(DEPTH).order_by_score())? {
            let document: TantivyDocument = searcher.doc(address)?;
            found.extend(document.get_first(number).and_then(|value| value.as_u64()).map(|place| place as usize));
        }
        Ok(found)
    };
    let rankings = questions.iter().map(&search).collect::<Result<Vec<_>, _>>()?;
    let start = Instant::now();
    for _ in 0..ROUNDS {
        for question in questions {
            black_box(search(question)?);
        }
    }
    let ask = start.elapsed() / (ROUNDS * questions.len() as u32);
    Ok(Figures { build, ask, ..judge(questions, &rankings) })
}
