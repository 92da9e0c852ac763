//! A handbook as Markdown and as one HTML page that needs no network.

use std::fmt::Write;

use super::{Handbook, Language, Table};
use crate::picture::escaped;

/// The handbook in Markdown; `picture` is the path of the platform's picture, if there is one.
#[must_use]
pub fn markdown(handbook: &Handbook, picture: Option<&str>) -> String {
    // Writing to a string cannot fail, here and below.
    let mut out = format!(
        "# {}\n\n{}\n",
        plain(&handbook.title),
        plain(&handbook.subtitle)
    );
    if let Some(text) = &handbook.introduction {
        let _ = write!(out, "\n{text}\n");
    }
    if let Some(picture) = picture {
        let _ = write!(out, "\n![{}]({picture})\n", plain(&handbook.subtitle));
    }
    out.push('\n');
    for (number, chapter) in (1..).zip(&handbook.chapters) {
        let _ = writeln!(out, "{number}. [{}](#{})", chapter.title, chapter.id);
    }
    for (number, chapter) in (1..).zip(&handbook.chapters) {
        let _ = write!(
            out,
            "\n<a id=\"{}\"></a>\n\n## {number}. {}\n",
            chapter.id, chapter.title
        );
        for text in &chapter.text {
            let _ = write!(out, "\n{text}\n");
        }
        for table in &chapter.tables {
            if let Some(caption) = &table.caption {
                let _ = write!(out, "\n### {}\n", plain(caption));
            }
            out.push('\n');
            rows(&mut out, table);
        }
    }
    out
}

fn rows(out: &mut String, table: &Table) {
    let mut row = |cells: &[String]| {
        out.push('|');
        for cell in cells {
            let _ = write!(out, " {} |", cell.replace('|', "\\|").replace('\n', " "));
        }
        out.push('\n');
    };
    row(&table.head);
    row(&vec!["---".to_owned(); table.head.len()]);
    for cells in &table.rows {
        row(cells);
    }
}

/// A text on one line, whose signs mean nothing to Markdown.
fn plain(text: &str) -> String {
    text.replace('\n', " ")
        .replace('[', "\\[")
        .replace(']', "\\]")
}

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,'DejaVu Sans',sans-serif;max-width:1180px;margin:24px auto;padding:0 18px}
h1{margin-bottom:0}h2{margin-top:44px;border-bottom:1px solid #8886}h3{margin-bottom:6px}nav ol{columns:2}
table{border-collapse:collapse;font-size:13.5px;margin:8px 0 18px}th,td{border:1px solid #8886;padding:3px 8px;text-align:left;vertical-align:top}
th{background:#8882}td{overflow-wrap:anywhere}figure{margin:24px 0;background:#fff;overflow:auto}figure svg{max-width:100%;height:auto}
@media print{body{max-width:none;margin:0}h2{break-after:avoid}tr{break-inside:avoid}}";

/// The handbook as a page; `picture` is an SVG that is put into it.
#[must_use]
pub fn html(handbook: &Handbook, picture: Option<&str>) -> String {
    let language = match handbook.language {
        Language::Ukrainian => "uk",
        Language::English => "en",
    };
    let title = escaped(&handbook.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}</p>\n",
        escaped(&handbook.subtitle)
    );
    if let Some(text) = &handbook.introduction {
        let _ = writeln!(out, "<p>{}</p>", escaped(text));
    }
    out.push_str("<nav><ol>\n");
    for chapter in &handbook.chapters {
        let _ = writeln!(
            out,
            "<li><a href=\"#{}\">{}</a></li>",
            chapter.id,
            escaped(&chapter.title)
        );
    }
    out.push_str("</ol></nav>\n");
    if let Some(picture) = picture {
        let _ = write!(out, "<figure>\n{picture}</figure>\n");
    }
    for (number, chapter) in (1..).zip(&handbook.chapters) {
        let _ = writeln!(
            out,
            "<h2 id=\"{}\">{number}. {}</h2>",
            chapter.id,
            escaped(&chapter.title)
        );
        for text in &chapter.text {
            let _ = writeln!(out, "<p>{}</p>", escaped(text));
        }
        for table in &chapter.tables {
            if let Some(caption) = &table.caption {
                let _ = writeln!(out, "<h3>{}</h3>", escaped(caption));
            }
            cells(&mut out, table);
        }
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn cells(out: &mut String, table: &Table) {
    out.push_str("<table>\n");
    let head = std::iter::once((&table.head, "th"));
    for (cells, tag) in head.chain(table.rows.iter().map(|row| (row, "td"))) {
        out.push_str("<tr>");
        for cell in cells {
            let _ = write!(out, "<{tag}>{}</{tag}>", escaped(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</table>\n");
}
