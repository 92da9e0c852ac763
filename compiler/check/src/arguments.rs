//! Commands and arguments: what was written as for a shell, which no container has.

use erpc_diagnostics::{Diagnostic, Diagnostics, codes};
use erpc_model::Platform;

use crate::of_service;

/// Several words in one argument.
pub(crate) fn words(platform: &Platform, out: &mut Diagnostics) {
    for (_, service) in platform.services() {
        for container in service.containers() {
            let command = container.command.as_ref();
            // Of a command of several arguments any but the first may be a script.
            let program = command.and_then(|list| Some((list, list.value.first()?)));
            let program = program.filter(|(_, program)| is_command_line(program));
            let flag = container.args.as_ref().into_iter().chain(command);
            let flag = flag.flat_map(|list| list.value.iter().map(move |text| (list, text)));
            let flag = flag.filter(|(_, text)| is_flag_with_value(text));
            let Some((list, text)) = program.into_iter().chain(flag).next() else {
                continue;
            };
            let words: Vec<String> = text
                .split_whitespace()
                .map(|word| format!("\"{word}\""))
                .collect();
            let diagnostic = Diagnostic::new(
                &codes::ARGUMENT_WITH_SPACES,
                format!("`{text}` is a single argument with spaces: no shell splits it"),
            )
            .at(list.span(), "several words in one text")
            .help(format!("write `{}`", words.join(", ")))
            .help("or start a shell: `command \"/bin/sh\", \"-c\", \"…\"`");
            out.push(of_service(diagnostic, list.origin, service));
        }
    }
}

/// `npm run start`: the path of a program hardly has spaces.
fn is_command_line(program: &str) -> bool {
    program.trim().contains(' ') && !program.contains('\n')
}

/// `--port 8080`
fn is_flag_with_value(text: &str) -> bool {
    let Some((flag, value)) = text.split_once(' ') else {
        return false;
    };
    let name = flag.trim_start_matches('-');
    flag.starts_with('-')
        && !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        && !value.trim().is_empty()
        && !text.contains('\n')
}

#[cfg(test)]
mod tests {
    use super::{is_command_line, is_flag_with_value};

    #[test]
    fn words_as_for_a_shell_are_told_from_scripts_and_values() {
        assert!(is_command_line("npm run start"));
        assert!(!is_command_line("/bin/orders"));
        assert!(is_flag_with_value("--port 8080"));
        assert!(is_flag_with_value("-p 8080"));
        for text in [
            "--port=8080",
            "--",
            "echo hello",
            "--header=X-A: b",
            "- one",
            "--a\n--b c",
        ] {
            assert!(!is_flag_with_value(text), "{text}");
        }
    }
}
