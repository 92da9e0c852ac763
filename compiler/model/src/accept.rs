//! What a platform says about its own warnings, and about its past.

use erpc_diagnostics::{Diagnostic, Diagnostics, Span, codes};
use smol_str::SmolStr;

use crate::platform::{Accept, MovedTo, Platform};

impl Accept {
    fn covers(&self, diagnostic: &Diagnostic) -> bool {
        if diagnostic.code.id != self.code.id {
            return false;
        }
        let Some(subject) = &self.subject else {
            return true;
        };
        if let Some(name) = &diagnostic.subject {
            return subject.name == name.as_str();
        }
        let span = diagnostic.span();
        let holds = |outer: &Span| outer.file == span.file && outer.contains(span.start);
        subject.within.iter().any(holds) && !subject.except.iter().any(holds)
    }
}

impl Platform {
    /// The name that a service or namespace had before the moves that the program tells of, newest
    /// first; empty for one that was never moved.
    pub fn old_names(&self, place: MovedTo) -> impl Iterator<Item = &SmolStr> {
        self.moves
            .iter()
            .rev()
            .filter(move |this| this.new == place)
            .map(|this| &this.old)
    }
}

/// Takes the accepted warnings out of the findings about `platform`: what is left, and each accepted
/// one with its reason. An `accept` that accepts nothing, or several things at once, is an error;
/// under a profile only its own must hold, since it may have switched off what another is about.
#[must_use]
pub fn accepted(
    platform: &Platform,
    mut found: Diagnostics,
) -> (Diagnostics, Vec<(Diagnostic, String)>) {
    // Where something could not be read, a warning may be missing for that.
    let is_whole = !found.has_errors();
    let own = platform.layers_applied();
    let own = own.iter().flat_map(|id| &platform[*id].accepts);
    let accepts: Vec<(&Accept, bool)> = platform
        .accepts
        .iter()
        .map(|accept| (accept, platform.profile.is_none()))
        .chain(own.map(|accept| (accept, true)))
        .collect();
    let mut counts = vec![0usize; accepts.len()];
    let mut silenced = Vec::new();
    let all = found.take();
    let mut left = found;
    for diagnostic in all {
        let covering = accepts
            .iter()
            .position(|(accept, _)| accept.covers(&diagnostic));
        match covering {
            Some(at) => {
                counts[at] += 1;
                silenced.push((diagnostic, accepts[at].0.because.clone()));
            }
            None => left.push(diagnostic),
        }
    }
    if is_whole {
        for ((accept, must_fire), count) in accepts.iter().zip(counts) {
            if count == 0 && *must_fire {
                left.push(fires_not(accept));
            } else if count > 1 && accept.subject.is_none() {
                left.push(several(accept, &silenced));
            }
        }
    }
    (left, silenced)
}

fn fires_not(accept: &Accept) -> Diagnostic {
    let about = match &accept.subject {
        Some(subject) => format!(" about `{}`", subject.name),
        None => String::new(),
    };
    Diagnostic::new(
        &codes::NOTHING_TO_ACCEPT,
        format!("`accept {}` matches no warning{about}", accept.code.id),
    )
    .at(accept.span, "accepts nothing")
    .help("remove the line")
}

fn several(accept: &Accept, silenced: &[(Diagnostic, String)]) -> Diagnostic {
    let all = silenced
        .iter()
        .filter(|(diagnostic, _)| accept.covers(diagnostic));
    let mut diagnostic = Diagnostic::new(
        &codes::ACCEPTS_SEVERAL,
        format!(
            "{} warnings match {}, but one line accepts one",
            all.clone().count(),
            accept.code.id
        ),
    )
    .at(accept.span, "which one?");
    for (one, _) in all.clone().take(3) {
        diagnostic = diagnostic.also(one.span(), "one of them");
    }
    let subject = all.filter_map(|(one, _)| one.subject.as_deref()).next();
    diagnostic.help(format!(
        "say what it is about: `accept {} for {} because \"…\"`",
        accept.code.id,
        subject.unwrap_or("NAME")
    ))
}

#[cfg(test)]
mod tests {
    use erpc_diagnostics::{Diagnostic, Span, codes};

    use crate::program::{Files, ReadError};

    struct Text(&'static str);

    impl Files for Text {
        fn read(&self, _: &str) -> Result<Vec<u8>, ReadError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }

    const PROGRAM: &str = "erp 1\n\
        platform p { version \"1\"; cluster c }\n\
        cluster c { kubernetes 1.36 }\n\
        namespace n {\n\
          service a { image \"a/a:1\"; cpu 1; memory 1Gi }\n\
          service b { image \"a/b:1\"; cpu 1; memory 1Gi }\n\
        }\n\
        accept W0731 for n.a because \"of the service\"\n\
        accept W0731 for n because \"of the namespace\"\n\
        profile dev { namespace n { title \"N\"; service a { title \"A\" }; service b { title \"B\" } } }\n";

    /// An `accept` is about the declaration and what profiles lay over it, without the services that are subjects
    /// themselves.
    #[test]
    fn an_accept_covers_the_blocks_of_profiles() {
        let (loaded, _) = crate::load("platform.erp", &Text(PROGRAM));
        let resolved = crate::resolve(&loaded, &Text(PROGRAM));
        let platform = resolved.platform.expect("a platform");
        let dev = platform.under_named("dev").expect("the profile");
        let file = loaded.files[0].id;
        let covering = |text: &str| -> Vec<&str> {
            let start = u32::try_from(PROGRAM.find(text).expect("in the program")).expect("short");
            let found = Diagnostic::new(&codes::UNUSED_PORT, "unused")
                .at(Span::new(file, start, start + 1), "here");
            let accepts = dev.accepts.iter().filter(|accept| accept.covers(&found));
            accepts.map(|accept| accept.because.as_str()).collect()
        };
        for (text, expected) in [
            ("image \"a/a:1\"", &["of the service"][..]),
            ("image \"a/b:1\"", &[]),
            ("title \"A\"", &["of the service"]),
            ("title \"B\"", &[]),
            ("title \"N\"", &["of the namespace"]),
            ("kubernetes", &[]),
        ] {
            assert_eq!(covering(text), expected, "{text}");
        }
    }
}
