//! What is read of a page, what is not, and that hostile pages end quickly.

use super::*;

fn lines(outline: Outline) -> Vec<String> {
    outline
        .sections(uuid::Uuid::nil(), "page", None)
        .into_iter()
        .map(|section| {
            format!("{} > {}: {}", section.title, section.path.join(" > "), section.text.replace('\n', " / "))
        })
        .collect()
}

#[test]
fn headings_do_not_glue_to_paragraphs() {
    let source = "<title>Hours</title><body><nav><a href=/x>Menu</a></nav><h1>Hours</h1><p>We are <b>open</b>.</p>\
                  <h2>Week</h2><ul><li>Monday 8-17<li>Tuesday 8-12</ul><dl><dt>Parking<dd>Behind the house</dl>\
                  <h2>Prices</h2><table><tr><th>Treatment<th>Price<tr><td>Cleaning<td>$90<tr><td>Filling<td>$150</table>";
    assert_eq!(
        lines(read_page(source).expect("a page")),
        [
            "Hours > : We are open.",
            "Hours > Week: Monday 8-17 / Tuesday 8-12 / Parking: Behind the house",
            "Hours > Prices: Cleaning \u{2013} Price: $90 / Filling \u{2013} Price: $150",
        ]
    );
}

#[test]
fn hidden_text_is_not_read() {
    for hidden in [
        "<div hidden>x</div>",
        "<p style='DISPLAY : none !important'>x</p>",
        "<p style='font-size:0px'>x</p>",
        "<p style='visibility:hidden'>x</p>",
        "<p style='opacity:0.0'>x</p>",
        "<p style='position:absolute;left:-9999px'>x</p>",
        "<p aria-hidden=TRUE>x</p>",
        "<script>x</script>",
        "<style>x</style>",
        "<template><p>x</p></template>",
        "<noscript>x</noscript>",
        "<!-- x -->",
        "<select><option>x</select>",
        "<svg><text>x</text></svg>",
    ] {
        assert_eq!(lines(read_all(&format!("<p>seen</p>{hidden}")).expect("a page")), ["page > : seen"], "{hidden}");
    }
    assert_eq!(lines(read_all("<p style='left:-5px;opacity:0.9;font-size:10px'>seen").expect("a page")).len(), 1);
}

#[test]
fn a_table_that_spans_cells_never_names_the_wrong_column() {
    let source = "<table><tr><th>Day<th>Open<th>Close<tr><td rowspan=2>Monday<td>8<td>12<tr><td>13<td>17</table>";
    assert_eq!(lines(read_all(source).expect("a page")), ["page > : Day: Open; Close / Monday: 8; 12 / 13: 17"]);
    let wide = "<table><tr><th>Day<th>Open<tr><td>Monday<td>8<td>17</table>";
    assert_eq!(lines(read_all(wide).expect("a page")), ["page > : Day: Open / Monday: 8; 17"]);
}

#[test]
fn the_readable_part_leaves_the_frame_out() {
    let paragraph = "<p>The practice was founded by two sisters who wanted to treat patients without haste, and it \
                     still gives every visit the time that it needs, also for children and anxious patients.</p>";
    let source = format!(
        "<title>About us | Practice</title><body><div class=sidebar><a href=/a>Buy now</a></div><article><h1>About us\
         </h1>{}<h2>Team</h2>{}</article><div class=footer><a href=/i>Imprint</a></div>",
        paragraph.repeat(6),
        paragraph.repeat(6)
    );
    let text = lines(read_page(&source).expect("a page")).join("\n");
    assert!(text.contains("Team: The practice was founded"), "{text}");
    assert!(!text.contains("Buy now"), "{text}");
}

#[test]
fn links_and_robots_are_read() {
    let source =
        "<meta name=ROBOTS content='noindex, follow'><a href='/a?b=1&amp;c'>a</a><a rel='x nofollow' href=/no>n</a>";
    let found = for_crawlers(source, 10);
    assert_eq!(found, ForCrawlers { no_index: true, no_follow: false, links: vec!["/a?b=1&c".to_owned()] });
    let none = for_crawlers("<meta name=robots content=none>", 10);
    assert_eq!(none, ForCrawlers { no_index: true, no_follow: true, links: Vec::new() });
    assert_eq!(for_crawlers(&"<a href=/x>x</a>".repeat(20), 10).links.len(), 10);
}

