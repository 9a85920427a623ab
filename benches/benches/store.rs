//! Measures the dataset store on synthetic records: 5 boxes each, of 10 classes.
//!
//! `cargo bench -p ymir-benches --bench store -- [ASSETS] [DIRECTORY]`
//!
//! ASSETS is 100,000 unless given. The store is made in a temporary directory below DIRECTORY, or
//! below the build's, and deleted at the end. Each phase runs in a process of its own, so that
//! what it reads is cold for the store, although the operating system may have the files in memory.
#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use futures::future::BoxFuture;
use tokio::runtime::Runtime;
use ymir::testkit::generate::records::SyntheticRecords;
use ymir::{
    AssetStore, Base, Branch, ClassId, CommitRequest, DiffOptions, Edit, Edits, Expect,
    FindOptions, GitAssetStore, Images, Loader, LoaderOptions, Manifest, Name, PageOptions, Part,
    Record, Result, Selector, SplitOptions, Version, operations,
};

const PHASES: [(&str, Phase); 8] = [
    ("commit", commit_all),
    ("page", cold_page),
    ("class-page", cold_class_page),
    ("one", commit_one),
    ("diff", diff),
    ("warm", warm),
    ("query", query),
    ("operate", operate),
];

type Phase = fn(&Run) -> Result<()>;

/// One phase in its process.
struct Run {
    root: PathBuf,
    records: SyntheticRecords,
    runtime: Runtime,
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [phase, root, assets] if PHASES.iter().any(|(name, _)| name == phase) => {
            run_phase(phase, Path::new(root), assets.parse().expect("a number of assets"));
        }
        _ => {
            let assets = arguments.first().map_or(100_000, |n| n.parse().expect("a number"));
            let base = arguments.get(1).map_or(env!("CARGO_TARGET_TMPDIR"), String::as_str);
            run_all(assets, Path::new(base));
        }
    }
}

fn run_all(assets: u64, base: &Path) {
    let dir = tempfile::Builder::new().prefix("bench-store-").tempdir_in(base).expect("writable");
    println!("{assets} assets, 5 boxes each, 10 classes");
    println!("{:<44} {:>12} {:>12} {:>14}", "what", "median", "worst", "growth");
    for (phase, _) in PHASES {
        let program = std::env::current_exe().expect("a program has a path");
        let status = Command::new(program)
            .args([phase, dir.path().to_str().expect("UTF-8"), &assets.to_string()])
            .status()
            .expect("the program can be run");
        assert!(status.success(), "the phase {phase} failed");
    }
}

fn run_phase(name: &str, root: &Path, assets: u64) {
    let (_, phase) =
        PHASES.iter().find(|(phase, _)| *phase == name).expect("checked by the caller");
    let records = SyntheticRecords { assets, boxes: 5, classes: 10, seed: 1 };
    let runtime = Runtime::new().expect("a runtime can be made");
    phase(&Run { root: root.to_owned(), records, runtime }).expect("the store works");
}

impl Run {
    fn store(&self) -> Result<GitAssetStore> {
        GitAssetStore::open(&self.root)
    }

    fn tip(&self, store: &GitAssetStore) -> Result<Version> {
        self.runtime.block_on(store.resolve(&branch(), &Selector::Latest))
    }

    fn commit(&self, store: &GitAssetStore, edits: Edits) -> Result<Version> {
        self.runtime.block_on(store.commit(CommitRequest {
            branch: branch(),
            base: Base::Tip,
            edits,
            expect: Expect::Any,
            manifest: Manifest::default(),
            message: "Measure".into(),
        }))
    }

    fn size(&self) -> u64 {
        folder_size(&self.root.join("repo.git"))
    }
}

fn branch() -> Branch {
    Branch::dataset("bench").expect("a valid name")
}

fn commit_all(run: &Run) -> Result<()> {
    let store = GitAssetStore::init(&run.root)?;
    run.runtime.block_on(store.add_classes(&run.records.class_entries()))?;
    let before = run.size();
    let start = Instant::now();
    run.commit(&store, run.records.edits())?;
    row("commit of all, generating included", &mut [start.elapsed()], Some(run.size() - before));
    let start = Instant::now();
    run.records.iter().for_each(|record| drop(std::hint::black_box(record)));
    row("  of which generating", &mut [start.elapsed()], None);
    row("  processor time of both, all threads", &mut [processor_time()], None);
    println!("{:<44} {:>9} MiB", "  peak memory", peak_memory() >> 20);
    Ok(())
}

