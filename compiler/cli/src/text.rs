//! Text that is put together piece by piece.

/// Appends formatted text to a `String`.
macro_rules! push_text {
    ($to:expr, $($text:tt)*) => {{
        use std::fmt::Write as _;
        $to.write_fmt(format_args!($($text)*)).expect("a `String` takes every text");
    }};
}

/// Appends a formatted line to a `String`.
macro_rules! push_line {
    ($to:expr, $($text:tt)*) => {{
        $crate::text::push_text!($to, $($text)*);
        $to.push('\n');
    }};
}

pub(crate) use {push_line, push_text};

/// `1 service`, `2 services`.
pub(crate) fn count(number: usize, one: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {one}s")
    }
}
