//! Characters in a text that are invisible or look like others, for the messages about names that have
//! to be plain.

/// The first character that is not what it looks like, as the end of a sentence: "it has a tab in it".
#[must_use]
pub fn strange(text: &str) -> Option<String> {
    text.chars().find_map(|c| match c {
        ' ' => Some("it has a space in it".to_owned()),
        '\t' => Some("it has a tab in it".to_owned()),
        '\n' => Some("it has a line break in it".to_owned()),
        c if c.is_control() || c.is_whitespace() => {
            Some(format!("it has the character U+{:04X} in it", u32::from(c)))
        }
        c => erpc_syntax::latin_twin(c).map(|(latin, alphabet)| {
            format!(
                "its `{c}` is {alphabet} U+{:04X}, not the Latin letter `{latin}`",
                u32::from(c)
            )
        }),
    })
}
