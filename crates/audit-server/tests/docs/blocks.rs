//! The fenced blocks of a page.

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The line of its text, from 1.
    pub(crate) line: usize,
    /// How many headings are above it.
    pub(crate) section: usize,
    pub(crate) language: String,
    /// What the info string says behind the language.
    pub(crate) more: Vec<(String, String)>,
    pub(crate) text: String,
    /// Why it must not run.
    pub(crate) not_run: Option<String>,
}

impl Block {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.more.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All of them, in the order of the page. A page that cannot be understood fails the test.
pub(crate) fn blocks(page: &str, markdown: &str) -> Vec<Block> {
    let (mut blocks, mut open, mut reason, mut section) = (Vec::new(), None::<Block>, None, 0);
    for (line, text) in (1..).zip(markdown.lines()) {
        match (&mut open, text.strip_prefix("```")) {
            (Some(block), None) => block.text += &format!("{text}\n"),
            (Some(_), Some(info)) => {
                assert_eq!(info, "", "{page}:{line}: a fence inside of a block");
                blocks.extend(open.take());
            }
            (None, Some(info)) => open = Some(Block { section, ..block(page, line + 1, info, reason.take()) }),
            (None, None) if text.is_empty() => {}
            (None, None) if text.starts_with('#') => section += 1,
            (None, None) => {
                reason = text.strip_prefix("<!-- not run: ").and_then(|rest| rest.strip_suffix(" -->")).map(str::to_owned)
            }
        }
    }
    assert_eq!(open, None, "{page}: a block without an end");
    blocks
}

fn block(page: &str, line: usize, info: &str, not_run: Option<String>) -> Block {
    let mut words = info.split(' ');
    let language = words.next().unwrap().to_owned();
    let pair = |word: &str| {
        let (key, value) = word.split_once('=').unwrap_or_else(|| panic!("{page}:{line}: `{word}` says nothing here"));
        assert!(matches!(key, "answers" | "file"), "{page}:{line}: `{key}` says nothing here");
        (key.to_owned(), value.to_owned())
    };
    Block { line, section: 0, language, more: words.map(pair).collect(), text: String::new(), not_run }
}

#[test]
fn a_block_has_a_language_a_line_and_what_is_said_about_it() {
    let found =
        blocks("x", "a\n```sh answers=400\nb\n\nc\n```\n# f\n<!-- not run: d e -->\n\n```js\n```\ntext\n\n```json\n{}\n```\n");
    let shown = |line, language: &str, more: &[(&str, &str)], text: &str, not_run: Option<&str>| Block {
        line,
        section: usize::from(line > 9),
        language: language.to_owned(),
        more: more.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect(),
        text: text.to_owned(),
        not_run: not_run.map(str::to_owned),
    };
    assert_eq!(
        found,
        [
            shown(3, "sh", &[("answers", "400")], "b\n\nc\n", None),
            shown(11, "js", &[], "", Some("d e")),
            shown(15, "json", &[], "{}\n", None),
        ]
    );
}