#[test]
fn hostile_nesting_is_refused_quickly() {
    for piece in
        ["<div>", "<b>", "<a><div>", "<table><tr><td>", "<p><b><i>", "<svg><g>", "<font><p>", "<li><ul>", "<x-y>"]
    {
        let source = piece.repeat(100_000);
        assert!(read_page(&source).is_err(), "{piece}");
    }
    // The tree builder disagrees with the tags' own word here; it must still end soon.
    let piece = "<b id=1><table></b></table><p>x</p>";
    assert!(read_page(&piece.repeat(2_000)).is_err());
    let fine = format!("{}deep{}", "<div>".repeat(DEPTH_MAX - 10), "</div>".repeat(DEPTH_MAX - 10));
    assert_eq!(lines(read_page(&fine).expect("within the limit")).len(), 1);
    assert!(matches!(read_page(&"<div>".repeat(DEPTH_MAX + 1)), Err(ReadError::TooDeep { .. })));
    assert!(matches!(read_page(&"<br>".repeat(NODES_MAX + 1)), Err(ReadError::TooManyElements { .. })));
}

fn repeated(count: usize, piece: impl Fn(usize) -> String) -> String {
    (0..count).map(piece).collect()
}

#[test]
fn what_is_opened_again_in_each_paragraph_is_counted_as_it_is_made() {
    let open = |count: usize, hide: &str| repeated(count, |number| format!("<b k{number}>{hide}"));
    let paragraphs = "<p>x".repeat(20_000);
    let wide = repeated(5_000, |number| format!(" a{number}"));
    for (source, most_nodes) in [
        (format!("<p>{}{paragraphs}", open(390, "")), NODES_MAX),
        // Hidden ends fooled a reader that took tags at their word.
        (format!("{}{paragraphs}", open(5_000, "<!--</b>-->")), DEPTH_MAX * 3),
        (format!("<p>{}{paragraphs}", open(390, "</p><p>")), NODES_MAX),
        // Few elements, which carry very many attributes along.
        (format!("<p><b{wide}></p>{paragraphs}"), 1_000),
        ("<a>x<div>".repeat(20_000), NODES_MAX),
        (repeated(20_000, |number| format!("<html a{number}>")), 1_000),
    ] {
        let built = tree::build(&source);
        let made = built.nodes.get();
        assert!(made <= most_nodes + most_nodes / 4, "{made} nodes of {}", &source[..40]);
        assert!(built.refusal().is_some(), "{}", &source[..40]);
    }
    let many = format!("<p>{}{paragraphs}", open(390, ""));
    assert!(matches!(read_all(&many), Err(ReadError::TooManyElements { .. })));
    assert_eq!(for_crawlers(&many, 10), ForCrawlers::default());
}

#[test]
fn pieces_are_put_together_as_one_page() {
    // Characters of several bytes, references, tags and line ends fall across the pieces at every offset.
    for offset in 0..300 {
        let source = format!(
            "{}<p title='\u{fc}\u{20ac}'>caf\u{e9} &eacute;\r\n\u{1f600}</p><ul><li>one<li>two</ul>",
            " ".repeat(offset)
        );
        assert_eq!(
            lines(read_all(&source).expect("a page")),
            ["page > : caf\u{e9} \u{e9} \u{1f600} / one / two"],
            "{offset}"
        );
    }
    // Letters that are all written as references are one text.
    let references = format!("<p>{}</p>", "&#252; ".repeat(NODES_MAX / 2 + 10));
    assert_eq!(tree::build(&references).nodes.get(), 5);
    // Tags that stand in a script are none.
    let script = format!("<p>seen</p><script>{}</script>", "'<div>'+".repeat(1_000));
    assert_eq!(lines(read_page(&script).expect("a page")), ["page > : seen"]);
}
