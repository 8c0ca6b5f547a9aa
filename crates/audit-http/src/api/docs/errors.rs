//! `docs/errors.md` as a page, with an anchor for every code. The `type` of a problem points there.

use std::sync::LazyLock;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// The text. The file is a link in this folder, so that a package of the crate contains it.
const TEXT: &str = include_str!("errors.md");

/// Returns the page, which is made once.
pub(super) fn page() -> &'static str {
    static PAGE: LazyLock<String> = LazyLock::new(|| include_str!("errors.html").replace("{{text}}", &render(TEXT)));
    &PAGE
}

/// Renders HTML with an id for every heading. Links to other files of the folder have no target on
/// this server, so the page shows only their text.
fn render(text: &str) -> String {
    let mut events: Vec<Event<'_>> = Parser::new_ext(text, Options::ENABLE_TABLES).collect();
    for at in 0..events.len() {
        let title = title_after(&events[at..]);
        if let Event::Start(Tag::Heading { id, .. }) = &mut events[at] {
            *id = Some(title.to_lowercase().replace(' ', "-").into());
        }
    }
    let mut leads_nowhere = false;
    events.retain(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            leads_nowhere = !dest_url.starts_with('#');
            !leads_nowhere
        }
        Event::End(TagEnd::Link) => !leads_nowhere,
        _ => true,
    });
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    out
}

/// Returns the text of the heading that begins here.
fn title_after(events: &[Event<'_>]) -> String {
    let inside = events.iter().take_while(|event| !matches!(event, Event::End(TagEnd::Heading(_))));
    let texts = inside.filter_map(|event| match event {
        Event::Text(text) | Event::Code(text) => Some(text.as_ref()),
        _ => None,
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Code;

    #[test]
    fn every_code_has_its_section_and_a_row_with_its_status() {
        for code in Code::ALL {
            let (name, status) = (code.name(), code.status().as_u16());
            assert!(
                page().contains(&format!("<h2 id=\"{name}\">{name}</h2>\n<p>Status {status}")),
                "no section about {name}, {status}"
            );
            let row = format!("<td><a href=\"#{name}\">{name}</a></td><td>{status}</td>");
            assert!(page().contains(&row), "no row of {name}");
        }
        assert_eq!(page().matches("<h2 ").count(), Code::ALL.len(), "sections of codes that are no more");
    }

    #[test]
    fn links_stay_on_the_page() {
        let page = render("# A b\n\n[here](#a-b), [there](api.md), [far](https://example.com)");
        assert_eq!(page, "<h1 id=\"a-b\">A b</h1>\n<p><a href=\"#a-b\">here</a>, there, far</p>\n");
    }
}
