use futures::StreamExt;
use ymir_core::{EndCause, LogSource};

use super::suite::{RuntimeSuite, ended, in_time, texts};

/// Lines arrive while the executor runs, those of one source in order, to the last.
pub async fn logs_stream_while_it_runs(suite: &RuntimeSuite) {
    let case = suite
        .case(
            "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done\n\
             while [ ! -e $OUT/go ]; do sleep 0.05; done\n\
             echo last",
        )
        .await;
    let run = case.start().await;
    let mut stream = run.logs();
    let mut lines = Vec::new();
    while lines.len() < 10 {
        lines.push(in_time(stream.next()).await.expect("the executor still runs"));
    }
    let numbered = |name: &str| (1..=5).map(|i| format!("{name} {i}")).collect::<Vec<_>>();
    assert_eq!(texts(&lines, LogSource::Stdout), numbered("out"));
    assert_eq!(texts(&lines, LogSource::Stderr), numbered("err"));
    std::fs::write(case.out("go"), "").expect("a file");
    let rest: Vec<_> = in_time(stream.collect()).await;
    assert_eq!(texts(&rest, LogSource::Stdout), ["last"]);
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(ended(run.as_ref()).await.exit_code, Some(0));
}

/// Much output comes whole and in order, and the last line needs no line end.
pub async fn long_logs_are_complete(suite: &RuntimeSuite) {
    let case = suite.case("seq 1 20000\nprintf unfinished").await;
    let (end, lines) = case.run().await;
    assert_eq!(end.cause, EndCause::Exited);
    let lines = texts(&lines, LogSource::Stdout);
    assert_eq!(lines.len(), 20001);
    for (i, line) in lines[..20000].iter().enumerate() {
        assert_eq!(*line, (i + 1).to_string());
    }
    assert_eq!(lines[20000], "unfinished");
}

/// A line longer than 64 KiB is cut there; the next one is whole.
pub async fn long_line_is_cut(suite: &RuntimeSuite) {
    let case = suite.case("head -c 200000 /dev/zero | tr '\\0' x\necho\necho after").await;
    let (_, lines) = case.run().await;
    let lines = texts(&lines, LogSource::Stdout);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].len(), 64 << 10);
    assert!(lines[0].bytes().all(|byte| byte == b'x'));
    assert_eq!(lines[1], "after");
}

/// Bytes that are no UTF-8 are replaced; empty lines are lines.
pub async fn foreign_bytes_are_replaced(suite: &RuntimeSuite) {
    let case = suite.case("printf 'a\\377b\\n\\nc\\r\\n'").await;
    let (_, lines) = case.run().await;
    assert_eq!(texts(&lines, LogSource::Stdout), ["a\u{fffd}b", "", "c"]);
}

/// The log can be taken once; nobody has to take it.
pub async fn logs_are_given_once(suite: &RuntimeSuite) {
    let case = suite.case("seq 1 50000; echo done > $OUT/done").await;
    let run = case.start().await;
    assert_eq!(ended(run.as_ref()).await.exit_code, Some(0));
    assert!(case.out("done").exists());
    let first: Vec<_> = in_time(run.logs().collect()).await;
    assert_eq!(texts(&first, LogSource::Stdout).first(), Some(&"1"));
    let second: Vec<_> = in_time(run.logs().collect()).await;
    assert_eq!(second, []);
}
