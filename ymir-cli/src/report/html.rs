/// Returns a text as HTML shows it, in elements and in attributes alike: names of files and classes
/// are strangers'.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() && c != '\n' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a table: headings, and rows of cells that are HTML already. The first cell of a row is
/// its heading.
pub(super) fn table(caption: &str, headings: &[String], rows: &[Vec<String>]) -> String {
    let mut html = format!(
        "<div class=\"scroll\" tabindex=\"0\"><table><caption>{}</caption><thead><tr>",
        escape(caption)
    );
    for heading in headings {
        html.push_str(&format!("<th scope=\"col\">{}</th>", escape(heading)));
    }
    html.push_str("</tr></thead><tbody>");
    for row in rows {
        html.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            match i {
                0 => html.push_str(&format!("<th scope=\"row\">{cell}</th>")),
                _ => html.push_str(&format!("<td>{cell}</td>")),
            }
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>\n");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_text() {
        let name = "</td><script>alert('x')</script>\" onload=\"y\u{7}";
        let html = table("a & b", &[name.to_owned()], &[vec![escape(name), escape(name)]]);
        assert!(!html.contains("<script"));
        assert!(!html.contains("onload=\""));
        assert!(!html.contains('\u{7}'));
        assert!(html.contains("a &amp; b"));
    }
}
