//! The arguments of every command. Their help texts are the reference of the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::engine::ArgValueCompleter;

use crate::names;

const EXIT_CODES: &str = "\
Exit codes:
  0    done, nothing differs
  1    errors, or refused before anything was written
  2    differences found
  3    applied or running, but not ready
  4    partly applied
  64   wrong usage, or a name that the program does not have
  130  interrupted";

/// Compiles platform.erp, a whole Kubernetes platform in one typed file.
#[derive(Debug, Parser)]
#[command(name = "erpc", version, max_term_width = 100, after_help = EXIT_CODES, after_long_help = "\
Examples:
  erpc init shop --template shop
                                start a platform from a template
  erpc check                    check the nearest platform.erp
  erpc build                    write lib/ and share/ beside it
  erpc build --check            fail if they are not what it says (for CI)
  kubectl apply --server-side -R -f share -f lib

Exit codes:
  0    done, nothing differs
  1    errors, or refused before anything was written
  2    differences found
  3    applied or running, but not ready
  4    partly applied
  64   wrong usage, or a name that the program does not have
  130  interrupted")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub(crate) color: Color,
    /// Say nothing but results and errors.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// How results are written.
    #[arg(long, value_enum, default_value_t = Format::Human, global = true)]
    pub(crate) format: Format,
    /// A folder whose modules replace those of the library: `DIR/beam.erp` for `std.beam`.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) stdlib: Option<PathBuf>,
    /// Take the platform under a profile that it declares.
    #[arg(long, value_name = "NAME", global = true, add = ArgValueCompleter::new(names::profiles))]
    pub(crate) profile: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[value(alias = "table")]
    Human,
    /// One JSON object, stable within its `version`.
    Json,
    /// SARIF 2.1.0, for code scanning (`check`, `build`, `fmt --check`).
    Sarif,
    /// Annotations of GitHub Actions (`check`, `build`, `fmt --check`).
    Github,
    /// A diagram in Mermaid (`order`, `flows`).
    Mermaid,
    /// A diagram for Graphviz (`flows`).
    Dot,
    /// Values separated by commas (`flows`).
    Csv,
    /// JUnit's XML (`test`).
    Junit,
    /// A picture (`graph`).
    Svg,
    /// One self-contained page (`graph`, `report`).
    Html,
    /// YAML (`show`).
    Yaml,
    /// Markdown (`show` of a table, `flows`, `report`).
    Markdown,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(Check),
    Build(Build),
    Order(Order),
    Show(Show),
    Flows(Flows),
    Why(Why),
    Diff(Diff),
    Reach(Reach),
    Graph(Graph),
    Impact(Impact),
    Prove(Prove),
    Report(Report),
    Test(Test),
    Fmt(Fmt),
    Explain(Explain),
    Plan(Plan),
    Apply(Apply),
    History(History),
    Rollback(Rollback),
    Status(Status),
    Drift(Drift),
    Destroy(Destroy),
    Doctor(Doctor),
    Probe(Probe),
    Rbac(Rbac),
    Unlock(Unlock),
    Adopt(Adopt),
    Init(Init),
    Man(Man),
    Completions(Completions),
}

/// Checks a platform and writes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc check                       the nearest platform.erp, from here upwards
  erpc check examples/shop         the platform in a folder
  erpc check --fix                 apply the fixes that are certain
  erpc check --fix --diff          show them and write nothing
  erpc check --watch               check again after each save
  erpc check --profile dev         the platform as it is under a profile
  erpc check --all-profiles        without a profile, and under each
  erpc check --format sarif        findings for code scanning")]
pub(crate) struct Check {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Show at most this many findings.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) max_errors: usize,
    /// Apply the fixes that are certain, then check again.
    #[arg(long)]
    pub(crate) fix: bool,
    /// With --fix: show the changes and write nothing; exit 2 if there are some.
    #[arg(long, requires = "fix")]
    pub(crate) diff: bool,
    /// Check again after each save, until interrupted.
    #[arg(long, conflicts_with = "fix")]
    pub(crate) watch: bool,
    /// Check without a profile and under each; a finding of some of them says which.
    #[arg(long, conflicts_with_all = ["fix", "watch", "profile"])]
    pub(crate) all_profiles: bool,
}

