//! The terms of the field that the reference uses, each explained once, with the words of the
//! language that they stand behind.

/// A term.
#[derive(Debug)]
pub struct Term {
    /// As it is written: `SLO`.
    pub name: &'static str,
    /// What the letters stand for; empty where it is no abbreviation.
    pub stands_for: &'static str,
    /// What it is, and what it is in a platform.
    pub text: &'static str,
    /// The words of the language that are about it.
    pub words: &'static [&'static str],
}

macro_rules! terms {
    ($($name:literal $stands_for:literal [$($word:literal)*] $text:literal;)*) => {
        /// Every term.
        pub static TERMS: &[Term] = &[$(Term {
            name: $name,
            stands_for: $stands_for,
            text: $text,
            words: &[$($word),*],
        }),*];
    };
}

terms! {
    "SRE" "site reliability engineering" ["slo" "rto" "rpo"] "Running services as an engineering task: what clients are promised is a number, what is done by hand is automated, and the numbers decide what is worked on next.";
    "SLO" "service level objective" ["slo"] "What a service promises itself to its clients, as a share of good time over a window: `slo availability 99.95%` is over 30 days unless it says otherwise. A service cannot promise more than what it requires can give.";
    "SLI" "service level indicator" ["slo"] "What is measured to see whether an SLO holds: the share of requests that were answered well, or in time. The port `metrics` of a service is where it is read.";
    "SLA" "service level agreement" ["slo"] "A contract with customers about the level of service, with consequences if it is not met. It is weaker than the SLO, which leaves time to act; the language has no statement for it.";
    "toil" "" ["scale" "component"] "Work by hand that repeats, could be automated, and grows with the service. Deriving policies, accounts and probes from declarations is there to remove it.";
    "error budget" "" ["slo"] "What an SLO leaves: 99.95% of 30 days is a budget of 21.6 minutes. While some is left, changes go out; when it is spent, stability comes first.";
    "MTTR" "mean time to repair" ["rto"] "How long it takes on average from a failure to a service that works again. It is compared with the RTO, which is its bound.";
    "MTTD" "mean time to detect" ["slo"] "How long it takes on average from a failure to the alert about it. Scrape interval and windows of the rules bound it.";
    "RTO" "recovery time objective" ["rto"] "How long a service may take to be back after a failure: `rto 5m`. What it requires must be back no later.";
    "RPO" "recovery point objective" ["rpo" "volume"] "How much of the latest data a failure may cost, as a time: `rpo 1m`. It says how often a volume must be copied.";
    "K8s" "Kubernetes" ["cluster" "kubernetes"] "The system that keeps containers running on a set of nodes, as its objects say. A `cluster` block holds the facts of one that a platform must fit.";
    "Helm" "" ["patch"] "A package manager for Kubernetes: charts are templates of manifests with values. What erpc writes needs no templates; where a team works with Helm, a chart can carry it.";
    "GitOps" "" ["version"] "A way of operating a cluster from a Git repository: a controller applies what is merged, and the cluster is not changed by hand. The output of `erpc build` is stable byte for byte so that it can be committed and reviewed.";
    "HPA" "HorizontalPodAutoscaler" ["scale"] "The object that changes the number of replicas with their load: `scale 2..6 on cpu 75%`. A service that scales has no `replicas` in its workload, because two writers of one field would fight.";
    "PVC" "PersistentVolumeClaim" ["volume" "storage"] "The request for a disk: `volume data 10Gi at \"/var/lib/x\"`. Each replica has its own unless the volume is `shared`, and it outlives its service.";
    "RBAC" "role-based access control" ["grants"] "Who may do what at the Kubernetes API: accounts, roles and what binds them, all derived from `grants`. Without one a pod runs under its namespace's account and gets no token.";
    "StatefulSet" "" ["volume"] "The workload of a service with a volume of its own: replicas have fixed names and keep their claims. A service without one is a Deployment.";
    "NetworkPolicy" "" ["allow" "calls" "expose"] "The object that says which pods may talk to which, on which ports. erpc derives one for each service from the flows, and one for each namespace that denies the rest.";
    "ERP/1" "" ["platform"] "The platform that the compiler was made for: the business system of a state enterprise, 33 services in 6 namespaces. Its program is `platform.erp` in this repository.";
    "КСЗІ" "комплексна система захисту інформації" ["never" "allow" "secret"] "The comprehensive information protection system that Ukrainian law asks of information systems of the state: deny by default, least privilege, traceable decisions. Each flow has its line and its reason, and what no line says is denied.";
}

/// The term with this name, in any case of letters.
#[must_use]
pub fn term(name: &str) -> Option<&'static Term> {
    let name = name.to_lowercase().replace('-', " ");
    TERMS.iter().find(|term| term.name.to_lowercase() == name)
}

/// The terms that a word of the language is about.
pub fn terms_of(word: &str) -> impl Iterator<Item = &'static Term> {
    TERMS.iter().filter(move |term| term.words.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::{TERMS, term};
    use crate::properties::words;

    #[test]
    fn a_term_is_explained_once_and_names_words_that_there_are() {
        for of in TERMS {
            assert_eq!(TERMS.iter().filter(|t| t.name == of.name).count(), 1);
            assert!(of.text.ends_with('.'), "{}", of.name);
            assert!(!of.words.is_empty(), "{}", of.name);
            for word in of.words {
                assert!(words().any(|w| w.name == *word), "{word}");
            }
        }
    }

    #[test]
    fn terms_are_found_in_any_case() {
        assert_eq!(term("slo").map(|t| t.name), Some("SLO"));
        assert_eq!(term("error-budget").map(|t| t.name), Some("error budget"));
        assert_eq!(term("ксзі").map(|t| t.name), Some("КСЗІ"));
        assert!(term("nothing").is_none());
    }
}
