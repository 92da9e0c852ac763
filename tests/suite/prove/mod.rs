//! The proof: the evaluator against what the catalogue of ERP/1 says, against a naive one, against
//! others' engines; damage of every kind, in the output and in what it is derived from.

mod command;
mod erp1;
mod faults;
mod judges;
mod limits;
mod manifests;
mod mutations;
mod naive;
mod rollout;
mod statements;
mod taken;

use erpc_prove::{
    Claims, ClusterAddresses, Coverage, Exactness, File, Manifests, Matrix, Partition, Reading,
};

/// Files of manifests in memory: path and text.
pub(crate) type Texts = Vec<(String, String)>;

/// The output of a platform as it is on disk.
pub(crate) fn committed(folder: &std::path::Path) -> Texts {
    let mut texts = Texts::new();
    for below in ["lib", "share"] {
        for (path, bytes) in erpc_tests::files_below(&folder.join(below)) {
            let text = String::from_utf8(bytes).expect("UTF-8");
            texts.push((format!("{below}/{path}"), text));
        }
    }
    texts
}

/// Reads texts as manifests.
pub(crate) fn read(texts: &Texts) -> Manifests {
    let files: Vec<File<'_>> = texts
        .iter()
        .map(|(path, text)| File {
            path,
            bytes: text.as_bytes(),
        })
        .collect();
    Manifests::read(&files)
}

/// Whether manifests are exact and cover everything; what is wrong, where not.
pub(crate) fn prove(
    manifests: &Manifests,
    claims: &Claims,
    cluster: &ClusterAddresses,
) -> Result<(), String> {
    if let Some(problem) = manifests.problems.first() {
        return Err(problem.to_string());
    }
    let partition = Partition::of(manifests, claims, cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, cluster);
    let exactness = Exactness::of(&partition, &mut matrix, claims);
    let show = |from, to, ports| {
        format!(
            "{} -> {}: {}",
            partition.show(from),
            partition.show(to),
            matrix.sets().show(ports)
        )
    };
    let differences = exactness.missing.iter().map(|d| ("missing", d));
    let differences = differences.chain(exactness.extra.iter().map(|d| ("extra", d)));
    let mut lines: Vec<String> = differences
        .map(|(kind, d)| format!("{kind}: {}", show(d.from, d.to.unwrap_or(d.from), d.ports)))
        .collect();
    lines.extend(exactness.half_open.iter().map(|half| {
        let direction = half.direction.field();
        format!(
            "half open ({direction}): {}",
            show(half.class, half.other, half.ports)
        )
    }));
    for (class, direction) in &exactness.open {
        lines.push(format!(
            "open: {} ({})",
            partition.show(*class),
            direction.field()
        ));
    }
    for (end, _) in &exactness.nowhere {
        lines.push(format!("nowhere: {:?}", claims.peer_of(*end)));
    }
    let coverage = Coverage::of(&partition, &matrix, claims);
    lines.extend(coverage.uncovered.iter().map(|one| format!("{one:?}")));
    if lines.is_empty() {
        Ok(())
    } else {
        Err(lines.join("\n"))
    }
}

/// The fast reader of our own output says what the library says, on every committed output and on a
/// generated one.
#[test]
fn our_output_reads_the_same_by_the_fast_reader_and_by_the_library() {
    let folders = erpc_tests::platforms();
    let mut outputs: Vec<Texts> = folders.iter().map(|folder| committed(folder)).collect();
    let compiled = erpc_tests::generator::platform_of(100).compile();
    let (platform, derived) = compiled.result.as_ref().expect("it compiles");
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    outputs.push(
        files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect(),
    );
    for texts in outputs {
        let files: Vec<File<'_>> = texts
            .iter()
            .map(|(path, text)| File {
                path,
                bytes: text.as_bytes(),
            })
            .collect();
        assert_eq!(Manifests::read_ours(&files), Manifests::read(&files));
    }
}

/// Everybody may call everybody on ten ports: as many cells as pairs, and no more sets of ports than
/// there are kinds of pairs.
#[test]
fn the_worst_case_has_a_cell_for_each_pair_and_few_sets() {
    let compiled = erpc_tests::generator::dense_platform(80).compile();
    let (platform, derived) = compiled.result.as_ref().expect("it compiles");
    assert!(derived.edges.as_slice().len() >= 80 * 79 * 10);
    let files = erpc_emit::files(platform, derived, &compiled.sources);
    assert!(erpc_cli::proof::check(platform, &files).is_empty());
    let manifests = erpc_cli::proof::read(&files);
    let (claims, cluster) = (Claims::new(), ClusterAddresses::default());
    let partition = Partition::of(&manifests, &claims, &cluster);
    let mut matrix = Matrix::of(&partition, Reading::STANDARD, &cluster);
    let dense = |class| partition.show(class).starts_with("all-");
    let cells = matrix.cells();
    let between = cells
        .iter()
        .filter(|cell| dense(cell.from) && dense(cell.to));
    let mut sets: Vec<_> = between.clone().map(|cell| cell.ports).collect();
    assert_eq!(between.count(), 80 * 79);
    sets.sort_unstable();
    sets.dedup();
    assert_eq!(sets.len(), 1);
}