/// Checks a platform and writes its Kubernetes manifests.
///
/// Writes lib/ and share/, only what changed, and removes what an earlier build wrote and this one
/// does not. A file without erpc's header is never touched; one that was edited by hand since stops
/// the build. What stands beside platform.erp is the platform without a profile: with --profile, say
/// where it goes with --out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc build                       write lib/ and share/ beside platform.erp
  erpc build --out /tmp/manifests  write them elsewhere
  erpc build --check               exit 2 and list what differs, write nothing
  erpc build --diff                show what would change, write nothing
  erpc build --profile dev --out build/dev
                                   the platform under a profile, elsewhere")]
pub(crate) struct Build {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// The directory with lib/ and share/ [default: the directory of platform.erp].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Also write what others deliver, in a folder of the target's name; `output` in the source says the same.
    #[arg(long, value_name = "TARGET", value_parser = ["argocd", "flux", "kustomize"])]
    pub(crate) target: Vec<String>,
    /// Where Argo CD and Flux find the output, where no `output` in the source says it.
    #[arg(long, value_name = "URL", requires = "target")]
    pub(crate) repository: Option<String>,
    /// The branch, `refs/…` or commit of that repository.
    #[arg(
        long,
        value_name = "REVISION",
        default_value = "main",
        requires = "repository"
    )]
    pub(crate) revision: String,
    /// Write nothing; list what differs and exit 2 if something does.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; show what would change and exit 2 if something would.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Overwrite files that were edited by hand.
    #[arg(long, conflicts_with_all = ["check", "diff"])]
    pub(crate) force: bool,
}

/// Shows in which order services start, and why.
///
/// Then what each namespace needs before it, and the chain of a cold start that takes longest, by the
/// earliest moment at which probes may answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc order                       the waves, with what each service waits for
  erpc order --format mermaid      the same as a diagram")]
pub(crate) struct Order {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
}

/// Shows the resolved platform, a part of it, or one value and where it came from.
///
/// NAME is a namespace, a service or one value by its dotted path, or a table: namespaces, services,
/// repos, images. A value is defined at one line; its origin is that line and what lies between it and
/// the owner: components, the namespace, the platform, a profile.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc show                                  the platform in figures
  erpc show erp-apps                         a namespace and its services
  erpc show hl7-health --origin              a service, with the origin of each value
  erpc show erp-apps.hl7-health.memory       one value and where it came from
  erpc show images --format markdown         a table, to paste elsewhere
  erpc show . --format json                  everything, for tools
  erpc show --emitted lib/erp-apps/hl7-health/deployment.yaml:45
                                             the source of an emitted line")]
pub(crate) struct Show {
    /// A namespace, service, dotted path or table; alone it may be the path of a project.
    #[arg(add = ArgValueCompleter::new(names::facts_and_tables))]
    pub(crate) name: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Show the origin of each value.
    #[arg(long)]
    pub(crate) origin: bool,
    /// Show the source of an emitted line, or of each line of an emitted file.
    #[arg(long, value_name = "FILE[:LINE]", conflicts_with_all = ["origin", "path"])]
    pub(crate) emitted: Option<String>,
}

/// Shows the matrix of flows, each cell with the line that opened it.
///
/// FROM and TO are ends as the language writes them, or addresses: ns.service, service, ns, ns.*,
/// tier(name).*, an external, internet, cluster.dns, cluster.api, cluster.nodes, ingress,
/// 10.0.0.0/8, 192.0.2.7.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc flows                           every declared flow
  erpc flows --implied                 also DNS, routes and exposures, which need no statement
  erpc flows hl7-health                whom a service calls
  erpc flows '*' kvs-database --why    who calls a service, with the statement and its reason
  erpc flows --by namespace            whom each namespace calls, and who calls it
  erpc flows --format csv              for a spreadsheet
  erpc flows erp-apps --format dot     for Graphviz")]