fn cold_page(run: &Run) -> Result<()> {
    page(run, None, "reopen and page of 100 at the middle, cold")
}

fn cold_class_page(run: &Run) -> Result<()> {
    page(run, Some(ClassId(3)), "the same, of one class, cold")
}

fn page(run: &Run, class: Option<ClassId>, what: &str) -> Result<()> {
    let start = Instant::now();
    let store = run.store()?;
    let tip = run.tip(&store)?;
    let options = PageOptions { offset: run.records.assets / 3, limit: 100, class };
    let page = run.runtime.block_on(store.page(&tip.id, options))?;
    row(what, &mut [start.elapsed()], None);
    assert!(!page.records.is_empty());
    Ok(())
}

fn commit_one(run: &Run) -> Result<()> {
    let store = run.store()?;
    let (mut times, mut growth) = (Vec::new(), Vec::new());
    for n in 0..200 {
        let record = run.records.record(run.records.assets + n);
        let before = run.size();
        let start = Instant::now();
        run.commit(&store, Edits::put(vec![record]))?;
        times.push(start.elapsed());
        growth.push(run.size().saturating_sub(before));
    }
    row("cold commit of one", &mut times[..1], Some(growth[0]));
    growth.sort_unstable();
    row("commit of one, 200 times", &mut times, Some(growth[growth.len() / 2]));
    row("  processor time of the 200", &mut [processor_time()], None);
    let mut syncs: Vec<Duration> = (0..50).map(|_| sync_time(&run.root)).collect();
    row("  for comparison: a new file and one fsync", &mut syncs, None);
    Ok(())
}

fn diff(run: &Run) -> Result<()> {
    let store = run.store()?;
    let changed = |n: u64| -> Record {
        let mut record = run.records.record(n * (run.records.assets / 1000).max(1));
        record.asset.width += 1;
        record
    };
    let edits = (0..1000).map(changed).map(|record| Ok(Edit::Put(record))).collect::<Vec<_>>();
    let from = run.tip(&store)?;
    let start = Instant::now();
    let to = run.commit(&store, Edits::new(edits.into_iter()))?;
    row("commit of 1,000 changes", &mut [start.elapsed()], None);
    let start = Instant::now();
    run.runtime.block_on(store.diff(&from.id, &to.id, DiffOptions::default()))?;
    row("diff of 1,000 changes", &mut [start.elapsed()], None);
    Ok(())
}

fn warm(run: &Run) -> Result<()> {
    let store = run.store()?;
    let id = run.tip(&store)?.id;
    let total = run.records.assets;
    for class in [None, Some(ClassId(3))] {
        let mut times = Vec::new();
        for n in 0..4000u64 {
            let offset = (n * 7919 * 100) % (total / 2).max(1);
            let start = Instant::now();
            let options = PageOptions { offset, limit: 100, class };
            run.runtime.block_on(store.page(&id, options))?;
            times.push(start.elapsed());
        }
        let what =
            if class.is_some() { "page of 100 of one class, warm" } else { "page of 100, warm" };
        row(what, &mut times[2000..], None);
    }
    let mut times = Vec::new();
    for n in 0..20_000u64 {
        let wanted = [run.records.record((n * 7919) % 5_000.min(total)).asset.id];
        let start = Instant::now();
        let found = run.runtime.block_on(store.get(&id, &wanted))?;
        times.push(start.elapsed());
        assert!(found[0].is_some());
    }
    row("lookup of one asset, warm", &mut times[10_000..], None);
    let mut times = Vec::new();
    for _ in 0..5 {
        let start = Instant::now();
        run.runtime.block_on(store.asset_ids(&id, Some(ClassId(3))))?;
        times.push(start.elapsed());
    }
    row("ids of one class, cold", &mut times[..1], None);
    row("ids of one class, warm", &mut times[1..], None);
    let start = Instant::now();
    run.runtime.block_on(store.manifest(&id))?;
    row("statistics, warm", &mut [start.elapsed()], None);
    println!("{:<44} {:>9} MiB", "  peak memory of reading", peak_memory() >> 20);
    println!("{:<44} {:>9} MiB", "  repository", run.size() >> 20);
    Ok(())
}

