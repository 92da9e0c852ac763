//! Label selectors: what they match, and which labels a pod needs so that one matches it.

use smol_str::SmolStr;

/// A label selector: all of its requirements hold. Without any, it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    /// Sorted, each once.
    requirements: Vec<Requirement>,
}

/// One condition on the label of a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// The label's key.
    pub key: SmolStr,
    /// What holds of it.
    pub operator: Operator,
}

/// What holds of a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    /// It is there and has one of these values.
    In(Vec<SmolStr>),
    /// It is missing or has none of these values.
    NotIn(Vec<SmolStr>),
    /// It is there.
    Exists,
    /// It is missing.
    DoesNotExist,
}

/// Labels, sorted by key.
pub type Labels = Vec<(SmolStr, SmolStr)>;

/// The value of a label among sorted ones.
pub(crate) fn value_of<'l>(labels: &'l [(SmolStr, SmolStr)], key: &str) -> Option<&'l SmolStr> {
    labels
        .binary_search_by(|(other, _)| other.as_str().cmp(key))
        .ok()
        .map(|at| &labels[at].1)
}

impl Requirement {
    /// Whether labels, sorted by key, fulfil it.
    #[must_use]
    pub fn matches(&self, labels: &[(SmolStr, SmolStr)]) -> bool {
        let value = value_of(labels, &self.key);
        match &self.operator {
            Operator::In(values) => value.is_some_and(|value| values.binary_search(value).is_ok()),
            Operator::NotIn(values) => {
                value.is_none_or(|value| values.binary_search(value).is_err())
            }
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl Requirement {
    /// Whether it holds only for values that it names.
    pub(crate) fn names_values(&self) -> bool {
        matches!(self.operator, Operator::In(_))
    }
}

impl Selector {
    /// A selector of these requirements.
    #[must_use]
    pub fn from_requirements(mut requirements: Vec<Requirement>) -> Self {
        for requirement in &mut requirements {
            if let Operator::In(values) | Operator::NotIn(values) = &mut requirement.operator {
                values.sort_unstable();
                values.dedup();
            }
        }
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements }
    }

    /// A selector that wants exactly these values.
    #[must_use]
    pub fn equal_to(labels: &[(SmolStr, SmolStr)]) -> Self {
        let one = |(key, value): &(SmolStr, SmolStr)| Requirement {
            key: key.clone(),
            operator: Operator::In(vec![value.clone()]),
        };
        Self::from_requirements(labels.iter().map(one).collect())
    }

    /// Its requirements, sorted.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// Whether it matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether labels, sorted by key, fulfil it.
    #[must_use]
    pub fn matches(&self, labels: &[(SmolStr, SmolStr)]) -> bool {
        self.requirements.iter().all(|one| one.matches(labels))
    }

    /// The values of which a key must have one, where a requirement says so.
    pub(crate) fn values_of(&self, key: &str) -> Option<&[SmolStr]> {
        self.requirements
            .iter()
            .find_map(|one| match &one.operator {
                Operator::In(values) if one.key == key => Some(values.as_slice()),
                _ => None,
            })
    }

    /// The fewest labels that fulfil it, once for each value that a key may have; nothing where no
    /// labels do. With several keys of several values each, one key varies at a time.
    pub(crate) fn witnesses(&self) -> Vec<Labels> {
        // Requirements are sorted, so those of a key stand together.
        let mut choices: Vec<(SmolStr, Vec<SmolStr>)> = Vec::new();
        for of_key in self.requirements.chunk_by(|a, b| a.key == b.key) {
            match choices_of(of_key) {
                Choices::Absent => {}
                Choices::Values(values) if values.is_empty() => return Vec::new(),
                Choices::Values(values) => choices.push((of_key[0].key.clone(), values)),
                Choices::None => return Vec::new(),
            }
        }
        let first: Labels = choices
            .iter()
            .map(|(key, values)| (key.clone(), values[0].clone()))
            .collect();
        let mut out = vec![first.clone()];
        for (at, (_, values)) in choices.iter().enumerate() {
            for value in &values[1..] {
                let mut labels = first.clone();
                labels[at].1 = value.clone();
                out.push(labels);
            }
        }
        out
    }
}

enum Choices {
    /// The label had best be missing.
    Absent,
    /// It must have one of these values.
    Values(Vec<SmolStr>),
    /// Nothing fulfils the requirements.
    None,
}

fn choices_of(requirements: &[Requirement]) -> Choices {
    let mut wanted: Option<Vec<SmolStr>> = None;
    let mut refused: Vec<&SmolStr> = Vec::new();
    let (mut must_be, mut must_not_be) = (false, false);
    for requirement in requirements {
        match &requirement.operator {
            Operator::In(values) => {
                must_be = true;
                wanted = Some(match wanted {
                    None => values.clone(),
                    Some(known) => known.into_iter().filter(|v| values.contains(v)).collect(),
                });
            }
            Operator::NotIn(values) => refused.extend(values),
            Operator::Exists => must_be = true,
            Operator::DoesNotExist => must_not_be = true,
        }
    }
    match (must_be, must_not_be) {
        (true, true) => Choices::None,
        (false, _) => Choices::Absent,
        (true, false) => Choices::Values(match wanted {
            Some(values) => values
                .into_iter()
                .filter(|v| !refused.contains(&v))
                .collect(),
            None => vec![fresh(&refused)],
        }),
    }
}

/// A value of a label that is none of these.
fn fresh(refused: &[&SmolStr]) -> SmolStr {
    let mut value = SmolStr::new_static("any");
    let mut number = 1;
    while refused.contains(&&value) {
        number += 1;
        value = smol_str::format_smolstr!("any-{number}");
    }
    value
}

/// Whether text is the key of a label: a name of at most 63 characters, perhaps behind a DNS
/// subdomain and a slash.
pub(crate) fn label_key(key: &str) -> Result<(), String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if !is_label_name(name) {
        return Err(format!(
            "invalid label key `{key}`: its name must be 1 to 63 letters, digits, `-`, `_` and `.`, and start and end with a letter or digit"
        ));
    }
    match prefix {
        Some(prefix) if dns_subdomain(prefix).is_err() => Err(format!(
            "invalid label key `{key}`: its prefix must be a DNS subdomain in lower case"
        )),
        _ => Ok(()),
    }
}

/// Whether text is the value of a label.
pub(crate) fn label_value(value: &str) -> Result<(), String> {
    if value.is_empty() || is_label_name(value) {
        Ok(())
    } else {
        Err(format!(
            "invalid label value `{value}`: it must be at most 63 letters, digits, `-`, `_` and `.`, and start and end with a letter or digit"
        ))
    }
}

fn is_label_name(name: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let bytes = name.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| is_inner(*byte))
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric()
}