pub(crate) struct Flows {
    /// Whose calls; alone it may be the path of a project.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) from: Option<String>,
    /// To whom.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) to: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Also the flows that others imply.
    #[arg(long)]
    pub(crate) implied: bool,
    /// Also the statement and its reason.
    #[arg(long)]
    pub(crate) why: bool,
    /// One row for each of these.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) by: Option<By>,
}

/// What rows are summed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// Namespaces.
    Namespace,
}

/// Says why one end may talk to another, or why not and what would allow it.
///
/// FROM and TO are a service, an external, internet, cluster.dns|api|nodes, ingress (a controller
/// outside the platform), an address or a CIDR; TO may name a port. The answer is the result: the exit
/// code is 0 whether it is yes or no.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc why hl7-health kvs-database:kvs         through which flow, policy and rule
  erpc why hl7-health ldap-directory           which side forbids it, and what would allow it
  erpc why internet erp-telemetry.grafana      whether the world may come
  erpc why 203.0.113.7 traefik-ingress:web     whether an address may")]
pub(crate) struct Why {
    /// Who calls.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) from: String,
    /// Who is called, with `:PORT` by name or number if one is meant.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) to: String,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
}

/// Shows what changes in effective connectivity between an older version of the source and this one,
/// or what differs between two profiles.
///
/// The older version is a folder, or a revision of Git. What is compared is who may talk to whom on which
/// ports, declared and implied, not the text: a refactoring shows nothing. `moved` is followed. Of two
/// profiles, or of one and the platform without any, everything is compared in resolved terms: what is
/// off, values with the lines that say them, connections.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc diff HEAD                       what the working tree opens and closes
  erpc diff origin/main --format markdown
                                       for a pull request
  erpc diff ../before                  against another folder
  erpc diff HEAD~1 --forbid-open       exit 2 if anything opened (for CI)
  erpc diff HEAD --forbid-open 'erp-security.*'
                                       … to these
  erpc diff --profile dev --profile production
                                       what differs between two profiles
  erpc diff --profile dev              … between none and one")]
pub(crate) struct Diff {
    /// A folder, or a revision of Git; with two profiles the project, instead of PATH.
    pub(crate) old: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Exit with 2 where something opened; with TO, where it opened to one of these.
    #[arg(long, value_name = "TO", num_args = 0..=1, default_missing_value = "")]
    pub(crate) forbid_open: Option<String>,
}

/// Shows which peers a service reaches, directly and through others, with a shortest path for each.
///
/// Paths lead through services and the ingress controller only: internet, externals and cluster.* are
/// ends. NAME is a service, several (ns.*), an external, internet, cluster.nodes or an address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc reach internet                  what the world may come to
  erpc reach hl7-health                the blast radius of a service
  erpc reach --to kvs-database         who may come to a service
  erpc reach 203.0.113.7               what an address may come to")]
pub(crate) struct Reach {
    /// Who.
    #[arg(add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) name: String,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Turn the question round: who reaches NAME.
    #[arg(long)]
    pub(crate) to: bool,
}

/// Draws the platform: namespaces as boxes, tiers from bottom to top, flows by mode.
///
/// `--format html` is the explorer: one file that needs no network, with a search, filters, and
/// everything that is known of a service.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc graph > platform.svg                    the whole platform
  erpc graph --focus hl7-health                what a service calls and who calls it
  erpc graph --focus kvs-database --depth 2    two steps away
  erpc graph --format html > platform.html     the explorer
  erpc graph --format mermaid                  for Markdown")]
pub(crate) struct Graph {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Only this service, what it calls and who calls it.
    #[arg(long, value_name = "SERVICE", add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) focus: Option<String>,
    /// How many steps away from the focus.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "focus")]
    pub(crate) depth: usize,
}