fn query(run: &Run) -> Result<()> {
    let store = run.store()?;
    let id = run.tip(&store)?.id;
    let queries = [
        ("class:'class 3'", "of one class, by the counts"),
        ("class:'class 3' and area<0.002", "of one class and small boxes, by scan"),
        ("width>2000 or boxes(area>0.05)>=2", "of many large boxes, by scan"),
        ("name:*77.jpg", "by file name, by scan"),
    ];
    for (text, what) in queries {
        let query = text.parse()?;
        let time = |work: &dyn Fn() -> Result<u64>| -> Result<(Duration, u64)> {
            let start = Instant::now();
            let found = work()?;
            Ok((start.elapsed(), found))
        };
        let (mut counts, mut finds, mut pages) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..3 {
            let (took, count) = time(&|| run.runtime.block_on(store.count(&id, &query)))?;
            counts.push(took);
            let all = FindOptions::default();
            let find = |options| -> Result<u64> {
                let ids = run.runtime.block_on(store.find(&id, &query, options))?;
                Ok(ids.len() as u64)
            };
            let (took, found) = time(&|| find(all))?;
            assert_eq!(count, found);
            finds.push(took);
            pages.push(time(&|| find(FindOptions { limit: 100, ..all }))?.0);
        }
        row(&format!("count {what}"), &mut counts, None);
        row("  all ids", &mut finds, None);
        row("  the first 100 ids", &mut pages, None);
    }
    println!("{:<44} {:>9} MiB", "  peak memory of querying", peak_memory() >> 20);
    Ok(())
}

fn operate(run: &Run) -> Result<()> {
    let store: Arc<dyn AssetStore> = Arc::new(run.store()?);
    let id = run.runtime.block_on(store.resolve(&branch(), &Selector::Latest))?.id;
    let target = Branch::dataset("made")?;
    let time = |what: &str, work: BoxFuture<'_, Result<()>>| -> Result<()> {
        let start = Instant::now();
        run.runtime.block_on(work)?;
        row(what, &mut [start.elapsed()], None);
        Ok(())
    };
    let query = "class:'class 3' and area<0.002".parse()?;
    time(
        "filter by class and small boxes",
        Box::pin(async {
            operations::filter(&store, &id, &query, &target, &|_| ()).await.map(drop)
        }),
    )?;
    let part = |name, fraction| -> Result<Part> { Ok(Part { name: Name::new(name)?, fraction }) };
    let parts = vec![part("train", 0.8)?, part("val", 0.2)?];
    let options = SplitOptions { parts, seed: 1, unstratified: false };
    time(
        "split in 0.8 and 0.2",
        Box::pin(async { operations::split(&store, &id, &options, &|_| ()).await.map(drop) }),
    )?;
    let train =
        run.runtime.block_on(store.resolve(&Branch::dataset("train")?, &Selector::Latest))?;
    time(
        "intersect with 0.8 of it",
        Box::pin(async {
            operations::intersect(&store, &id, &[train.id], &target, &|_| ()).await.map(drop)
        }),
    )?;
    let options = LoaderOptions { images: Images::None, batch: 256, ..LoaderOptions::default() };
    time(
        "one epoch of records in random order",
        Box::pin(async {
            Loader::new(&store, &id, options).await?.try_for_each(async |_| Ok(())).await
        }),
    )?;
    println!("{:<44} {:>9} MiB", "  peak memory of operating", peak_memory() >> 20);
    Ok(())
}

/// Prints the median and the 99th percentile, which is the greatest of a few.
fn row(what: &str, times: &mut [Duration], growth: Option<u64>) {
    times.sort_unstable();
    let median = times[times.len() / 2];
    let worst = times[(times.len() * 99 / 100).min(times.len() - 1)];
    let growth = growth.map_or(String::new(), |bytes| format!("{bytes} B"));
    let show = |time: Duration| format!("{:.3} ms", time.as_secs_f64() * 1e3);
    println!("{what:<44} {:>12} {:>12} {growth:>14}", show(median), show(worst));
}

fn folder_size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("the repository can be read");
    let size = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.expect("the repository can be read");
        let data = entry.metadata().expect("the repository can be read");
        if data.is_dir() { folder_size(&entry.path()) } else { data.len() }
    };
    entries.map(size).sum()
}

/// Returns how long it takes to write a small file and make it durable.
fn sync_time(dir: &Path) -> Duration {
    let start = Instant::now();
    let path = dir.join("sync");
    std::fs::write(&path, [0; 4096]).expect("writable");
    let file = std::fs::File::open(&path).expect("written");
    file.sync_all().expect("it can be made durable");
    let time = start.elapsed();
    std::fs::remove_file(&path).expect("written");
    time
}

/// Returns the processor time of this process so far; 0 where the system does not tell.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    // User and system time, in the hundredths of a second that Linux shows.
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Returns the most memory that this process had, in bytes; 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok());
    kib.unwrap_or(0u64) * 1024
}