/// Whether text is a DNS subdomain of RFC 1123, which most names of objects are.
pub(crate) fn dns_subdomain(name: &str) -> Result<(), String> {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(is_part) {
        Ok(())
    } else {
        Err(format!(
            "invalid name `{name}`: it must be a DNS subdomain of at most 253 lower-case letters, digits, `-` and `.`"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::{Operator, Requirement, Selector};

    fn requirement(key: &str, operator: Operator) -> Requirement {
        Requirement {
            key: key.into(),
            operator,
        }
    }

    #[test]
    fn a_witness_fulfils_its_selector_and_contradictions_have_none() {
        let selector = Selector::from_requirements(vec![
            requirement("a", Operator::In(vec!["x".into(), "y".into()])),
            requirement("a", Operator::NotIn(vec!["x".into()])),
            requirement("b", Operator::Exists),
            requirement("b", Operator::NotIn(vec!["any".into()])),
            requirement("c", Operator::DoesNotExist),
        ]);
        let witnesses = selector.witnesses();
        assert_eq!(witnesses.len(), 1);
        assert!(selector.matches(&witnesses[0]));
        let both = Selector::from_requirements(vec![
            requirement("a", Operator::Exists),
            requirement("a", Operator::DoesNotExist),
        ]);
        assert!(both.witnesses().is_empty());
        assert_eq!(Selector::default().witnesses(), [Vec::new()]);
    }

    #[test]
    fn every_value_of_a_list_has_a_witness() {
        let values = ["x", "y", "z"].map(Into::into).to_vec();
        let selector = Selector::from_requirements(vec![
            requirement("a", Operator::In(values)),
            requirement("b", Operator::Exists),
        ]);
        assert_eq!(selector.witnesses().len(), 3);
    }
}