/// Shows what the failure of a service or an external costs: who is lost, who degrades, which budgets burn.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc impact kvs-database                 who cannot work without the store
  erpc impact bank                         who cannot work without an external
  erpc impact ca-pki --format json         for a script")]
pub(crate) struct Impact {
    /// The service or the external.
    #[arg(add = ArgValueCompleter::new(names::services_and_externals))]
    pub(crate) name: String,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
}

/// Writes the platform's handbook: every table that follows from the model.
///
/// Titles, documentation and reasons are kept in the language of the source; headings are in the
/// chosen language.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc report --lang uk                        Markdown on standard output
  erpc report --format html > handbook.html    one page that needs no network
  erpc report --out docs/platform              both, with the picture and the explorer")]
pub(crate) struct Report {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// The language of the headings.
    #[arg(long, value_enum, default_value_t = Lang::En)]
    pub(crate) lang: Lang,
    /// Write handbook.md, handbook.html, platform.svg and platform.html into this folder; with
    /// --format, that one alone.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}

/// A language of headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// Ukrainian.
    Uk,
    /// English.
    En,
}

/// Runs the tests of a platform.
///
/// Where an expectation does not hold, both of its sides are shown. A filter that no test has in
/// its name is a failure, so that nothing is ever tested by mistake.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc test                        all tests of the nearest platform.erp
  erpc test --filter directory     those with this in their name
  erpc test --format junit         for continuous integration")]
pub(crate) struct Test {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Only the tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    pub(crate) filter: Option<String>,
}

/// Proves what the output allows, and prints a certificate; or evaluates arbitrary manifests.
///
/// The output is read as a cluster would read it, and compared with what the platform declares.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc prove                       all statements about the nearest platform's output
  erpc prove --format json         the same for tools
  erpc prove --manifests deploy    who may talk to whom by the YAML in this folder")]
pub(crate) struct Prove {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    /// Evaluate the manifests below this folder, or in this file, instead of a platform.
    #[arg(long, value_name = "DIR", conflicts_with = "path")]
    pub(crate) manifests: Option<PathBuf>,
}

/// Formats sources in the one style that there is.
///
/// A statement that cannot be read stays as it is. Without paths, all files of the nearest platform.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc fmt                         all files of the platform
  erpc fmt apps.erp stdlib         this file, and every .erp file in that folder
  erpc fmt --check                 exit 2 and list what is not formatted
  erpc fmt --stdin < platform.erp  from standard input to standard output")]
pub(crate) struct Fmt {
    /// Files, and folders that are searched for `.erp` files.
    pub(crate) paths: Vec<PathBuf>,
    /// Write nothing; list what is not formatted and exit 2 if something is not.
    #[arg(long)]
    pub(crate) check: bool,
    /// Write nothing; show what would change and exit 2 if something would.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Read standard input, write standard output.
    #[arg(long, conflicts_with_all = ["paths", "check", "diff"])]
    pub(crate) stdin: bool,
}

/// Explains a code, a term, a word of the language, or what becomes of a service.
///
/// The page of a code says what it means, why it matters, a wrong and a right example. For a service
/// it lists the objects that are emitted and who acts on each of them in a cluster.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc explain E0403               one code
  erpc explain                     all codes
  erpc explain slo                 a term or a word of the language
  erpc explain erp-apps.hl7-health the objects of a service, and who acts on each")]
pub(crate) struct Explain {
    /// A code, term, word or service [default: a list of all codes].
    #[arg(add = ArgValueCompleter::new(names::codes_and_services))]
    pub(crate) name: Option<String>,
    /// For a service: project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
}

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct Access {
    /// The context of the kubeconfig [default: the current one].
    #[arg(long, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// The kubeconfig [default: $KUBECONFIG, then ~/.kube/config; in a pod its ServiceAccount].
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
}

