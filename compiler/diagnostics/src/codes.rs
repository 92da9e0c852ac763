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
    NOT_UTF8                "E0001" Error "source file that is not UTF-8";
    SOURCE_TOO_LARGE        "E0002" Error "source file larger than 16 MiB";
    SOURCE_UNREADABLE       "E0003" Error "unreadable source file";
    NESTED_TOO_DEEP         "E0004" Error "brackets nested too deeply";
    STRAY_CHARACTER         "E0005" Error "unexpected character";
    UNCLOSED_STRING         "E0006" Error "unterminated string";
    UNCLOSED_BRACKET        "E0007" Error "unclosed bracket";
    STRAY_BRACKET           "E0008" Error "unmatched closing bracket";
    BROKEN_STATEMENT        "E0009" Error "unreadable statement";
    MISSING_VALUE           "E0010" Error "missing value";
    BAD_ESCAPE              "E0011" Error "unknown escape sequence";
    MISSING_VERSION         "E0012" Error "missing language version";
    UNKNOWN_LANGUAGE        "E0013" Error "unsupported language version";
    IMPORT_CYCLE            "E0014" Error "cyclic `use` of files";
    UNKNOWN_IMPORT          "E0015" Error "unresolved `use`";
    EVALUATION_BUDGET       "E0016" Error "evaluation limit exceeded";
    NOT_FORMATTED           "W0017" Warning "source file that is not formatted";
    LOOKALIKE_LETTER        "E0018" Error "letter of another alphabet that looks Latin";

    // 1: names and references
    UNKNOWN_NAME            "E0101" Error "unknown name";
    DUPLICATE_NAME          "E0102" Error "duplicate name";
    UNUSED_LET              "W0103" Warning "unused constant";
    BAD_NAME                "E0104" Error "name that Kubernetes does not allow";
    NAME_TOO_LONG           "E0105" Error "name too long for Kubernetes";
    RESERVED_NAME           "E0106" Error "reserved name";
    AMBIGUOUS_NAME          "E0107" Error "ambiguous name";
    WRONG_KIND              "E0108" Error "name of the wrong kind";
    MISSING_PLATFORM        "E0109" Error "missing `platform` block";
    UNKNOWN_STATEMENT       "E0110" Error "unknown statement";
    UNUSED_IMPORT           "W0111" Warning "unused import";
    COMPONENT_CYCLE         "E0112" Error "cyclic components";
    WRONG_ARGUMENTS         "E0113" Error "wrong arguments";
    COMPONENT_CONFLICT      "E0114" Error "conflicting components";
    EMPTY_WILDCARD          "E0115" Error "wildcard without a match";

    // 2: types and units
    WRONG_TYPE              "E0201" Error "type mismatch";
    WRONG_UNIT              "E0202" Error "unit mismatch";
    MISSING_UNIT            "E0203" Error "missing unit";
    OUT_OF_RANGE            "E0204" Error "number out of range";
    DIVISION_BY_ZERO        "E0205" Error "division by zero";
    REVERSED_RANGE          "E0206" Error "reversed range";
    MIXED_UNITS             "E0207" Error "operation on different units";

    // 3: services and their properties
    WRONG_SHAPE             "E0301" Error "malformed property";
    MISSING_PROPERTY        "E0302" Error "missing property";
    REPEATED_PROPERTY       "E0303" Error "duplicate property";
    PORT_COLLISION          "E0304" Error "duplicate port number";
    HEALTH_PORT             "E0305" Error "health check on an unknown port";
    PATH_COLLISION          "E0306" Error "conflicting mount paths";
    BAD_IMAGE               "E0307" Error "invalid or unpinned image reference";
    UNKNOWN_REGISTRY        "E0308" Error "image from a registry that is not allowed";
    SECRET_IN_PLAIN_TEXT    "W0309" Warning "secret in plain text";
    UNKNOWN_SECRET_KEY      "E0310" Error "unknown key of a secret";
    CONFIG_TOO_LARGE        "E0311" Error "configuration larger than 1 MiB";
    CONTRADICTION           "E0312" Error "contradictory properties";
    NOTHING_TO_REMOVE       "E0313" Error "`off` without effect";
    NOTHING_TO_PATCH        "E0317" Error "patch of an object that does not exist";
    BAD_PATCH               "E0318" Error "invalid patch";
    BAD_PATH                "E0316" Error "invalid path";
    OWNED_FIELD             "E0319" Error "patch of a field that a statement owns";
    PATCHED_SECURITY        "W0320" Warning "patch of a field that Pod Security checks";
    MISPLACED_ADDRESS       "E0321" Error "service address in the wrong place";
    ARGUMENT_WITH_SPACES    "W0324" Warning "several words in one argument";
    FOLDER_NAMED_AS_FILE    "W0325" Warning "config directory with the name of its file";
    IMAGE_OF_DOCKER_HUB     "W0326" Warning "Docker Hub image that is pulled from another registry";
    INVALID_OBJECT          "E0327" Error "object that Kubernetes rejects";
    FORBIDDEN_POD           "E0328" Error "pod that Pod Security forbids";
    MISSING_OBJECT          "W0329" Warning "reference to an object outside the platform";
    NOT_STRICT              "W0330" Warning "services without hardening";
    NETWORK_OPEN            "W0335" Warning "namespace without network policies";
    SELECTORS_OVERLAP       "E0341" Error "overlapping selectors";
    SECRET_IN_MANIFEST      "E0342" Error "Secret values in a manifest";
    DUPLICATE_OBJECT        "E0343" Error "duplicate object";
    UNCHECKED_MANIFEST      "W0344" Warning "custom resources that cannot be checked";
    FOREIGN_NAMESPACE       "W0345" Warning "manifest in a namespace outside the platform";
    BAD_MANIFEST            "E0346" Error "invalid manifest";
    CUT_OFF_WORKLOAD        "W0347" Warning "workload of a manifest without a flow";
    HOST_PORT               "W0314" Warning "host port that lowers Pod Security";
    CAPABILITY              "W0315" Warning "capability that lowers Pod Security";

    // 4: flows, tiers and order
    DUPLICATE_FLOW          "E0401" Error "duplicate flow";
    UNKNOWN_PORT            "E0402" Error "flow to an unknown port";
    TIER_VIOLATION          "E0403" Error "dependency on a higher tier";
    DEPENDENCY_CYCLE        "E0404" Error "cyclic start order";
    FLOW_FROM_INTERNET      "E0405" Error "flow from the internet";
    TIER_CYCLE              "E0406" Error "cyclic tiers";
    MISSING_CLUSTER_FACT    "E0407" Error "missing fact of the cluster";
    UNREACHABLE_SERVICE     "W0408" Warning "unreachable service";
    UNJUDGED_FLOW           "E0410" Error "flow that the network plugin cannot enforce";
    ADDRESS_OF_THE_CLUSTER  "E0411" Error "external addresses inside the cluster";
    WRONG_FAMILY            "E0412" Error "addresses of the wrong IP family";
    HOST_NETWORK            "E0413" Error "service on the host network";
    NOTHING_ENFORCED        "W0414" Warning "network plugin without NetworkPolicy support";
    SHADOWED_FLOW           "W0415" Warning "redundant flow";
    WIDE_FLOW               "W0416" Warning "flow that opens many connections";
    MESH_TUNNEL             "W0417" Warning "service mesh that hides ports from policies";
    SHARED_ADDRESSES        "E0418" Error "overlapping addresses of the cluster";
    ADDRESS_WITHOUT_FLOW    "W0419" Warning "service address without a flow";
    BROKEN_NEVER            "E0440" Error "violated `never`";
    BROKEN_ALWAYS           "E0441" Error "violated `always`";

    // 5: routes
    DUPLICATE_ROUTE         "E0501" Error "duplicate route";
    BAD_HOST                "E0502" Error "invalid host or path";
    NODE_PORT_COLLISION     "E0503" Error "node port in use";
    MISSING_INGRESS         "E0504" Error "route without an ingress controller";

    // 6: the proof
    FLOW_NOT_OPENED         "E0601" Error "declared flow that the output does not allow";
    OPENED_WITHOUT_FLOW     "E0602" Error "allowed connection that no flow declares";
    NOT_ISOLATED            "E0603" Error "pods without an isolating policy";

    // 7: promises, capacity, resilience, dead parts; profiles
    SLO_INVERSION           "W0701" Warning "SLO higher than its dependencies allow";
    RECOVERY_PAST_BUDGET    "W0702" Warning "recovery longer than the error budget";
    LATENCY_INVERSION       "W0703" Warning "latency objective below that of a dependency";
    RECOVERY_INVERSION      "W0704" Warning "RTO or RPO below that of a dependency";
    RECOVERY_NOT_HELD       "W0705" Warning "RTO that relies on services without one";
    RPO_WITHOUT_VOLUME      "W0706" Warning "RPO without a volume";
    POD_TOO_LARGE           "E0711" Error "pod larger than every node";
    CLUSTER_TOO_SMALL       "E0712" Error "requests above the capacity of the cluster";
    NO_PLACE                "W0713" Warning "pods that do not fit on any node";
    SCALE_TOO_LARGE         "W0714" Warning "maximum scale above the capacity of the cluster";
    NODE_TO_SPARE           "W0715" Warning "cluster without capacity for a failed node";
    QUOTA_EXCEEDED          "E0716" Error "quota below the requests of the namespace";
    QUOTA_STOPS_SCALE       "W0717" Warning "quota below the maximum scale";
    STORAGE_TOO_SMALL       "E0718" Error "claims above the size of a storage class";
    NO_DEFAULT_CLASS        "W0719" Warning "claim without a storage class";
    LIMIT_ABOVE_NODE        "W0720" Warning "limit above the capacity of every node";
    SINGLE_POINT            "W0721" Warning "single pod that several services require";
    DRAIN_BLOCKED           "W0722" Warning "disruption budget that blocks every drain";
    SCALE_WITHOUT_REQUEST   "E0723" Error "autoscaler without a resource request";
    SPREAD_NOT_MET          "W0724" Warning "`spread` over more nodes than exist";
    UNUSED_PORT             "W0731" Warning "unused port";
    UNUSED_COMPONENT        "W0732" Warning "unused component";
    UNUSED_DECLARATION      "W0733" Warning "unused declaration";
    UNREACHABLE_API         "W0734" Warning "permissions without a flow to the API server";
    UNKNOWN_PROFILE         "E0750" Error "unknown profile";
    PROFILE_MATCHES_NOTHING "E0751" Error "profile path without a match";
    NOT_OVERRIDABLE         "E0752" Error "property that profiles cannot set";
    PROFILE_CHANGES_NOTHING "W0753" Warning "profile line without effect";
    PROFILE_CONFLICT        "E0754" Error "conflicting profile lines";
    PROFILE_CYCLE           "E0755" Error "cyclic profiles";
    NEEDED_AND_OFF          "E0756" Error "required service that is off";
    NOTHING_TO_ACCEPT       "E0757" Error "`accept` without a matching warning";
    ACCEPTS_SEVERAL         "E0758" Error "`accept` of several warnings";
    BAD_MOVE                "E0759" Error "invalid `moved`";

    // 8: the organisation's rules and the platform's tests
    RULE_BROKEN             "E0801" Error "violated rule";
    EMPTY_TEST              "E0802" Error "test without an expectation";
    MAYBE_OFF               "E0803" Error "comparison with a value that may be `off`";
    UNKNOWN_MEMBER          "E0804" Error "unknown member";
    TEST_FAILED             "E0805" Error "failed expectation";

    // 9: existing manifests, as `erpc import` reads them
    MISSING_REFERENCE       "E0901" Error "missing reference";
    UNREADABLE_MANIFEST     "E0902" Error "manifest that is not YAML or JSON";
    CONFLICTING_OBJECTS     "E0903" Error "conflicting objects";
    UNKNOWN_OBJECT_KIND     "E0904" Error "unknown kind";
    TEMPLATE                "W0905" Warning "template instead of a manifest";
    NOT_A_MANIFEST          "W0906" Warning "document that is not a Kubernetes object";
    IGNORED_FIELD           "W0907" Warning "field that kubectl ignores";
    NOT_IN_KUBERNETES       "W0908" Warning "unsupported part of a Compose file";
    SERVICE_PORT_LEADS_NOWHERE "W0911" Warning "Service port that no container declares";
    SELECTS_NOTHING         "W0912" Warning "selector without a match";
    UNDECLARED_PROBE_PORT   "W0913" Warning "probe on an undeclared port";
    POLICY_PORT_WITHOUT_LISTENER "W0914" Warning "policy for a port without a listener";
    POLICY_BLOCKS_FLOW      "W0915" Warning "policy that blocks a required connection";
    OLD_API_VERSION         "W0916" Warning "deprecated or removed API version";
    SECRET_VALUES           "W0917" Warning "Secret values in a manifest";
    LIMIT_BELOW_REQUEST     "W0918" Warning "limit below its request";
    REPLICAS_AND_AUTOSCALER "W0919" Warning "replicas that an autoscaler changes";
    MOVING_IMAGE            "W0920" Warning "mutable image tag";
    NAMESPACE_OF_ANOTHER_FOLDER "W0921" Warning "object in the directory of another namespace";
    READS_ALL_SECRETS       "W0922" Warning "ServiceAccount that can read every Secret";
    PEER_IN_EVERY_NAMESPACE "W0923" Warning "policy that opens a port to every namespace";
    DNS_WITHOUT_TCP         "W0924" Warning "policy that allows DNS over UDP only";
    POLICY_WITHOUT_EFFECT   "W0925" Warning "policy without effect";
    NAMESPACE_BY_OWN_LABEL  "W0926" Warning "policy that selects namespaces by a custom label";
    NO_READINESS_PROBE      "W0927" Warning "workload behind a Service without a readiness probe";
    DATA_DELETED_WITH_CLAIM "W0928" Warning "data that is deleted with its claim";
    UNPINNED_DELIVERY       "W0929" Warning "delivery from a mutable revision";
    WORKLOADS_OVERLAP       "W0930" Warning "overlapping workloads";
    PLAIN_SECRET            "W0931" Warning "plain-text secret in a workload or ConfigMap";
    UNKNOWN_STORAGE_CLASS   "W0932" Warning "undefined storage class";
    ONE_SIDED_POLICY        "W0933" Warning "connection that only one side allows";
    VALUE_DIFFERS           "W0934" Warning "value that differs from the manifest";
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
