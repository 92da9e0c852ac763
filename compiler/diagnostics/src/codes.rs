//! The registry of codes: one row for each kind of finding, with its severity and title.
//!
//! The first digit of a number is the stage: 0 reading and syntax, 1 names, 2 types and units,
//! 3 services and their properties, 4 flows, tiers and order, 5 routes and the cluster, 6 the proof
//! of the output, 7 promises, capacity, resilience and profiles, 8 rules and tests, 9 existing manifests.
//! A number is never used again for something else.

use crate::Severity;

/// A kind of finding.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// What users quote: `E0101`.
    pub id: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What it is, in half a line.
    pub title: &'static str,
    /// What it means, why it matters, a wrong and a right example, as Markdown without a heading.
    pub page: &'static str,
}

macro_rules! codes {
    ($($name:ident $id:literal $severity:ident $title:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: Code = Code {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                page: include_str!(concat!("pages/", $id, ".md")),
            };
        )*

        /// Every code, in the order of the registry.
        pub static ALL: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    // 0: reading and syntax
    NOT_UTF8                "E0001" Error "a source that is not UTF-8";
    SOURCE_TOO_LARGE        "E0002" Error "a source over 16 MiB";
    SOURCE_UNREADABLE       "E0003" Error "a source that cannot be read";
    NESTED_TOO_DEEP         "E0004" Error "brackets nested too deep";
    STRAY_CHARACTER         "E0005" Error "a character that has no meaning here";
    UNCLOSED_STRING         "E0006" Error "a string without its closing quote";
    UNCLOSED_BRACKET        "E0007" Error "a bracket that is never closed";
    STRAY_BRACKET           "E0008" Error "a closing bracket that nothing opened";
    BROKEN_STATEMENT        "E0009" Error "a statement that cannot be read";
    MISSING_VALUE           "E0010" Error "a value is missing";
    BAD_ESCAPE              "E0011" Error "an escape that strings do not have";
    MISSING_VERSION         "E0012" Error "a program without its language version";
    UNKNOWN_LANGUAGE        "E0013" Error "a language version that this compiler does not know";
    IMPORT_CYCLE            "E0014" Error "files that use each other";
    UNKNOWN_IMPORT          "E0015" Error "a `use` that leads nowhere";
    EVALUATION_BUDGET       "E0016" Error "an evaluation past its budget";
    NOT_FORMATTED           "W0017" Warning "a source that is not formatted";
    LOOKALIKE_LETTER        "E0018" Error "a letter of another alphabet that looks Latin";

    // 1: names and references
    UNKNOWN_NAME            "E0101" Error "a name that is declared nowhere";
    DUPLICATE_NAME          "E0102" Error "a name that is declared twice";
    UNUSED_LET              "W0103" Warning "a constant that nothing uses";
    BAD_NAME                "E0104" Error "a name that Kubernetes would refuse";
    NAME_TOO_LONG           "E0105" Error "a name that is too long for Kubernetes";
    RESERVED_NAME           "E0106" Error "a name that the language keeps for itself";
    AMBIGUOUS_NAME          "E0107" Error "a name that several services have";
    WRONG_KIND              "E0108" Error "a name of another kind";
    MISSING_PLATFORM        "E0109" Error "a program without a platform";
    UNKNOWN_STATEMENT       "E0110" Error "a statement that is not known here";
    UNUSED_IMPORT           "W0111" Warning "a `use` that nothing needs";
    COMPONENT_CYCLE         "E0112" Error "components that are made of each other";
    WRONG_ARGUMENTS         "E0113" Error "arguments that a component or function does not take";
    COMPONENT_CONFLICT      "E0114" Error "two components that disagree";
    EMPTY_WILDCARD          "E0115" Error "a wildcard that matches nothing";

    // 2: types and units
    WRONG_TYPE              "E0201" Error "a value of another type";
    WRONG_UNIT              "E0202" Error "a unit that does not fit";
    MISSING_UNIT            "E0203" Error "a number without its unit";
    OUT_OF_RANGE            "E0204" Error "a number that is out of range";
    DIVISION_BY_ZERO        "E0205" Error "a division by zero";
    REVERSED_RANGE          "E0206" Error "a range that starts above its end";
    MIXED_UNITS             "E0207" Error "an operation on different units";

    // 3: services and their properties
    WRONG_SHAPE             "E0301" Error "a property that is written in another way";
    MISSING_PROPERTY        "E0302" Error "a property that is needed and missing";
    REPEATED_PROPERTY       "E0303" Error "a property that is set twice";
    PORT_COLLISION          "E0304" Error "two ports with one number";
    HEALTH_PORT             "E0305" Error "a health check on no declared port";
    PATH_COLLISION          "E0306" Error "two mounts at one path";
    BAD_IMAGE               "E0307" Error "an image reference that does not pin what runs";
    UNKNOWN_REGISTRY        "E0308" Error "an image of a registry that is not allowed";
    SECRET_IN_PLAIN_TEXT    "W0309" Warning "a secret in plain text";
    UNKNOWN_SECRET_KEY      "E0310" Error "a key that the secret does not have";
    CONFIG_TOO_LARGE        "E0311" Error "a configuration over 1 MiB";
    CONTRADICTION           "E0312" Error "two properties that exclude each other";
    NOTHING_TO_REMOVE       "E0313" Error "an `off` that removes nothing";
    NOTHING_TO_PATCH        "E0317" Error "a patch on an object that the service does not have";
    BAD_PATCH               "E0318" Error "a patch that makes no such object";
    BAD_PATH                "E0316" Error "a path that cannot be one";
    OWNED_FIELD             "E0319" Error "a patch of what a word of the language says";
    PATCHED_SECURITY        "W0320" Warning "a patch of what Pod Security judges";
    MISPLACED_ADDRESS       "E0321" Error "the address of a service where it cannot stand";
    ARGUMENT_WITH_SPACES    "W0324" Warning "several words in one argument";
    FOLDER_NAMED_AS_FILE    "W0325" Warning "a config in a folder with the name of its file";
    IMAGE_OF_DOCKER_HUB     "W0326" Warning "an image of Docker Hub that is pulled from another registry";
    INVALID_OBJECT          "E0327" Error "an object that Kubernetes refuses";
    FORBIDDEN_POD           "E0328" Error "a pod that Pod Security forbids";
    MISSING_OBJECT          "W0329" Warning "a pod that needs what the platform does not have";
    NOT_STRICT              "W0330" Warning "services that are not hardened";
    NETWORK_OPEN            "W0335" Warning "a namespace without network policies";
    SELECTORS_OVERLAP       "E0341" Error "services that select each other's pods";
    SECRET_IN_MANIFEST      "E0342" Error "the values of a Secret in a manifest";
    DUPLICATE_OBJECT        "E0343" Error "two objects of one identity";
    UNCHECKED_MANIFEST      "W0344" Warning "custom resources that cannot be checked";
    FOREIGN_NAMESPACE       "W0345" Warning "a manifest in a namespace of others";
    BAD_MANIFEST            "E0346" Error "a manifest that is not an object";
    CUT_OFF_WORKLOAD        "W0347" Warning "a workload among the manifests without a flow";
    HOST_PORT               "W0314" Warning "a port on the node lowers Pod Security";
    CAPABILITY              "W0315" Warning "a capability lowers Pod Security";

    // 4: flows, tiers and order
    DUPLICATE_FLOW          "E0401" Error "a flow that is declared twice";
    UNKNOWN_PORT            "E0402" Error "a flow to a port that does not exist";
    TIER_VIOLATION          "E0403" Error "a dependency on a higher tier";
    DEPENDENCY_CYCLE        "E0404" Error "services that wait for each other";
    FLOW_FROM_INTERNET      "E0405" Error "a flow from the internet is an exposure";
    TIER_CYCLE              "E0406" Error "tiers that are above each other";
    MISSING_CLUSTER_FACT    "E0407" Error "a fact of the cluster that a flow needs";
    UNREACHABLE_SERVICE     "W0408" Warning "a service that nothing can reach";
    UNJUDGED_FLOW           "E0410" Error "a flow that the network plugin cannot judge";
    ADDRESS_OF_THE_CLUSTER  "E0411" Error "addresses outside that are the cluster's own";
    WRONG_FAMILY            "E0412" Error "addresses of a family that the cluster lacks";
    HOST_NETWORK            "E0413" Error "a service on the network of its node";
    NOTHING_ENFORCED        "W0414" Warning "a network plugin that enforces nothing";
    SHADOWED_FLOW           "W0415" Warning "a flow that a wider one covers";
    WIDE_FLOW               "W0416" Warning "a flow that opens very much";
    MESH_TUNNEL             "W0417" Warning "a service mesh that hides ports from policies";
    SHARED_ADDRESSES        "E0418" Error "addresses that two parts of a cluster share";
    ADDRESS_WITHOUT_FLOW    "W0419" Warning "the address of a service that may not be called";
    BROKEN_NEVER            "E0440" Error "a `never` that does not hold";
    BROKEN_ALWAYS           "E0441" Error "an `always` that does not hold";

    // 5: routes
    DUPLICATE_ROUTE         "E0501" Error "a host and path that are routed twice";
    BAD_HOST                "E0502" Error "a host or path that no route can have";
    NODE_PORT_COLLISION     "E0503" Error "a node port that is taken";
    MISSING_INGRESS         "E0504" Error "a route without an ingress controller";

    // 6: the proof
    FLOW_NOT_OPENED         "E0601" Error "a flow that the output does not open";
    OPENED_WITHOUT_FLOW     "E0602" Error "a connection that no flow declares";
    NOT_ISOLATED            "E0603" Error "pods that no policy isolates";

    // 7: promises, capacity, resilience, dead parts; profiles
    SLO_INVERSION           "W0701" Warning "a promise above what is required gives";
    RECOVERY_PAST_BUDGET    "W0702" Warning "a recovery that is longer than the error budget";
    LATENCY_INVERSION       "W0703" Warning "an objective of latency below what is waited for";
    RECOVERY_INVERSION      "W0704" Warning "a recovery sooner than that of what is required";
    RECOVERY_NOT_HELD       "W0705" Warning "a recovery that stands on services without one";
    RPO_WITHOUT_VOLUME      "W0706" Warning "an RPO of a service that keeps nothing";
    POD_TOO_LARGE           "E0711" Error "a pod that no node of the cluster holds";
    CLUSTER_TOO_SMALL       "E0712" Error "a cluster that has less than the platform requests";
    NO_PLACE                "W0713" Warning "pods that do not fit on any node";
    SCALE_TOO_LARGE         "W0714" Warning "a greatest scale that the cluster does not hold";
    NODE_TO_SPARE           "W0715" Warning "a cluster that cannot lose a node";
    QUOTA_EXCEEDED          "E0716" Error "a quota below what the namespace needs";
    QUOTA_STOPS_SCALE       "W0717" Warning "a quota that the greatest scale does not fit";
    STORAGE_TOO_SMALL       "E0718" Error "a storage class that holds less than its claims";
    NO_DEFAULT_CLASS        "W0719" Warning "a claim that no storage class serves";
    LIMIT_ABOVE_NODE        "W0720" Warning "a limit that no node has";
    SINGLE_POINT            "W0721" Warning "a single pod that several services require";
    DRAIN_BLOCKED           "W0722" Warning "a disruption budget that blocks every drain";
    SCALE_WITHOUT_REQUEST   "E0723" Error "an autoscaler that measures against a request of nothing";
    SPREAD_NOT_MET          "W0724" Warning "a `spread` over more nodes than there are";
    UNUSED_PORT             "W0731" Warning "a port that nothing uses";
    UNUSED_COMPONENT        "W0732" Warning "a component that no service is";
    UNUSED_DECLARATION      "W0733" Warning "a declaration that nothing uses";
    UNREACHABLE_API         "W0734" Warning "rights on an API that cannot be reached";
    UNKNOWN_PROFILE         "E0750" Error "a profile that is declared nowhere";
    PROFILE_MATCHES_NOTHING "E0751" Error "a path of a profile that matches nothing";
    NOT_OVERRIDABLE         "E0752" Error "a property that profiles do not set";
    PROFILE_CHANGES_NOTHING "W0753" Warning "a line of a profile that changes nothing";
    PROFILE_CONFLICT        "E0754" Error "two lines of a profile that disagree";
    PROFILE_CYCLE           "E0755" Error "profiles that are made of each other";
    NEEDED_AND_OFF          "E0756" Error "something that is off and needed";
    NOTHING_TO_ACCEPT       "E0757" Error "an `accept` of a warning that is not there";
    ACCEPTS_SEVERAL         "E0758" Error "an `accept` of several warnings at once";
    BAD_MOVE                "E0759" Error "a `moved` that tells of no rename";

    // 8: the organisation's rules and the platform's tests
    RULE_BROKEN             "E0801" Error "a rule of the organisation that is broken";
    EMPTY_TEST              "E0802" Error "a test that tests nothing";
    MAYBE_OFF               "E0803" Error "a value that may be missing";
    UNKNOWN_MEMBER          "E0804" Error "a member that is not there";
    TEST_FAILED             "E0805" Error "an expectation that does not hold";

    // 9: existing manifests, as `erpc import` reads them
    MISSING_REFERENCE       "E0901" Error "a reference to an object that is not in the manifests";
    UNREADABLE_MANIFEST     "E0902" Error "a manifest that is not YAML or JSON";
    CONFLICTING_OBJECTS     "E0903" Error "two different objects of one identity";
    UNKNOWN_OBJECT_KIND     "E0904" Error "a kind that Kubernetes does not have";
    TEMPLATE                "W0905" Warning "a template in place of a manifest";
    NOT_A_MANIFEST          "W0906" Warning "a document that is not an object of Kubernetes";
    IGNORED_FIELD           "W0907" Warning "a field that kubectl ignores";
    NOT_IN_KUBERNETES       "W0908" Warning "a part of a Compose file that is not imported";
    SERVICE_PORT_LEADS_NOWHERE "W0911" Warning "a port of a Service that no container declares";
    SELECTS_NOTHING         "W0912" Warning "a selector that no pod matches";
    UNDECLARED_PROBE_PORT   "W0913" Warning "a probe on a port that its container does not declare";
    POLICY_PORT_WITHOUT_LISTENER "W0914" Warning "a policy that opens a port on which nothing listens";
    POLICY_BLOCKS_FLOW      "W0915" Warning "a policy that blocks a connection that a workload needs";
    OLD_API_VERSION         "W0916" Warning "a version of the API that is gone or going";
    SECRET_VALUES           "W0917" Warning "a Secret with its values in a manifest";
    LIMIT_BELOW_REQUEST     "W0918" Warning "a limit below its request";
    REPLICAS_AND_AUTOSCALER "W0919" Warning "a number of replicas that an autoscaler changes";
    MOVING_IMAGE            "W0920" Warning "an image whose version can change";
    NAMESPACE_OF_ANOTHER_FOLDER "W0921" Warning "an object in the folder of another namespace";
    READS_ALL_SECRETS       "W0922" Warning "an account that may read every Secret";
    PEER_IN_EVERY_NAMESPACE "W0923" Warning "a policy that opens a port to every namespace";
    DNS_WITHOUT_TCP         "W0924" Warning "a policy that allows DNS over UDP only";
    POLICY_WITHOUT_EFFECT   "W0925" Warning "a policy that changes nothing";
    NAMESPACE_BY_OWN_LABEL  "W0926" Warning "a policy that finds namespaces by a label of their own";
    NO_READINESS_PROBE      "W0927" Warning "a workload behind a Service without a readiness probe";
    DATA_DELETED_WITH_CLAIM "W0928" Warning "data that is deleted with its claim";
    UNPINNED_DELIVERY       "W0929" Warning "a delivery that follows a moving revision";
    WORKLOADS_OVERLAP       "W0930" Warning "two workloads with the same pods";
}

impl Code {
    /// Its page with a heading, as `erpc explain` shows it.
    #[must_use]
    pub fn document(&self) -> String {
        let mut text = format!("# {}: {}\n\n{}", self.id, self.title, self.page);
        if self.page.contains("is Web") {
            text.push_str(
                "\n`Web` stands for a component with an image, a port `http`, CPU and memory.\n",
            );
        }
        text
    }
}

/// The code with this id, in any case of letters.
#[must_use]
pub fn find(id: &str) -> Option<&'static Code> {
    ALL.iter()
        .copied()
        .find(|code| code.id.eq_ignore_ascii_case(id))
}