/// How much a plan shows.
#[derive(Debug, Args)]
pub(crate) struct Detail {
    /// List every object, field and line of a long value, and every object as it is written.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// What a plan may do beyond creating and changing.
#[derive(Debug, Args)]
pub(crate) struct Permit {
    /// Plan only this namespace or service, whatever else differs; may be repeated [default: the whole
    /// platform]. Objects that it shares with others are created if they are missing, and not changed.
    #[arg(long, value_name = "NAMESPACE[.SERVICE]", add = ArgValueCompleter::new(names::services_and_namespaces))]
    pub(crate) only: Vec<String>,
    /// Delete what was applied earlier and is not in the source any more.
    #[arg(long)]
    pub(crate) prune: bool,
    /// Close what the source no longer allows before anything else, without waiting for rollouts: rules of
    /// policies, RBAC rules and bindings, routes. Pods of the earlier revision lose it at once.
    #[arg(long)]
    pub(crate) revoke: bool,
    /// Take over the fields that this field manager owns, and remove what it added to declared objects.
    ///
    /// By default of all objects; MANAGER=NAMESPACE, MANAGER=NAMESPACE/NAME, MANAGER=KIND/NAMESPACE/NAME
    /// or, without a namespace, MANAGER=KIND/NAME restricts it. Can be repeated.
    #[arg(long, value_name = "MANAGER[=OBJECT]")]
    pub(crate) take_from: Vec<erpc_cluster::Taking>,
    /// Delete and make anew the objects of this name, where a field cannot be changed in place.
    #[arg(long, value_name = "NAME")]
    pub(crate) replace: Vec<String>,
    /// Stop a service that was renamed (`moved`) while its volumes go over to its new name.
    #[arg(long)]
    pub(crate) move_volumes: bool,
    /// Take over objects that another platform owns, and a platform that another source has applied.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Apply although Argo CD or Flux keeps the same objects and may set them back.
    #[arg(long)]
    pub(crate) even_if_gitops: bool,
    /// Let each service wait so long for a Secret that is missing, instead of blocking the plan: for Secrets
    /// that cert-manager or External Secrets creates after the first apply [default when given: 10m].
    #[arg(long, value_name = "TIME", num_args = 0..=1, require_equals = true, default_missing_value = "10m", value_parser = duration)]
    pub(crate) wait_for_secrets: Option<std::time::Duration>,
}

impl Permit {
    /// The flags that were given.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        let flags = [
            (!self.only.is_empty(), "--only"),
            (self.prune, "--prune"),
            (self.revoke, "--revoke"),
            (!self.take_from.is_empty(), "--take-from"),
            (!self.replace.is_empty(), "--replace"),
            (self.move_volumes, "--move-volumes"),
            (self.take_over, "--take-over"),
            (self.even_if_gitops, "--even-if-gitops"),
        ];
        let given = flags.into_iter().filter(|(is_given, _)| *is_given);
        given.map(|(_, flag)| flag).collect()
    }
}

/// Shows what `apply` would do to a cluster, field by field, and changes nothing.
///
/// Each change is judged by a dry run of the API server and shown with the line of the source that
/// it comes from. Exits 0 where nothing differs, 2 where something does, 1 where something blocks.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc plan                        against the current context
  erpc plan --context production   against another one
  erpc plan --prune                with what would be deleted
  erpc plan --only shop-back.api   one service
  erpc plan --out plan.json        save it for `erpc apply plan.json`
  erpc plan --format markdown      for a pull request")]
pub(crate) struct Plan {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) permit: Permit,
    #[command(flatten)]
    pub(crate) detail: Detail,
    /// Save the plan, so that `apply` does exactly this or nothing.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Makes a cluster what the platform says.
