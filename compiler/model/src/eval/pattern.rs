//! Patterns of paths: `*` and `?` stand for parts of a name, `**` for any number of folders.

/// A pattern of paths.
pub(super) struct Pattern<'p> {
    names: Vec<&'p str>,
}

/// Whether a file in a folder of manifests is one of them.
pub(super) fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("yaml" | "yml" | "json"))
}

impl<'p> Pattern<'p> {
    /// Whether a path is a pattern.
    pub(super) fn is_one(path: &str) -> bool {
        path.contains(['*', '?'])
    }

    /// The folder in which everything is that fits.
    pub(super) fn folder(path: &str) -> &str {
        let first = path.find(['*', '?']).unwrap_or(path.len());
        path[..first]
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder)
    }

    pub(super) fn of(path: &'p str) -> Self {
        Self {
            names: path.split('/').collect(),
        }
    }

    /// Whether a path fits. It takes at most as many steps as the product of both lengths.
    pub(super) fn fits(&self, path: &str) -> bool {
        let path: Vec<&str> = path.split('/').collect();
        fits(
            &self.names,
            &path,
            |name| *name == "**",
            |name, other| {
                let letters: Vec<char> = name.chars().collect();
                let others: Vec<char> = other.chars().collect();
                fits(&letters, &others, |c| *c == '*', |c, o| *c == '?' || c == o)
            },
        )
    }
}

/// Whether a sequence fits a pattern, of which some parts stand for any number of elements.
fn fits<P, T>(
    pattern: &[P],
    sequence: &[T],
    is_any: impl Fn(&P) -> bool,
    is_one: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut at, mut place) = (0, 0);
    // The last part that stands for any number, and where what it stands for ends so far.
    let mut any: Option<(usize, usize)> = None;
    while place < sequence.len() {
        let part = pattern.get(at);
        if part.is_some_and(&is_any) {
            any = Some((at, place));
            at += 1;
        } else if part.is_some_and(|part| is_one(part, &sequence[place])) {
            at += 1;
            place += 1;
        } else if let Some((start, end)) = any {
            any = Some((start, end + 1));
            (at, place) = (start + 1, end + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(is_any)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn a_pattern_fits_names_and_folders() {
        for (pattern, path, fits) in [
            ("manifests/*.yaml", "manifests/redis.yaml", true),
            ("manifests/*.yaml", "manifests/redis.yml", false),
            ("manifests/*.yaml", "manifests/a/redis.yaml", false),
            ("manifests/**/*.yaml", "manifests/redis.yaml", true),
            ("manifests/**/*.yaml", "manifests/a/b/redis.yaml", true),
            ("**/x-?.json", "a/b/x-1.json", true),
            ("**/x-?.json", "x-12.json", false),
            ("a/**", "a/b/c", true),
            ("*a*b", "xxaxxb", true),
        ] {
            assert_eq!(Pattern::of(pattern).fits(path), fits, "{pattern} {path}");
        }
    }

    #[test]
    fn what_fits_is_in_the_folder_before_the_first_wildcard() {
        for (pattern, folder) in [("a/b/*.yaml", "a/b"), ("*.yaml", ""), ("a/x*/c", "a")] {
            assert_eq!(Pattern::folder(pattern), folder);
        }
    }

    #[test]
    fn a_long_pattern_is_decided_at_once() {
        let pattern = "*a".repeat(2_000);
        assert!(!Pattern::of(&pattern).fits(&"a".repeat(1_999)));
    }
}