///
/// Shows the plan and asks; writes namespaces, policies and configuration first, then each service
/// when what it requires is ready; says why when one is not. Killed at any moment, it goes on from
/// there when it is run again. With a saved plan it does exactly that or nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc apply                       plan, ask, apply
  erpc apply --yes                 without a question, as CI does
  erpc apply plan.json             what `erpc plan --out plan.json` showed, or nothing
  erpc apply --prune               delete what is not in the source any more, too
  erpc apply --only shop-back.api --only shop-front
                                   one service and one namespace
  erpc apply --revoke --only shop-back.api
                                   close at once what a service may not do any more
  erpc apply --on-failure revert   at night: where a service stalls, all changed ones go back
  erpc apply --format json --yes   a JSON object a line for each event")]
pub(crate) struct Apply {
    /// Project directory or file, or a saved plan [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) permit: Permit,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// How a run that writes works.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) detail: Detail,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The platform's name, where much is deleted: more than ten objects, a fifth, or any under another profile than the last.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) confirm: Option<String>,
    /// How long all of it may take.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = duration)]
    pub(crate) timeout: std::time::Duration,
    /// How long to wait for another run that is at work.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    pub(crate) wait_lock: std::time::Duration,
    /// How long a call is tried again while the API server is away or overloaded.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) retry_for: std::time::Duration,
    /// The most calls at once.
    #[arg(long, value_name = "N")]
    pub(crate) concurrency: Option<usize>,
    /// What becomes of the services that were changed when one of them does not become ready: they stay as they are, or
    /// all go back to what they were before.
    #[arg(long, value_enum, default_value_t = OnFailure::Keep)]
    pub(crate) on_failure: OnFailure,
}

/// What becomes of changed services when one does not become ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OnFailure {
    /// They stay, so that it can be seen what is wrong.
    Keep,
    /// They go back, in the opposite order.
    Revert,
}

/// Lists the releases of a platform: who applied what, when, and how it ended.
///
/// A release is a run of `apply` or `rollback` that began to write. The last 50 are listed; `erpc
/// rollback` can bring back the last 10. Reads the cluster only; of the source it needs the name of the
/// platform, so that errors in it do not matter.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc history                     newest first
  erpc history --format json       for programs")]
pub(crate) struct History {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Brings back the objects of an earlier release.
///
/// Works like `apply`: shows the plan, asks, and changes services in the order of their requirements. The
/// objects come from the cluster, as that release applied them; the source on disk is not read beyond
/// the platform's name and stays as it is. Bring the source back, too: the next `apply` of it brings the
/// newer objects again. What the newer release added is deleted only with --prune. Data is never rolled
/// back.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc rollback                    to the last different release that ended well
  erpc rollback 12                 to release 12 of `erpc history`
  erpc rollback 12 --prune         and delete what was added since
  erpc rollback 12 --yes           without a question")]
pub(crate) struct Rollback {
    /// Number of the release [default: the last one before the newest that applied the whole platform,
    /// ended well and had other objects].
    pub(crate) release: Option<String>,
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    #[command(flatten)]
    pub(crate) permit: Permit,
    #[command(flatten)]
    pub(crate) run: Run,
}

/// Shows every service against its declaration.
///
/// Exits 0 where all are ready, 3 where one is not.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc status                      once
  erpc status --watch              again whenever something changes
  erpc status --format json        for programs")]
pub(crate) struct Status {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Go on until interrupted.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Shows what in a cluster differs from the source, and who changed it.
///
/// Reports declared fields with another value, fields and objects that others added, missing objects,
/// pods that carry a service's labels without being its pods, connections against the source, and
/// volumes that are smaller than declared. Each difference has a severity: opens-network,
/// changes-permissions and changes-security-context are errors, other is a warning. Writes nothing.
///
/// Exits 0 if nothing differs, 2 if something does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc drift                       against the current context
  erpc drift --format json         for an alert")]
pub(crate) struct Drift {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
}

/// Deletes a platform from a cluster, clients before what they need.
///
/// Lists what is deleted and what stays, and asks for the platform's name. Claims stay without --delete-data. A
/// namespace stays if erpc did not create it, or if it contains any object that is not the platform's. Services and
/// policies of a namespace are deleted when its last pod has ended. Exits 0 when everything is deleted, 1 if nothing
/// was, 4 if something is left, 130 when interrupted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc destroy                     list, ask, delete
  erpc destroy --confirm shop      without a question
  erpc destroy --delete-data       the claims and their data, too
  erpc destroy --namespace shop-x  this namespace with everything in it but claims, too")]
pub(crate) struct Destroy {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// The platform's name, instead of a question.
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) confirm: Option<String>,
    /// Delete the platform's claims and their data.
    #[arg(long)]
    pub(crate) delete_data: bool,
    /// Delete the platform although another source has applied it.
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Delete this namespace of the platform with everything in it; if it contains a claim, only with --delete-data.
    #[arg(long, value_name = "NAMESPACE")]
    pub(crate) namespace: Vec<String>,
    /// How long pods and namespaces may take to end, in addition to the grace period of the pods.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) timeout: std::time::Duration,
}

/// Tries the declared flows and the `never`s from inside the cluster.
///
/// Pods with the labels of each service, and in each namespace one of a stranger, open what the source
/// declares and try what it forbids: what comes of it is what the network does. They are never ready,
/// so no Service sends them anything. Without --run they are printed as Jobs. Exits 1 where a flow does
/// not come through, or something forbidden does.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc probe                       the Jobs as YAML, for review or for a pipeline
  erpc probe --run                 ask, run them, read what they saw, delete them
  erpc probe --run --yes --format json
  erpc probe --image registry.internal/agnhost:2.53   from a registry of your own")]
pub(crate) struct Probe {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Run the Jobs, read them, and delete them.
    #[arg(long)]
    pub(crate) run: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// An image with a shell and `/agnhost`.
    #[arg(long, value_name = "IMAGE", default_value = erpc_cluster::PROBE_IMAGE)]
    pub(crate) image: String,
}

/// Checks whether a cluster is fit for the platform.
///
/// Versions, identity, APIs, rights, capacity, quotas, storage, ingress, DNS, addresses, network policies,
/// Pod Security, metrics, webhooks, Secrets, other tools, images, leftovers: each with what was found and
/// what to do. Writes nothing without --probe; needs no other tool.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc doctor                      before the first apply
  erpc doctor --probe              with a namespace of its own, whether policies are enforced
  erpc doctor --format json        for programs")]
pub(crate) struct Doctor {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Try in a namespace of its own, which goes again, whether the network enforces policies.
    #[arg(long)]
    pub(crate) probe: bool,
    /// For --probe, an image with a shell and `/agnhost`.
    #[arg(long, value_name = "IMAGE", default_value = erpc_cluster::PROBE_IMAGE)]
    pub(crate) image: String,
}

/// Prints the permissions that the commands against a cluster need for this platform.
///
/// An administrator applies them. They contain the platform's namespaces, which the deployer may not
/// change, and the rules that the platform's own roles grant, so that neither `escalate` nor `bind` is
/// needed. What Kubernetes cannot restrict any further is printed first, as comments.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc rbac --user ci | kubectl apply -f -
  erpc rbac --service-account ci/deployer
  erpc rbac --for plan,drift,status --group developers    without any right to write
  erpc rbac --destroy                                     with what `erpc destroy` needs")]
pub(crate) struct Rbac {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory]
    pub(crate) path: Option<PathBuf>,
    /// The user who gets them.
    #[arg(long, value_name = "NAME", default_value = "erpc")]
    pub(crate) user: String,
    /// Give them to a group instead of a user.
    #[arg(long, value_name = "NAME", conflicts_with = "service_account")]
    pub(crate) group: Option<String>,
    /// Give them to a ServiceAccount instead of a user.
    #[arg(long, value_name = "NAMESPACE/NAME")]
    pub(crate) service_account: Option<String>,
    /// The commands that need them, separated by commas; `apply` contains `plan`, `drift` and `status`
    /// with dry runs, which on their own only read.
    #[arg(
        long = "for",
        value_name = "COMMAND",
        value_delimiter = ',',
        default_value = "apply"
    )]
    pub(crate) tasks: Vec<RbacTask>,
    /// Add the permissions of `erpc destroy`.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Add the permissions of `erpc probe --run`.
    #[arg(long)]
    pub(crate) probe: bool,
}

/// A command whose permissions are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RbacTask {
    Plan,
    Drift,
    Status,
    Apply,
    Destroy,
    Probe,
    Doctor,
}

/// Takes over what kubectl, Helm or a script applied, without changing a field.
///
/// Their entries in the objects' managed fields become erpc's, so that a field that leaves the source
/// leaves the cluster. What differs from the source is shown by the next plan.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc adopt                       show, ask, take over
  erpc adopt --from helm --yes     what Helm applied, without a question
  erpc adopt --helm shop           the labels and annotations by which a release of Helm could take over
  erpc adopt --helm shop --apply   writes them
  erpc adopt --helm shop --back --apply   takes them away")]
pub(crate) struct Adopt {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Only what this field manager owns [default: those of kubectl, Helm and Argo CD].
    #[arg(long, value_name = "MANAGER")]
    pub(crate) from: Vec<String>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// The other way round: show which labels and annotations let this release of Helm take over.
    #[arg(long, value_name = "RELEASE", conflicts_with_all = ["from", "yes"])]
    pub(crate) helm: Option<String>,
    /// The namespace of the release [default: the one in the chart's README].
    #[arg(long, value_name = "NAMESPACE", requires = "helm")]
    pub(crate) release_namespace: Option<String>,
    /// Back from Helm: take its labels and annotations away.
    #[arg(long, requires = "helm")]
    pub(crate) back: bool,
    /// Write them.
    #[arg(long, requires = "helm")]
    pub(crate) apply: bool,
}

/// Frees the lock of a run that is gone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc unlock                      say who holds it, ask, free it")]
pub(crate) struct Unlock {
    /// Project directory or file [default: nearest platform.erp in this or a parent directory].
    pub(crate) path: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) access: Access,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// `90s`, `5m`, `1h`.
fn duration(text: &str) -> Result<std::time::Duration, String> {
    let (number, factor) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        _ => (text, 1),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a time is a number with s, m or h: 90s, 5m, 1h".to_owned())?;
    let seconds = number.saturating_mul(factor);
    Ok(std::time::Duration::from_secs(seconds))
}

/// Starts a platform from a template.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc init                        hello in this folder
  erpc init shop --template shop   three tiers, in a new folder
  erpc init --name web-shop        the platform is called web-shop
  erpc init --list                 all templates")]
pub(crate) struct Init {
    /// The folder, which is made if there is none.
    #[arg(default_value = ".")]
    pub(crate) path: PathBuf,
    /// Which template.
    #[arg(long, default_value = "hello", value_name = "NAME")]
    pub(crate) template: String,
    /// The name of the platform, under which a cluster knows it; asked on a terminal [default: the template's].
    #[arg(long, value_name = "PLATFORM")]
    pub(crate) name: Option<String>,
    /// List the templates and write nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Writes manual pages: one for erpc and one for each of its commands.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  erpc man ~/.local/share/man/man1
                                   then `man erpc-build`")]
pub(crate) struct Man {
    /// The folder that they are written to; it is made if there is none.
    pub(crate) dir: PathBuf,
}

/// Prints the completions of a shell.
///
/// The script asks `erpc` at each completion, so that the names of namespaces and services of the
/// nearest platform complete too. It belongs to this version: load it at the start of each shell.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(erpc completions bash)  in ~/.bashrc
  source <(erpc completions zsh)   in ~/.zshrc
  erpc completions fish | source   in ~/.config/fish/config.fish")]
pub(crate) struct Completions {
    /// The shell.
    pub(crate) shell: clap_complete::Shell,
}
